/* type.c - a type is known by its metatable, which an anchor keeps. */
#include "type.h"

#include <string.h>

void cs_set_functions(lua_State *L, int index, const luaL_Reg *functions) {
  lua_pushvalue(L, index);
  lua_pushvalue(L, lua_upvalueindex(1));
  luaL_setfuncs(L, functions, 1);
  lua_pop(L, 1);
}

void cs_push_type(lua_State *L, const char *name, const luaL_Reg *fields) {
  lua_createtable(L, 0, 6);
  if (fields != NULL) cs_set_functions(L, lua_gettop(L), fields);
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

/* A type of a library says its name. */
static const char *push_type_name(lua_State *L, int index) {
  if (luaL_getmetafield(L, index, "__name") == LUA_TSTRING)
    return lua_tostring(L, -1);
  if (lua_type(L, index) == LUA_TLIGHTUSERDATA) return "light userdata";
  return luaL_typename(L, index);
}

int cs_type_error(lua_State *L, int index, const char *name) {
  const char *hint = index == 1 ? "; call it with ':'" : "";
  const char *got = push_type_name(L, index);
  lua_pushfstring(L, "%s expected, got %s%s", name, got, hint);
  return luaL_argerror(L, index, lua_tostring(L, -1));
}

void *cs_check_type(lua_State *L, int index, cs_anchor anchor,
                    const char *name) {
  if (lua_type(L, index) != LUA_TUSERDATA || !cs_has_type(L, index, anchor))
    cs_type_error(L, index, name);
  return lua_touserdata(L, index);
}

void cs_name_methods(lua_State *L, int index, const char *type) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushvalue(L, index);
  lua_setfield(L, -2, type);
  lua_pop(L, 1);
}

void cs_set_methods(lua_State *L, const char *name, const luaL_Reg *methods,
                    lua_CFunction index) {
  int meta = lua_gettop(L);
  lua_newtable(L);
  cs_set_functions(L, meta + 1, methods);
  cs_name_methods(L, meta + 1, name);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, meta + 1);
  if (index != NULL) lua_pushcclosure(L, index, 2);
  lua_setfield(L, meta, "__index");
  lua_settop(L, meta + 1);
}

static bool is_among(const char *name, const char *const known[]) {
  for (; *known != NULL; known++)
    if (strcmp(name, *known) == 0) return true;
  return false;
}

static int refuse_field(lua_State *L, const char *name,
                        const char *const known[]) {
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  for (int i = 0; known[i] != NULL; i++) {
    if (i > 0) luaL_addstring(&buffer, ", ");
    luaL_addstring(&buffer, known[i]);
  }
  luaL_pushresult(&buffer);
  return luaL_error(L, "unknown field '%s'; known: %s", name,
                    lua_tostring(L, -1));
}

void cs_check_fields(lua_State *L, int index, const char *const known[]) {
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    lua_pop(L, 1);
    const char *name = luaL_tolstring(L, -1, NULL);
    if (!is_among(name, known)) refuse_field(L, name, known);
    lua_pop(L, 1);
  }
}
