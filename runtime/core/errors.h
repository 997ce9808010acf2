/* errors.h - what leaves a task: the error triple of operations, and the values
 * that are raised.
 *
 * Inside a task an error is any Lua value, untouched. What crosses the border
 * of a task is one flat type, cosched.Errors: a list of leaves {error, task,
 * tid, name, traceback}, which never holds a cancellation. */
#ifndef CS_ERRORS_H
#define CS_ERRORS_H

#include "task.h"
#include "type.h"

#include <lauxlib.h>

/* Pushes nil, a message and the name of a code; returns 3. */
int cs_fail(lua_State *L, int code);

/* Makes the metatables and the cancellations that need no reason. */
void cs_errors_open(lua_State *L);

/* Pushes the cancellation that holds for a cancelled scope. */
void cs_push_cancelled(lua_State *L, const cs_scope *scope);

/* True if the value at `index` is a cancellation. */
bool cs_is_cancelled(lua_State *L, int index);

/* Writes down the error at `index` as the leaf of the task whose userdata is at
 * `task`, with the traceback (or nil) on top, which is popped. */
void cs_leaf_set(lua_State *L, int task, int index);

/* True if both are the same value. */
bool cs_same_error(lua_State *L, int a, int b);

/* If the task's leaf is about the error at `index`, it is now about the one on
 * top, which stays there. */
void cs_leaf_rename(lua_State *L, cs_task *self, int index);

/* Replaces the leaf on top by its error. Allocates nothing. */
void cs_leaf_to_error(lua_State *L);

/* Pushes an empty cosched.Errors. */
void cs_errors_new(lua_State *L);

/* Adds what the failed task at `task` died of to the Errors at `errors`: the
 * leaves of its value at `value`, when that is an Errors, else its own leaf. */
void cs_errors_add(lua_State *L, int errors, int task, int value);

/* Adds and forgets all failures of a nursery. */
void cs_errors_take(lua_State *L, int errors, cs_nursery *nursery);

/* is_cancelled, is_errors, is_task_cancelled, is_deadlock, cause. */
extern const luaL_Reg cs_error_functions[];

#endif
