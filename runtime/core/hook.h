/* hook.h - stopping Lua code between two instructions.
 *
 * What a signal handler wants of a running task (its slice is over, it was busy
 * for too long, somebody wants a dump) is asked for here. A count hook, set for
 * the next instruction, does it on the task's own thread; a hook of the user's
 * is put back first. */
#ifndef CS_HOOK_H
#define CS_HOOK_H

#include "task.h"

typedef enum cs_hook_request {
  CS_HOOK_SLICE = 1, /* let the others run */
  CS_HOOK_BUSY = 2,  /* report the task */
  CS_HOOK_DUMP = 4,  /* call CS_ON_DUMP */
} cs_hook_request;

/* Asks the running task, if there is one. Only called by a signal handler, on
 * the thread that runs the runtime. */
void cs_hook_arm(cs_runtime *rt, int requests);

/* A slice of instructions begins anew, if such are asked for and the user has
 * no hook there. */
void cs_hook_count_again(cs_runtime *rt, lua_State *thread);

/* Around each step, where slices or a watchdog are on. */
void cs_hook_step_begins(cs_runtime *rt, cs_task *task);
void cs_hook_step_ended(cs_runtime *rt, lua_State *thread);

/* The new thread on top of the stack, which has no hook, inherits that of its
 * maker, be it set in C or in Lua, but not the one of this file. */
void cs_hook_inherit(lua_State *L, cs_runtime *rt, lua_State *from);

/* Calls what wants a dump, outside of steps. */
void cs_hook_dump(lua_State *L, cs_runtime *rt);

#endif
