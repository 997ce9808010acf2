/* waiter.h - who stands in a queue: a task, by the link of its own wait, or one
 * arm of a task that waits in a select.
 *
 * Both begin alike, with the link and the operations, and those tell them
 * apart. An arm stays where it is when its task is woken by another one: it is
 * stale then, for its task is not parked, and whoever finds it takes it out; so
 * does the task itself before it goes on. */
#ifndef CS_WAITER_H
#define CS_WAITER_H

#include "task.h"

typedef struct cs_waiter {
  cs_link link; /* as in cs_wait */
  const cs_wait_ops *ops;
} cs_waiter;

/* Begins like a cs_waiter. */
typedef struct cs_arm {
  cs_link link;           /* in `queue`, or in none */
  const cs_wait_ops *ops; /* &cs_arm_ops */
  cs_task *task;          /* its wait is on the select */
  cs_ring *queue;         /* NULL: it is gone */
  void *on;               /* the channel or the task that it waits for */
  int kind;
} cs_arm;

typedef struct cs_select {
  cs_arm *chosen; /* by whoever woke the task; at first, by its timer */
  int narms;
  cs_arm arms[];
} cs_select;

_Static_assert(offsetof(cs_wait, ops) == offsetof(cs_waiter, ops) &&
                   offsetof(cs_arm, ops) == offsetof(cs_waiter, ops),
               "a wait and an arm begin like a waiter");

/* Marks an arm; nothing is ever parked on it. */
extern const cs_wait_ops cs_arm_ops;

/* Pushes the value that the chosen arm of a woken task sends. */
void cs_select_push_sent(lua_State *L, cs_task *task);

static inline bool cs_is_arm(const cs_link *link) {
  return ((const cs_waiter *)(const void *)link)->ops == &cs_arm_ops;
}

static inline cs_task *cs_waiter_task(cs_link *link) {
  if (cs_is_arm(link)) return CS_OWNER(link, cs_arm, link)->task;
  return CS_OWNER(link, cs_task, wait.link);
}

/* The first that waits, or NULL. */
static inline cs_link *cs_waiters_first(cs_ring *queue) {
  while (*queue != NULL) {
    cs_link *first = (*queue)->next;
    if (cs_waiter_task(first)->state == CS_TASK_PARKED) return first;
    cs_ring_remove(queue, first);
  }
  return NULL;
}

/* Takes one that waits out of the queue, and wakes its task, which is returned.
 */
static inline cs_task *cs_waiter_wake(cs_ring *queue, cs_link *link) {
  cs_task *task = cs_waiter_task(link);
  if (cs_is_arm(link))
    ((cs_select *)task->wait.on)->chosen = CS_OWNER(link, cs_arm, link);
  cs_ring_remove(queue, link);
  cs_wake(task);
  return task;
}

#endif
