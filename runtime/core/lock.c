/* lock.c - a lock changes hands. Nothing here allocates or runs Lua. */
#include "lock.h"

static cs_task *first_waiter(const cs_lock *lock) {
  return CS_OWNER(lock->waiters->next, cs_task, wait.link);
}

/* A task has two bits for the count of its locks. One that has owned as many as
 * MANY at once counts no more: it is searched for at its end in any case. */
enum { MANY = 3 };

void cs_lock_take(cs_lock *lock, cs_task *task) {
  lock->owner = task;
  if (task->locks < MANY) task->locks++;
  cs_ring_append(&task->rt->held_locks, &lock->held);
}

static void leave_owner(cs_lock *lock) {
  if (lock->owner->locks < MANY) lock->owner->locks--;
  cs_ring_remove(&lock->owner->rt->held_locks, &lock->held);
  lock->owner = NULL;
}

int cs_lock_await(cs_lock *lock, cs_task *self, const cs_wait_ops *ops) {
  cs_park(self, ops, lock);
  cs_ring_append(&lock->waiters, &self->wait.link);
  return CS_PARKED;
}

void cs_lock_hand_on(cs_lock *lock) {
  leave_owner(lock);
  if (lock->waiters == NULL) return;
  cs_task *next = first_waiter(lock);
  cs_ring_take(&lock->waiters);
  cs_lock_take(lock, next);
  cs_wake(next);
}

void cs_lock_cancel(cs_task *self) {
  cs_lock *lock = self->wait.on;
  if (lock == NULL) return; /* woken, because it was broken */
  if (self->state == CS_TASK_PARKED)
    cs_ring_remove(&lock->waiters, &self->wait.link);
  else
    cs_lock_hand_on(lock);
}

/* Those who wait for it, or own it without having collected it, are tasks whose
 * stacks a stranger has closed. */
void cs_lock_forget(cs_lock *lock) {
  while (lock->waiters != NULL) cs_revoke(first_waiter(lock), CS_ECLOSED);
  cs_task *owner = lock->owner;
  if (owner == NULL) return;
  if (owner->uncollected && owner->wait.on == lock)
    cs_revoke(owner, CS_ECLOSED);
  else
    leave_owner(lock);
}

static void break_lock(cs_lock *lock) {
  lock->broken_by = lock->owner->tid;
  leave_owner(lock);
  while (lock->waiters != NULL) {
    cs_task *waiter = first_waiter(lock);
    cs_ring_take(&lock->waiters);
    waiter->wait.on = NULL;
    cs_wake(waiter);
  }
}

void cs_locks_break(cs_task *task) {
  cs_ring *held = &task->rt->held_locks, others = NULL;
  while (*held != NULL) {
    cs_link *first = cs_ring_take(held);
    cs_lock *lock = CS_OWNER(first, cs_lock, held);
    if (lock->owner == task)
      break_lock(lock);
    else
      cs_ring_append(&others, first);
  }
  *held = others;
}
