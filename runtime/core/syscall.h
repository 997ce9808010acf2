/* syscall.h - the one door from Lua into the runtime.
 *
 * A syscall is a row of a table: a name and a handler. Called directly, the
 * handler runs on the task's own stack, and the task yields only if it must
 * wait. As an object (`coroutine.yield(sys.sleep(1))`) the same handler is run
 * by the scheduler, under protection, and the task goes through the ready queue
 * like after every yield.
 *
 * A handler checks its arguments, which are at 1, 2, ..., and then either
 * returns its count of results or parks and returns CS_PARKED. What it starts
 * before it parks must be undone by the cancel of its wait. */
#ifndef CS_SYSCALL_H
#define CS_SYSCALL_H

#include "errors.h"

typedef struct cs_syscall {
  const char *name;
  int (*handler)(lua_State *L, cs_task *self);
  bool instant; /* never waits: may be called anywhere, self may be NULL */
  bool kept;    /* its first argument keeps the object that names it alone, as
                   first user value */
  lua_CFunction quick; /* a direct call of its own, which knows its runtime by
                          its argument; NULL: cs_trap */
} cs_syscall;

/* A direct call. Its upvalues are the runtime and the row. */
int cs_trap(lua_State *L);

/* For a quick call: true if the running task may make it, here and now; its
 * handler then answers through cs_answer. Else cs_trap knows what to do. */
static inline bool cs_may_call(lua_State *L, const cs_runtime *rt) {
  const cs_task *self = rt->current;
  return self != NULL && self->thread == L && rt->budget > 1 &&
         !cs_task_cancelled(self) && rt->raising != self && lua_isyieldable(L);
}

/* What a handler has returned becomes the answer of its direct call. */
int cs_answer(lua_State *L, cs_task *self, int n);

/* Pushes the function that makes the call directly. The row outlives it. */
void cs_push_direct(lua_State *L, const cs_syscall *row);

/* Suspends the running task, which has parked; `k` goes on. */
int cs_suspend(lua_State *L, cs_task *self, lua_KFunction k);

/* {=== for functions that are no rows, because they call back === */

/* The running task, which may wait here; raises otherwise. */
cs_task *cs_check_may_wait(lua_State *L, const char *name);

/* The running task is cancelled and enters something: raises the cancellation
 * there, through the ready queue. */
int cs_tell_cancelled(lua_State *L, cs_task *self);

/* }=== */

/* {=== for call.c, which does the same for yielded objects === */

/* The task goes on with what it has: results on its stack, or nothing. */
extern const cs_wait_ops cs_given_ops;

/* A cancelled task is told at the call, through the ready queue, so that one
 * that ignores it cannot keep the others from running. */
void cs_requeue_cancelled(cs_task *self);

/* A cancellation that came while the task was not parked, after a wake or in a
 * row written in Lua, must not be slept through. */
void cs_tell_if_cancelled(cs_task *self);

/* Results or error of a wait that was given up; its cancel has released all but
 * Lua values. */
int cs_interrupted(lua_State *L, cs_task *self);

/* }=== */

#endif
