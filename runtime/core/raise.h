/* raise.h - raising an error at a yield that a task made by itself. */
#ifndef CS_RAISE_H
#define CS_RAISE_H

#include "task.h"

/* The task, suspended in a yield of its own, will raise the error on top of L,
 * which is popped, when it is resumed. The user's hook comes back then. */
void cs_raise_on_resume(lua_State *L, cs_task *task);

/* If that could not happen, because no Lua code ran after the yield: pushes the
 * error and returns true. */
bool cs_push_unraised(lua_State *L, cs_task *self);

#endif
