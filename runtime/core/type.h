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

/* Raises: the value at `index` is not of that type. */
int cs_type_error(lua_State *L, int index, const char *name);

/* The userdata at `index`, of the type with that metatable; raises, naming the
 * type, when it is none. */
void *cs_check_type(lua_State *L, int index, cs_anchor anchor,
                    const char *name);

/* Sets functions, which get the runtime as their upvalue, in the table at
 * `index`. */
void cs_set_functions(lua_State *L, int index, const luaL_Reg *functions);

/* Gives the type whose metatable is on top the methods, as a table that is then
 * pushed; `index`, unless NULL, is its __index, with the methods as second
 * upvalue. */
void cs_set_methods(lua_State *L, const char *name, const luaL_Reg *methods,
                    lua_CFunction index);

/* Makes the methods at `index` known under the type's name, for messages: Lua
 * looks for functions that were called without one in package.loaded. */
void cs_name_methods(lua_State *L, int index, const char *type);

/* Raises if the table at `index` has a field that is not among `known`, names
 * up to a NULL. */
void cs_check_fields(lua_State *L, int index, const char *const known[]);

#endif
