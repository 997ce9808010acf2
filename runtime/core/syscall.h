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
} cs_syscall;

/* Pushes the function that makes the call directly. The row outlives it. */
void cs_push_direct(lua_State *L, const cs_syscall *row);

/* Pushes the function that makes objects of the call. `keeper` is the index of
 * the metatable of first arguments, for a row that is kept, else 0. */
void cs_push_constructor(lua_State *L, const cs_syscall *row, int keeper);

/* Registers rows, up to one without a name: the direct functions in the table
 * at `direct`, the constructors in the table at `objects`. */
void cs_set_syscalls(lua_State *L, const cs_syscall *rows, int direct,
                     int objects, int keeper);

/* Makes the metatable of syscall objects and the dispatcher. */
void cs_syscall_open(lua_State *L);

/* Suspends the running task, which has parked; `k` goes on. */
int cs_suspend(lua_State *L, cs_task *self, lua_KFunction k);

/* Handles what a task yielded by itself: n values on top of its thread. */
void cs_call_yielded(lua_State *L, cs_task *task, int n);

/* Collects the results of a yielded call before its task is resumed. False if
 * the call has parked again. */
bool cs_call_collect(lua_State *L, cs_task *task);

/* A yielded call has raised the error on top of L, which is popped: the task
 * will raise it at its yield. */
void cs_call_failed(lua_State *L, cs_task *task);

/* If a raw yield was to raise and could not (nothing ran after it): pushes the
 * error and returns true. */
bool cs_call_unraised(lua_State *L, cs_task *self);

#endif
