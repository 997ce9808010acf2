/* nursery.c - the end of a child, as its nursery sees it. */
#include "nursery.h"

#include "task.h"

void cs_nursery_open(cs_nursery *nursery, cs_scope *parent, bool of_task) {
  *nursery = (cs_nursery){.live = 0};
  cs_scope_open(&nursery->scope, parent, of_task);
}

void cs_nursery_child_done(cs_nursery *nursery, cs_link *link,
                           cs_child_end end) {
  nursery->live--;
  if (end == CS_CHILD_CUT) nursery->child_cancelled = true;
  if (end == CS_CHILD_FAILED) {
    cs_ring_append(&nursery->failures, link);
    if (!nursery->supervises) cs_cancel(&nursery->scope, CS_BY_NURSERY);
  }
  if (nursery->live == 0 && nursery->waiting) {
    nursery->waiting = false;
    cs_wake(cs_scope_task(&nursery->scope));
  }
}

void cs_nursery_abandon(cs_nursery *nursery, cs_nursery *heir) {
  cs_cancel(&nursery->scope, CS_BY_KILL);
  while (nursery->failures != NULL)
    cs_ring_append(&heir->failures, cs_ring_take(&nursery->failures));
  while (nursery->scope.newest != NULL) {
    cs_scope *child = nursery->scope.newest;
    cs_cancel(child, CS_BY_KILL); /* a cause of its own, wherever it is */
    cs_scope_task(child)->nursery = heir;
    cs_scope_move(child, &heir->scope);
  }
  heir->live += nursery->live;
  nursery->live = 0;
}
