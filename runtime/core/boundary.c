/* boundary.c - finds the function that stands between a call and its task. */
#include "boundary.h"

#include <lauxlib.h>
#include <string.h>

/* Lua's own C functions that let a task wait inside of them. */
static const char *const transparent[] = {"_G.pcall", "_G.xpcall", "_G.dofile",
                                          NULL};

/* Where Lua's own functions are looked for first: other modules may keep them
 * under names of their own. */
static const char *const libraries[] = {"_G",    "table", "string", "coroutine",
                                        "debug", "io",    "os",     "utf8"};
enum { LIBRARIES = sizeof libraries / sizeof *libraries };

/* If the table on top has the function at `function`: leaves "module.name" in
 * its place, and nothing above. */
static bool name_in(lua_State *L, const char *module, int function) {
  if (!lua_istable(L, -1)) return false;
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    if (lua_type(L, -2) == LUA_TSTRING && lua_rawequal(L, -1, function)) {
      lua_pushfstring(L, "%s.%s", module, lua_tostring(L, -2));
      lua_replace(L, function);
      lua_settop(L, function);
      return true;
    }
    lua_pop(L, 1);
  }
  return false;
}

/* Replaces the function on top by the name that package.loaded has for it, or
 * nil. */
static void push_global_name(lua_State *L) {
  int function = lua_gettop(L);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  for (int i = 0; i < LIBRARIES; i++) {
    lua_getfield(L, function + 1, libraries[i]);
    if (name_in(L, libraries[i], function)) return;
    lua_pop(L, 1);
  }
  lua_pushnil(L);
  while (lua_next(L, function + 1) != 0) {
    if (lua_type(L, -2) == LUA_TSTRING &&
        name_in(L, lua_tostring(L, -2), function))
      return;
    lua_pop(L, 1);
  }
  lua_pushnil(L);
  lua_replace(L, function);
  lua_settop(L, function);
}

static bool is_transparent(const char *name) {
  for (int i = 0; name != NULL && transparent[i] != NULL; i++)
    if (strcmp(name, transparent[i]) == 0) return true;
  return false;
}

/* "_G." is how package.loaded calls what everybody calls without. */
static const char *short_name(const char *name) {
  return strncmp(name, "_G.", 3) == 0 ? name + 3 : name;
}

/* Pushes the name of the nearest function that cannot be suspended. */
static const char *push_culprit(lua_State *L) {
  lua_Debug info;
  for (int level = 1; lua_getstack(L, level, &info); level++) {
    lua_getinfo(L, "nSf", &info);
    bool finalizer = info.name != NULL && strcmp(info.name, "__gc") == 0;
    if (finalizer) return lua_pushliteral(L, "a finalizer (__gc)");
    if (info.what[0] != 'C') {
      lua_pop(L, 1);
      continue;
    }
    push_global_name(L);
    const char *name = lua_tostring(L, -1);
    if (is_transparent(name)) {
      lua_pop(L, 1);
      continue;
    }
    if (name != NULL) return lua_pushstring(L, short_name(name));
    if (info.name != NULL) return lua_pushstring(L, info.name);
  }
  return lua_pushliteral(L, "a C function");
}

int cs_raise_cannot_wait(lua_State *L, const char *name) {
  cs_task *self = cs_runtime_of(L)->current;
  luaL_checkstack(L, 12, "not enough memory");
  if (self == NULL)
    return luaL_error(L,
                      "'%s' waits, so it needs a task: run the script with the "
                      "cosched command, or call it inside cosched.run",
                      name);
  if (self->killed)
    return luaL_error(L, "'%s' cannot wait in a task that is being killed",
                      name);
  if (self->thread != L && lua_isyieldable(L))
    return luaL_error(L,
                      "'%s' cannot wait inside a coroutine that is not a task: "
                      "make it one with cosched.spawn",
                      name);
  return luaL_error(L,
                    "'%s' cannot wait inside %s, which Lua cannot suspend: "
                    "wait before or after it, or in a task of its own "
                    "(cosched.spawn)",
                    name, push_culprit(L));
}
