/* wait.c - the only changes of a task's state besides its birth and its end. */
#include "block.h"

#include <assert.h>

int cs_park(cs_task *self, const cs_wait_ops *ops, void *on) {
  assert(self->state == CS_TASK_RUNNING);
  self->wait.ops = ops;
  self->wait.on = on;
  self->wait.status = 0;
  self->uncollected = false; /* of the wait before, where nobody collects */
  self->state = CS_TASK_PARKED;
  self->rt->waiting_outside += ops->outside;
  return CS_PARKED;
}

int cs_park_until(cs_task *self, const cs_wait_ops *ops, void *on,
                  uint64_t deadline) {
  if (deadline != CS_NEVER)
    cs_timer_start(&self->rt->timers, &self->wait.timer, deadline);
  return cs_park(self, ops, on);
}

static void make_ready(cs_task *task, int status) {
  task->wait.status = status;
  task->state = CS_TASK_READY;
  cs_queue_append(&task->rt->ready, &task->wait.link);
}

int cs_requeue(cs_task *self, const cs_wait_ops *ops) {
  assert(self->state == CS_TASK_RUNNING);
  self->wait.ops = ops;
  self->wait.on = NULL;
  self->uncollected = false;
  make_ready(self, 0);
  return CS_PARKED;
}

int cs_requeue_taken(cs_task *self, const cs_wait_ops *ops, void *on) {
  cs_requeue(self, ops);
  self->wait.on = on;
  self->uncollected = true;
  return CS_PARKED;
}

/* Unlinks a parked task from what it waits for. */
static void detach(cs_task *task) {
  cs_link_remove(&task->wait.link);
  cs_timer_stop(&task->rt->timers, &task->wait.timer);
  task->rt->waiting_outside -= task->wait.ops->outside;
}

static void unpark(cs_task *task, int status) {
  cs_runtime *rt = task->rt;
  detach(task);
  make_ready(task, status);
  /* libuv 1.44 would fire a timer and then block in the same uv_run */
  if (rt->polling) uv_stop(&rt->loop);
}

void cs_wake(cs_task *task) {
  assert(task->state == CS_TASK_PARKED);
  unpark(task, 0);
  task->uncollected = true;
}

bool cs_interrupt(cs_task *task, int status) {
  const cs_wait_ops *ops = task->wait.ops;
  if (task->state != CS_TASK_PARKED || ops->cancel == NULL) return false;
  if (ops->shielded && status == UV_ECANCELED) return false;
  ops->cancel(task);
  unpark(task, status);
  return true;
}

void cs_revoke(cs_task *task, int status) {
  if (cs_interrupt(task, status)) return;
  assert(task->state == CS_TASK_READY && task->uncollected);
  task->wait.ops->cancel(task);
  task->uncollected = false;
  task->wait.status = status;
}

/* Of those that a cancellation has made ready. */
static int is_newer(const cs_link *a, const cs_link *b) {
  return CS_OWNER(a, cs_task, wait.link)->tid >
         CS_OWNER(b, cs_task, wait.link)->tid;
}

/* Marks the scope and all below it that sees it, whose deadlines matter no
 * more, and interrupts each task whose innermost scope is among them. */
static void mark(cs_runtime *rt, cs_scope *scope) {
  cs_scope *each = cs_scope_first_reached(scope);
  for (; each != NULL; each = cs_scope_next_reached(scope, each)) {
    if (each->cancelled || (each->shield && each != scope)) continue;
    each->cancelled = true;
    each->cancellation = scope->cancellation;
    if (each->kind == CS_SCOPE_BLOCK)
      cs_timer_stop(&rt->timers, &cs_scope_block(each)->timer);
    cs_task *task = cs_scope_task(each);
    if (task != NULL && task->scope == each) cs_interrupt(task, UV_ECANCELED);
  }
}

static void mark_newest_first(cs_runtime *rt, cs_scope *scope) {
  cs_link before, interrupted;
  cs_link_init(&before);
  cs_link_init(&interrupted);
  cs_queue_append_all(&before, &rt->ready);
  mark(rt, scope);
  cs_queue_append_all(&interrupted, &rt->ready);
  cs_queue_sort(&interrupted, is_newer);
  cs_queue_append_all(&rt->ready, &before);
  cs_queue_append_all(&rt->ready, &interrupted);
}

bool cs_cancel_for(cs_runtime *rt, cs_scope *scope, cs_cancel_source source,
                   uint32_t cancellation) {
  if (scope->source != CS_NOT_CANCELLED) return false;
  scope->source = source & 15;
  if (scope->cancelled) return true; /* through its parent: that reason stays */
  scope->cancellation = cancellation;
  mark_newest_first(rt, scope);
  return true;
}

bool cs_cancel(cs_runtime *rt, cs_scope *scope, cs_cancel_source source) {
  return cs_cancel_for(rt, scope, source, source);
}

void cs_cancel_again(cs_runtime *rt, cs_scope *scope) {
  if (!scope->parent->cancelled || scope->shield || scope->cancelled) return;
  scope->cancellation = scope->parent->cancellation;
  mark_newest_first(rt, scope);
}

void cs_give_up(cs_task *task) {
  bool parked = task->state == CS_TASK_PARKED;
  if ((parked || task->uncollected) && task->wait.ops->cancel != NULL)
    task->wait.ops->cancel(task);
  if (parked) detach(task);
  task->uncollected = false;
}

bool cs_doom(cs_task *task) {
  if (task->state == CS_TASK_DONE || task->state == CS_TASK_DOOMED)
    return false;
  cs_give_up(task);
  cs_scope_nursery(task->scope)->waiting = false;
  task->wait.progress = 0; /* no reason yet */
  task->state = CS_TASK_DOOMED;
  cs_link_remove(&task->wait.link);
  cs_queue_append(&task->rt->killed, &task->wait.link);
  task->rt->killed_unsorted = true;
  return true;
}

cs_task *cs_take_doomed(cs_runtime *rt) {
  if (cs_queue_empty(&rt->killed)) return NULL;
  if (rt->killed_unsorted) cs_queue_sort(&rt->killed, is_newer);
  rt->killed_unsorted = false;
  return CS_OWNER(cs_queue_take(&rt->killed), cs_task, wait.link);
}

void cs_doom_all(cs_runtime *rt) {
  cs_scope *root = &rt->root.scope, *each = cs_scope_first(root);
  for (; each != root; each = cs_scope_next(root, each))
    if (each->kind == CS_SCOPE_TASK) cs_doom(cs_scope_task(each));
}

void cs_wait_expired(cs_timer *timer) {
  cs_task *task = CS_OWNER(timer, cs_task, wait.timer);
  if (task->wait.ops->timer_wakes)
    cs_wake(task);
  else
    cs_interrupt(task, CS_EDEADLINE);
}

void cs_nothing_to_release(cs_task *self) { (void)self; }
