/* errors.c - building and reading the values that are raised. */
#include "errors.h"

#include <lualib.h>

/* {=== the error triple === */

static const struct {
  int code;
  const char *name, *message;
} own_errors[] = {
    {CS_ECLOSED, "ECLOSED", "closed"},
    {CS_EDEADLINE, "ETIMEDOUT", "timeout"},
    {CS_EPOISONED, "ECANCELED", "write was cancelled midway"},
    {CS_ELINE, "EMSGSIZE", "line too long"},
    {CS_EADDRESS, "EINVAL", "not a numeric address: resolve the name first"},
    {UV_EBUSY, "EBUSY", "busy"},
    {0, NULL, NULL},
};

int cs_fail(lua_State *L, int code) {
  char buffer[64];
  lua_pushnil(L);
  for (int i = 0; own_errors[i].name != NULL; i++)
    if (own_errors[i].code == code) {
      lua_pushstring(L, own_errors[i].message);
      lua_pushstring(L, own_errors[i].name);
      return 3;
    }
  lua_pushstring(L, uv_strerror_r(code, buffer, sizeof buffer));
  lua_pushstring(L, uv_err_name_r(code, buffer, sizeof buffer));
  return 3;
}

/* }=== */

/* {=== Cancelled === */

void cs_push_cancelled(lua_State *L, const cs_scope *scope) {
  cs_push_anchor(L, CS_CANCELLED);
  if (lua_rawgeti(L, -1, scope->cancellation) == LUA_TNIL) {
    lua_pop(L, 1); /* it went with a parent that was killed */
    lua_rawgeti(L, -1, CS_BY_KILL);
  }
  lua_remove(L, -2);
}

bool cs_is_cancelled(lua_State *L, int index) {
  return cs_has_type(L, index, CS_CANCELLED_META);
}

/* }=== */

/* {=== Errors === */

void cs_leaf_set(lua_State *L, int task, int index) {
  cs_task *self = lua_touserdata(L, task);
  luaL_checkstack(L, 4, "not enough memory");
  lua_createtable(L, 0, 5);
  lua_insert(L, -2);
  lua_setfield(L, -2, "traceback");
  lua_pushvalue(L, index);
  lua_setfield(L, -2, "error");
  lua_pushvalue(L, task);
  lua_setfield(L, -2, "task");
  lua_pushinteger(L, self->tid);
  lua_setfield(L, -2, "tid");
  cs_push_name(L, task);
  lua_setfield(L, -2, "name");
  lua_setiuservalue(L, task, 2);
  self->has_leaf = true;
}

void cs_leaf_to_error(lua_State *L) {
  cs_push_anchor(L, CS_ERROR_KEY);
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

void cs_errors_new(lua_State *L) {
  lua_createtable(L, 0, 2);
  lua_newtable(L);
  lua_setfield(L, -2, "errors");
  cs_push_anchor(L, CS_ERRORS_META);
  lua_setmetatable(L, -2);
}

enum { SHORT = 16 }; /* lists that are searched one by one */

/* Pushes the set of the leaves of a list, up to date; how many it has is at 0.
 * It is kept beside the list, for as long as that lives. */
static void push_set(lua_State *L, int list, lua_Integer n) {
  cs_push_anchor(L, CS_LEAF_SETS);
  lua_pushvalue(L, list);
  if (lua_rawget(L, -2) == LUA_TNIL) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, list);
    lua_pushvalue(L, -2);
    lua_rawset(L, -4);
  }
  lua_remove(L, -2);
  lua_rawgeti(L, -1, 0);
  lua_Integer known = lua_tointeger(L, -1);
  lua_pop(L, 1);
  while (known < n) {
    lua_rawgeti(L, list, ++known);
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
  }
  lua_pushinteger(L, n);
  lua_rawseti(L, -2, 0);
}

static bool contains(lua_State *L, int list, int leaf) {
  lua_Integer n = (lua_Integer)lua_rawlen(L, list);
  bool found = false;
  if (n > SHORT) {
    push_set(L, list, n);
    lua_pushvalue(L, leaf);
    found = lua_rawget(L, -2) != LUA_TNIL;
    lua_pop(L, 2);
    return found;
  }
  for (; n > 0 && !found; n--) {
    lua_rawgeti(L, list, n);
    found = lua_rawequal(L, -1, leaf);
    lua_pop(L, 1);
  }
  return found;
}

/* Appends the leaf on top, and pops it. */
static void append_leaf(lua_State *L, int errors, int list) {
  lua_Integer n = (lua_Integer)lua_rawlen(L, list);
  if (n == 0) {
    lua_getfield(L, -1, "error");
    lua_setfield(L, errors, "error");
  }
  lua_rawseti(L, list, n + 1);
}

/* An error that was joined and then left its joiner arrives twice. */
static void append_leaves(lua_State *L, int errors, int list, int value) {
  lua_getfield(L, value, "errors");
  int leaves = lua_gettop(L);
  lua_Integer n = lua_istable(L, leaves) ? luaL_len(L, leaves) : 0;
  bool first = lua_rawlen(L, list) == 0; /* then nothing can be there twice */
  for (lua_Integer i = 1; i <= n; i++) {
    lua_geti(L, leaves, i);
    if (lua_istable(L, -1) && (first || !contains(L, list, lua_gettop(L))))
      append_leaf(L, errors, list);
    else
      lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* NaN is not equal to itself. */
static bool is_nan(lua_State *L, int index) {
  return lua_type(L, index) == LUA_TNUMBER && !lua_rawequal(L, index, index);
}

bool cs_same_error(lua_State *L, int a, int b) {
  return lua_rawequal(L, a, b) || (is_nan(L, a) && is_nan(L, b));
}

/* Pushes the task's leaf and returns true, if it is about that error. */
static bool push_leaf_of(lua_State *L, int task, int value) {
  if (lua_getiuservalue(L, task, 2) == LUA_TTABLE) {
    lua_getfield(L, -1, "error");
    bool same = cs_same_error(L, -1, value);
    lua_pop(L, 1);
    if (same) return true;
  }
  lua_pop(L, 1);
  return false;
}

void cs_leaf_rename(lua_State *L, cs_task *self, int index) {
  int top = lua_gettop(L);
  cs_push_task(L, self);
  if (push_leaf_of(L, top + 1, index)) {
    lua_pushvalue(L, top);
    lua_setfield(L, -2, "error");
  }
  lua_settop(L, top);
}

void cs_errors_add(lua_State *L, int errors, int task, int value) {
  luaL_checkstack(L, LUA_MINSTACK, "not enough memory");
  lua_getfield(L, errors, "errors");
  int list = lua_gettop(L);
  if (cs_has_type(L, value, CS_ERRORS_META)) {
    append_leaves(L, errors, list, value);
  } else {
    if (!push_leaf_of(L, task, value)) {
      lua_pushnil(L);
      cs_leaf_set(L, task, value);
      lua_getiuservalue(L, task, 2);
    }
    append_leaf(L, errors, list);
  }
  lua_pop(L, 1);
}

void cs_errors_take(lua_State *L, int errors, cs_nursery *nursery) {
  luaL_checkstack(L, 4, "not enough memory");
  while (nursery->failures != NULL) {
    cs_task *child = CS_OWNER(nursery->failures->next, cs_task, wait.link);
    cs_push_task(L, child);
    lua_getiuservalue(L, -1, 1);
    cs_errors_add(L, errors, lua_gettop(L) - 1, lua_gettop(L));
    cs_ring_take(&nursery->failures);
    cs_claim(L, child);
    lua_pop(L, 2);
  }
}

/* }=== */
