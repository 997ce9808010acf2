/* check.c - the invariants of the scheduler, for debug builds. */
#include "scheduler.h"

#include <assert.h>

#ifdef COSCHED_CHECK

static void check_task(const cs_task *task) {
  const cs_wait *wait = &task->wait;
  assert(task->thread != NULL && task->state != CS_TASK_DONE);
  assert(task->state != CS_TASK_RUNNING && task->state != CS_TASK_DOOMED);
  if (task->state == CS_TASK_READY) {
    assert(wait->timer.place == 0);
    assert(!cs_queue_empty(&wait->link));
    assert(wait->status == 0 || !task->uncollected); /* cancelled once */
  } else {
    assert(wait->ops != NULL);
    assert(wait->nresume == 0);
  }
  assert(!task->unclaimed && task->own.scope.parent != NULL);
  assert(cs_scope_task(task->scope) == task);
}

/* With many tasks only now and then: the check looks at each of them. */
static bool due(cs_runtime *rt) {
  rt->checks++;
  return rt->live < 100 || rt->checks % 1024 == 0;
}

void cs_check(cs_runtime *rt) {
  if (!due(rt)) return;
  uint32_t live = 0, outside = 0;
  cs_scope *root = &rt->root.scope, *each = cs_scope_first(root);
  for (; each != root; each = cs_scope_next(root, each)) {
    if (each->kind != CS_SCOPE_TASK) continue;
    check_task(cs_scope_task(each));
    live++;
    const cs_task *task = cs_scope_task(each);
    if (task->state == CS_TASK_PARKED) outside += task->wait.ops->outside;
  }
  assert(live == rt->live);
  assert(outside <= rt->waiting_outside); /* tokens of external count, too */
  for (cs_link *l = rt->ready.next; l != &rt->ready; l = l->next)
    assert(CS_OWNER(l, cs_task, wait.link)->state == CS_TASK_READY);
  assert(cs_queue_empty(&rt->killed) && rt->current == NULL);
}

#endif
