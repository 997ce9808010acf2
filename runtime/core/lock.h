/* lock.h - who owns a lock, and who is next.
 *
 * A lock that becomes free is handed to the first of those who wait: it owns
 * the lock before it runs, so nobody can come in between. If it will never run,
 * the lock goes on to the next. A task that ends while it owns a lock breaks
 * it: nobody can say what state it has left behind.
 *
 * A task counts its locks, and the runtime links all that are owned: so a task
 * that ends pays a search only if it still owns one, or had many. */
#ifndef CS_LOCK_H
#define CS_LOCK_H

#include "task.h"

typedef struct cs_lock {
  cs_link held;      /* in the runtime's ring, while somebody owns it */
  cs_ring waiters;   /* by wait.link; their wait.on is the lock */
  cs_task *owner;    /* NULL: nobody */
  int64_t broken_by; /* number of the task that ended holding it; 0: nobody */
  const char *name;  /* a string that the lock's userdata keeps */
} cs_lock;

/* Gives a lock that nobody owns to a task. */
void cs_lock_take(cs_lock *lock, cs_task *task);

/* Parks the running task until it owns the lock, or the lock is broken: then
 * its wait.on is NULL. */
int cs_lock_await(cs_lock *lock, cs_task *self, const cs_wait_ops *ops);

/* The owner gives it up. The next in the queue owns it from now on. */
void cs_lock_hand_on(cs_lock *lock);

/* The cancel of all waits for a lock. */
void cs_lock_cancel(cs_task *self);

/* Nothing will touch the lock any more: its memory goes away. */
void cs_lock_forget(cs_lock *lock);

/* The task has ended: whoever waits for one of its locks, and will, fails. */
void cs_locks_break(cs_task *task);

#endif
