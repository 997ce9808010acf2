/* wait.h - park, wake, interrupt: how a task stops and goes again.
 *
 * A wait is part of its task. Parking says what may end it (ops). Each park
 * ends in exactly one of
 *
 *   finish   what it waited for has happened: the task, once resumed, collects
 *            the results on its own stack; it may find that it must park again
 *   cancel   it was given up (deadline, cancellation, close): called where the
 *            interruption happens, it releases what the wait holds
 *
 * Neither cs_wake nor cs_interrupt runs Lua: libuv's callbacks may call them.
 */
#ifndef CS_WAIT_H
#define CS_WAIT_H

#include "runtime.h"

typedef struct cs_task cs_task;

/* What a handler returns instead of a count of results. */
enum { CS_PARKED = -1 };

/* Errors of the runtime's own, beside libuv's. */
enum {
  CS_ECLOSED = -20001,   /* the handle was closed before or during the call */
  CS_EDEADLINE = -20002, /* the object's own timeout ran out */
  CS_EPOISONED = -20003, /* an earlier send ended midway */
  CS_ELINE = -20004,     /* no end of line within the limit */
  CS_EADDRESS = -20005,  /* a name where a numeric address is wanted */
};

typedef struct cs_wait_ops {
  const char *name; /* what the task waits for, in reports */
  /* Pushes results and returns their count, or parks again. The arguments of
   * the call are at 1, 2, ... as when the handler was called. May raise. */
  int (*finish)(lua_State *L, cs_task *self);
  /* Releases what the wait holds; the task may be parked, or woken and not yet
   * resumed. NULL: this wait cannot be interrupted. */
  void (*cancel)(cs_task *self);
  bool outside;     /* something outside the tasks may wake it */
  bool timer_wakes; /* its timer is what it waits for, not a limit */
  /* After cancel, on the task's own stack and before the call fails: what needs
   * Lua. Not called when the task is killed. NULL: nothing. */
  void (*unwind)(lua_State *L, cs_task *self);
  /* Pushes what a parked task waits for, better than `name` says it. NULL: the
   * name will do. May raise. */
  void (*describe)(lua_State *L, const cs_task *task);
  bool shielded; /* a cancellation does not end it; what else does, may */
} cs_wait_ops;

typedef struct cs_wait {
  cs_link link; /* in the ready queue, or in a list of what it waits for */
  const cs_wait_ops *ops;
  void *on;        /* what it waits for; the ops' business */
  size_t progress; /* how far the call has come; the ops' business */
  cs_timer timer;
  int status;  /* 0: woken; else the code of what interrupted it */
  int nresume; /* values on the task's thread for its next resume */
} cs_wait;

/* Parks the running task. Returns CS_PARKED, for the handler to return. */
int cs_park(cs_task *self, const cs_wait_ops *ops, void *on);

/* The same with a limit: `deadline` on the runtime's clock, or CS_NEVER. Room
 * for the timer was reserved by cs_timers_reserve. */
int cs_park_until(cs_task *self, const cs_wait_ops *ops, void *on,
                  uint64_t deadline);

/* Sends the running task to the tail of the ready queue; `ops` collects. */
int cs_requeue(cs_task *self, const cs_wait_ops *ops);

/* The same for a call that had no need to park, and has taken something: until
 * the task collects, `cancel` gives that back. */
int cs_requeue_taken(cs_task *self, const cs_wait_ops *ops, void *on);

/* What it waits for has happened. The task must be parked. */
void cs_wake(cs_task *task);

/* Ends a wait early: its call will fail with `status` (UV_ECANCELED: raise the
 * cancellation). False if the task is not parked or must not be interrupted. */
bool cs_interrupt(cs_task *task, int status);

/* Cancels a scope and all below it that sees it: each task there is interrupted
 * once, newest first, and told again at its later waits. False if it was
 * cancelled before, by itself. */
bool cs_cancel(cs_runtime *rt, cs_scope *scope, cs_cancel_source source);

/* The same, raising what CS_CANCELLED has under that key. */
bool cs_cancel_for(cs_runtime *rt, cs_scope *scope, cs_cancel_source source,
                   uint32_t cancellation);

/* The scope has got a new parent: a cancellation there reaches it, too. */
void cs_cancel_again(cs_runtime *rt, cs_scope *scope);

/* Interrupts a task that is parked, or woken and not yet resumed: for an object
 * that goes away. Its wait must not be one that cannot be interrupted. */
void cs_revoke(cs_task *task, int status);

/* Ends a wait for good, whether the task is parked or woken: for a task that
 * will never be resumed. */
void cs_give_up(cs_task *task);

/* Takes a task that is not done out of whatever it does and queues it to be
 * killed, newest first. False if it is done or queued already. */
bool cs_doom(cs_task *task);

/* The newest task that is to be killed, out of its queue; or NULL. */
cs_task *cs_take_doomed(cs_runtime *rt);

/* Dooms every task. */
void cs_doom_all(cs_runtime *rt);

/* The timer of a task's wait has expired. */
void cs_wait_expired(cs_timer *timer);

/* For a wait that holds nothing but its place in a queue. */
void cs_nothing_to_release(cs_task *self);

#endif
