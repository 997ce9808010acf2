/* wait.c - the only changes of a task's state besides its birth and its end. */
#include "task.h"

#include <assert.h>

int cs_park(cs_task *self, const cs_wait_ops *ops, void *on) {
  assert(self->state == CS_TASK_RUNNING);
  self->wait.ops = ops;
  self->wait.on = on;
  self->wait.status = 0;
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
  make_ready(self, 0);
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
  if (task->state != CS_TASK_PARKED || task->wait.ops->cancel == NULL)
    return false;
  task->wait.ops->cancel(task);
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

bool cs_cancel(cs_scope *scope, cs_cancel_source source) {
  if (scope->source != CS_NOT_CANCELLED) return false;
  scope->source = (uint8_t)source;
  if (scope->cancelled) return true;
  cs_scope *each = cs_scope_first(scope);
  for (; each != NULL; each = cs_scope_next(scope, each)) {
    if (each->cancelled) continue;
    each->cancelled = true;
    if (each->of_task) cs_interrupt(cs_scope_task(each), UV_ECANCELED);
  }
  return true;
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
  task->own.waiting = false;
  task->state = CS_TASK_DOOMED;
  cs_link_remove(&task->wait.link);
  cs_link *place = task->rt->killed.next;
  while (place != &task->rt->killed &&
         CS_OWNER(place, cs_task, wait.link)->tid > task->tid)
    place = place->next;
  cs_queue_append(place, &task->wait.link); /* that is: before `place` */
  return true;
}

void cs_wait_expired(cs_timer *timer) {
  cs_task *task = CS_OWNER(timer, cs_task, wait.timer);
  if (task->wait.ops->timer_wakes)
    cs_wake(task);
  else
    cs_interrupt(task, CS_EDEADLINE);
}

void cs_nothing_to_release(cs_task *self) { (void)self; }
