/* describe.h - what a task waits for, and where it is, in words. */
#ifndef CS_DESCRIBE_H
#define CS_DESCRIBE_H

#include "task.h"

/* Pushes what a parked task waits for. */
void cs_push_wait(lua_State *L, const cs_task *task);

/* Pushes "file:line" of the innermost Lua function of a thread, or nil; on the
 * thread that asks, of the innermost outside of the file that does. */
void cs_push_place(lua_State *L, lua_State *thread);

#endif
