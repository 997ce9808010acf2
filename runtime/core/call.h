/* call.h - calls as objects, and the registration of rows in both forms. */
#ifndef CS_CALL_H
#define CS_CALL_H

#include "syscall.h"

/* Pushes the function that makes objects of the call. `keeper` is the index of
 * the metatable of first arguments, for a row that is kept, else 0. */
void cs_push_constructor(lua_State *L, const cs_syscall *row, int keeper);

/* Registers rows, up to one without a name: the direct functions in the table
 * at `direct`, the constructors in the table at `objects`. */
void cs_set_syscalls(lua_State *L, const cs_syscall *rows, int direct,
                     int objects, int keeper);

/* Makes the metatable of syscall objects and the message handler of calls. */
void cs_call_open(lua_State *L);

/* Handles what a task yielded by itself: n values on top of its thread. */
void cs_call_yielded(lua_State *L, cs_task *task, int n);

/* Collects the results of a yielded call before its task is resumed. False if
 * the call has parked again. */
bool cs_call_collect(lua_State *L, cs_task *task);

/* True if the thread of a task that a call has parked, or that was woken since,
 * is as that call left it: no stranger has resumed or closed it. */
bool cs_call_intact(const cs_task *task);

/* A yielded call has raised the error on top of L, which is popped: the task
 * will raise it at its yield. */
void cs_call_failed(lua_State *L, cs_task *task);

#endif
