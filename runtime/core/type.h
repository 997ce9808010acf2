/* type.h - metatables of the runtime's types. */
#ifndef CS_TYPE_H
#define CS_TYPE_H

#include "runtime.h"

#include <lauxlib.h>

/* Pushes a metatable that scripts can neither read nor change. `name` is what
 * messages, and getmetatable, say; `fields` (NULL: none) get the runtime as
 * their upvalue. Raises when memory is short. */
void cs_push_type(lua_State *L, const char *name, const luaL_Reg *fields);

/* True if the value at `index`, a table or a userdata, has that metatable. */
bool cs_has_type(lua_State *L, int index, cs_anchor anchor);

/* The userdata at `index`, of the type with that metatable; raises, naming the
 * type, when it is none. */
void *cs_check_type(lua_State *L, int index, cs_anchor anchor,
                    const char *name);

#endif
