/* type.c - a type is known by its metatable, which an anchor keeps. */
#include "type.h"

void cs_push_type(lua_State *L, const char *name, const luaL_Reg *fields) {
  lua_createtable(L, 0, 6);
  if (fields != NULL) {
    lua_pushvalue(L, lua_upvalueindex(1));
    luaL_setfuncs(L, fields, 1);
  }
  lua_pushstring(L, name);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "__name");
  lua_setfield(L, -2, "__metatable");
}

bool cs_has_type(lua_State *L, int index, cs_anchor anchor) {
  if (!lua_getmetatable(L, index)) return false;
  cs_push_anchor(L, anchor);
  bool same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same;
}

void *cs_check_type(lua_State *L, int index, cs_anchor anchor,
                    const char *name) {
  if (lua_type(L, index) != LUA_TUSERDATA || !cs_has_type(L, index, anchor))
    luaL_typeerror(L, index, name);
  return lua_touserdata(L, index);
}
