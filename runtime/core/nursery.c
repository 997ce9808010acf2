/* nursery.c - the end of a child, as its nursery sees it. */
#include "nursery.h"

#include "block.h"

void cs_nursery_init(cs_nursery *nursery, cs_scope_kind kind) {
  *nursery = (cs_nursery){.live = 0};
  cs_scope_init(&nursery->scope, kind);
}

/* Only blocks have daemons. */
static void cancel_daemons(cs_nursery *nursery) {
  if (nursery->scope.kind != CS_SCOPE_BLOCK || nursery->live == 0) return;
  cs_block *block = cs_scope_block(&nursery->scope);
  if (block->daemons == nursery->live)
    cs_cancel(block->rt, &nursery->scope, CS_BY_DAEMON);
}

static void leave(cs_nursery *nursery, cs_task *child) {
  nursery->live--;
  if (!child->daemon) return;
  cs_scope_block(&nursery->scope)->daemons--;
  child->daemon = false;
}

/* The owner goes on, or waits for daemons alone. */
static void look_after_owner(cs_nursery *nursery) {
  if (!nursery->waiting) return;
  if (nursery->live > 0) {
    cancel_daemons(nursery);
    return;
  }
  nursery->waiting = false;
  cs_wake(cs_scope_task(&nursery->scope));
}

void cs_nursery_child_done(cs_nursery *nursery, cs_task *child,
                           cs_child_end end) {
  leave(nursery, child);
  if (end == CS_CHILD_CUT) nursery->child_cut = true;
  if (end == CS_CHILD_FAILED) {
    cs_ring_append(&nursery->failures, &child->wait.link);
    if (!nursery->supervises)
      cs_cancel(child->rt, &nursery->scope, CS_BY_NURSERY);
  }
  look_after_owner(nursery);
}

void cs_nursery_await(cs_nursery *nursery) {
  nursery->waiting = true;
  cancel_daemons(nursery);
}

void cs_nursery_adopt(cs_nursery *heir, cs_task *child) {
  cs_nursery *nursery = cs_task_nursery(child);
  leave(nursery, child);
  heir->live++;
  cs_scope_move(&child->own.scope, &heir->scope);
  cs_cancel_again(child->rt, &child->own.scope);
  look_after_owner(nursery);
}

void cs_nursery_abandon(cs_runtime *rt, cs_nursery *nursery) {
  cs_nursery *heir = &rt->root;
  cs_cancel(rt, &nursery->scope, CS_BY_KILL);
  nursery->waiting = false;
  while (nursery->failures != NULL) {
    cs_link *link = cs_ring_take(&nursery->failures);
    CS_OWNER(link, cs_task, wait.link)->own.scope.parent = &heir->scope;
    cs_ring_append(&heir->failures, link);
  }
  while (nursery->scope.newest != NULL) {
    cs_scope *child = nursery->scope.newest;
    cs_cancel(rt, child, CS_BY_KILL); /* a cause of its own, wherever it is */
    cs_nursery_adopt(heir, cs_scope_task(child));
  }
}
