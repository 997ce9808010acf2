/* error_types.c - the types of what is raised: how they read, and what scripts
 * ask about them. */
#include "errors.h"

static const char *const source_names[] = {
    [CS_NOT_CANCELLED] = "none",   [CS_BY_CALL] = "explicit",
    [CS_BY_DEADLINE] = "deadline", [CS_BY_NURSERY] = "nursery",
    [CS_BY_DAEMON] = "daemon",     [CS_BY_DEADLOCK] = "deadlock",
    [CS_BY_SIGNAL] = "signal",     [CS_BY_SHUTDOWN] = "shutdown",
    [CS_BY_KILL] = "kill",
};

/* {=== in words === */

static int cancelled_tostring(lua_State *L) {
  lua_settop(L, 1);
  lua_getfield(L, 1, "source");
  const char *source = lua_tostring(L, 2);
  if (lua_getfield(L, 1, "reason") == LUA_TNIL) {
    lua_pushfstring(L, "cancelled (%s)", source);
  } else {
    const char *reason = luaL_tolstring(L, 3, NULL);
    lua_pushfstring(L, "cancelled (%s): %s", source, reason);
  }
  return 1;
}

static int tostring_of(lua_State *L) {
  luaL_tolstring(L, 1, NULL);
  return 1;
}

/* Pushes the value at `index` in words, also when its __tostring raises. */
static const char *push_words(lua_State *L, int index) {
  index = lua_absindex(L, index);
  lua_pushcfunction(L, tostring_of);
  lua_pushvalue(L, index);
  if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
    lua_pop(L, 1);
    lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, index));
  }
  return lua_tostring(L, -1);
}

/* Appends a line about the leaf at the top, which is popped. */
static void describe_leaf(lua_State *L, bool primary) {
  lua_getfield(L, -1, "error");
  lua_getfield(L, -2, "tid");
  lua_getfield(L, -3, "name");
  const char *what = push_words(L, -3);
  if (primary)
    lua_pushstring(L, what);
  else
    lua_pushfstring(L, "\n  also, in task %s (%s): %s", lua_tostring(L, -3),
                    lua_tostring(L, -2), what);
  lua_replace(L, -6);
  lua_pop(L, 4);
}

enum { SHOWN = 10 };

static int errors_tostring(lua_State *L) {
  lua_settop(L, 1);
  lua_getfield(L, 1, "errors");
  lua_Integer n = luaL_len(L, 2);
  for (lua_Integer i = 1; i <= n && i <= SHOWN; i++) {
    lua_geti(L, 2, i);
    describe_leaf(L, i == 1);
  }
  if (n > SHOWN)
    lua_pushfstring(L, "\n  and %I more", (LUAI_UACINT)(n - SHOWN));
  if (n > 0) {
    lua_geti(L, 2, 1);
    lua_getfield(L, -1, "traceback");
    lua_remove(L, -2);
    if (lua_isstring(L, -1)) {
      lua_pushliteral(L, "\n");
      lua_insert(L, -2);
    } else {
      lua_pop(L, 1);
    }
  }
  lua_concat(L, lua_gettop(L) - 2);
  return 1;
}

/* }=== */

/* {=== the functions of the module === */

static int task_cancelled_tostring(lua_State *L) {
  lua_getfield(L, 1, "task");
  cs_task *task = lua_touserdata(L, -1);
  lua_pushfstring(L, "task %I was %s",
                  (LUAI_UACINT)(task != NULL ? task->tid : 0),
                  task != NULL && task->killed ? "killed" : "cancelled");
  return 1;
}

static int timeout_tostring(lua_State *L) {
  lua_getfield(L, 1, "seconds");
  lua_pushfstring(L, "timeout: not done within %f s", lua_tonumber(L, -1));
  return 1;
}

static int deadlock_tostring(lua_State *L) {
  lua_getfield(L, 1, "report");
  return 1;
}

static int is(lua_State *L, cs_anchor anchor) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, cs_has_type(L, 1, anchor));
  return 1;
}

/* is_cancelled(value): boolean, and so on for each type */
static int is_cancelled(lua_State *L) { return is(L, CS_CANCELLED_META); }
static int is_errors(lua_State *L) { return is(L, CS_ERRORS_META); }
static int is_task_cancelled(lua_State *L) {
  return is(L, CS_TASK_CANCELLED_META);
}
static int is_deadlock(lua_State *L) { return is(L, CS_DEADLOCK_META); }
static int is_timeout(lua_State *L) { return is(L, CS_TIMEOUT_META); }

/* cause(value): the first error inside an Errors, any other value itself */
static int cause(lua_State *L) {
  luaL_checkany(L, 1);
  if (cs_has_type(L, 1, CS_ERRORS_META))
    lua_getfield(L, 1, "error");
  else
    lua_pushvalue(L, 1);
  return 1;
}

const luaL_Reg cs_error_functions[] = {
    {"is_cancelled", is_cancelled},
    {"is_errors", is_errors},
    {"is_task_cancelled", is_task_cancelled},
    {"is_deadlock", is_deadlock},
    {"is_timeout", is_timeout},
    {"cause", cause},
    {NULL, NULL},
};

static void make_type(lua_State *L, cs_anchor anchor, const char *name,
                      lua_CFunction tostring) {
  const luaL_Reg fields[] = {{"__tostring", tostring}, {NULL, NULL}};
  cs_push_type(L, name, fields);
  lua_setiuservalue(L, lua_upvalueindex(1), anchor);
}

void cs_errors_open(lua_State *L) {
  lua_pushliteral(L, "error");
  lua_setiuservalue(L, lua_upvalueindex(1), CS_ERROR_KEY);
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k"); /* keeps no list */
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_setiuservalue(L, lua_upvalueindex(1), CS_LEAF_SETS);
  int runtime = lua_upvalueindex(1);
  make_type(L, CS_ERRORS_META, "cosched.Errors", errors_tostring);
  make_type(L, CS_CANCELLED_META, "cosched.Cancelled", cancelled_tostring);
  make_type(L, CS_TASK_CANCELLED_META, "cosched.TaskCancelled",
            task_cancelled_tostring);
  make_type(L, CS_DEADLOCK_META, "cosched.Deadlock", deadlock_tostring);
  make_type(L, CS_TIMEOUT_META, "cosched.Timeout", timeout_tostring);
  lua_newtable(L);
  for (int source = CS_BY_CALL; source <= CS_BY_KILL; source++) {
    lua_createtable(L, 0, 1);
    lua_pushstring(L, source_names[source]);
    lua_setfield(L, -2, "source");
    cs_push_anchor(L, CS_CANCELLED_META);
    lua_setmetatable(L, -2);
    lua_rawseti(L, -2, source);
  }
  lua_setiuservalue(L, runtime, CS_CANCELLED);
}

/* }=== */
