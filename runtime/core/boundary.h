/* boundary.h - why a call cannot wait here, in words that help. */
#ifndef CS_BOUNDARY_H
#define CS_BOUNDARY_H

#include "task.h"

/* Raises the error for a call of `name` that would have to wait where it
 * cannot: outside of a task, in a coroutine of its own, or below a C function
 * that cannot be suspended. */
int cs_raise_cannot_wait(lua_State *L, const char *name);

#endif
