/* arm.c - on_recv, on_send, on_join, after; and the table of them that select
 * is given. */
#include "arm.h"

#include "clock.h"

#include <string.h>

static const char arm_type = 0;

/* Makes an arm of its arguments, the channel or the task and the value. */
static int new_arm(lua_State *L, int kind, void *on, int nvalues) {
  lua_settop(L, nvalues);
  cs_arm_object *arm = lua_newuserdatauv(L, sizeof *arm, nvalues);
  *arm = (cs_arm_object){.type = &arm_type, .on = on, .kind = kind};
  for (int i = 1; i <= nvalues; i++) {
    lua_pushvalue(L, i);
    lua_setiuservalue(L, -2, i);
  }
  cs_push_anchor(L, CS_ARM_META);
  lua_setmetatable(L, -2);
  return 1;
}

/* on_recv(channel): channel:recv() as an arm of a select */
static int on_recv_arm(lua_State *L) {
  return new_arm(L, CS_ON_RECV, cs_check_channel(L, 1), CS_ARM_ON);
}

/* on_send(channel, value): channel:send(value) */
static int on_send_arm(lua_State *L) {
  cs_channel *channel = cs_check_channel(L, 1);
  cs_check_item(L, 2);
  return new_arm(L, CS_ON_SEND, channel, CS_ARM_VALUE);
}

/* on_join(task): task:wait() */
static int on_join_arm(lua_State *L) {
  return new_arm(L, CS_ON_JOIN, cs_check_task(L, 1), CS_ARM_ON);
}

/* after(seconds): sleep(seconds) */
static int after_arm(lua_State *L) {
  uint64_t delay = cs_check_delay(L, 1);
  new_arm(L, CS_AFTER, NULL, 0);
  ((cs_arm_object *)lua_touserdata(L, -1))->delay = delay;
  return 1;
}

static int arm_tostring(lua_State *L) {
  static const char *const names[] = {"on_recv", "on_send", "on_join", "after"};
  const cs_arm_object *arm = lua_touserdata(L, 1);
  lua_pushfstring(L, "cosched.Arm: %s", names[arm->kind]);
  return 1;
}

const cs_arm_object *cs_to_arm(lua_State *L, int index) {
  const cs_arm_object *arm = lua_touserdata(L, index);
  if (arm == NULL || lua_rawlen(L, index) < sizeof *arm) return NULL;
  return arm->type == &arm_type ? arm : NULL;
}

/* {=== the argument of select === */

enum { TABLE = 1, MAX_ARMS = 10000 };

static bool check_option(lua_State *L) {
  const char *key = lua_tostring(L, -2);
  if (lua_type(L, -2) != LUA_TSTRING || strcmp(key, "biased") != 0)
    luaL_error(L, "select knows no option '%s'", luaL_tolstring(L, -2, NULL));
  luaL_argcheck(L, lua_isboolean(L, -1), 1, "biased must be true or false");
  return lua_toboolean(L, -1);
}

/* Counts what is numbered, and checks the rest; true if it is biased. */
static bool read_options(lua_State *L, lua_Integer *numbered) {
  bool biased = false;
  lua_pushnil(L);
  while (lua_next(L, TABLE) != 0) {
    if (lua_isinteger(L, -2))
      ++*numbered;
    else
      biased = check_option(L);
    lua_pop(L, 1);
  }
  return biased;
}

static int raise_no_arm(lua_State *L, int i) {
  const char *type = luaL_typename(L, -1);
  if (luaL_getmetafield(L, -1, "__name") == LUA_TSTRING)
    type = lua_tostring(L, -1);
  return luaL_error(L,
                    "bad argument #1 to 'select' (arm %d is a %s, not made by "
                    "on_recv, on_send, on_join or after)",
                    i, type);
}

static void push_arms(lua_State *L, int narms) {
  luaL_checkstack(L, narms + LUA_MINSTACK, "too many arms");
  for (int i = 1; i <= narms; i++) {
    lua_rawgeti(L, TABLE, i);
    if (cs_to_arm(L, -1) == NULL) raise_no_arm(L, i);
  }
}

int cs_arms_read(lua_State *L, bool *biased) {
  lua_Integer numbered = 0;
  luaL_checktype(L, TABLE, LUA_TTABLE);
  lua_settop(L, TABLE);
  *biased = read_options(L, &numbered);
  if (numbered == 0)
    luaL_argerror(L, 1,
                  "a select without arms would wait for ever: give it on_recv, "
                  "on_send, on_join or after");
  luaL_argcheck(L, numbered <= MAX_ARMS, 1, "too many arms");
  push_arms(L, (int)numbered);
  return (int)numbered;
}

/* }=== */

void cs_arms_open(lua_State *L) {
  static const luaL_Reg fields[] = {{"__tostring", arm_tostring}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"on_recv", on_recv_arm},
                                       {"on_send", on_send_arm},
                                       {"on_join", on_join_arm},
                                       {"after", after_arm},
                                       {NULL, NULL}};
  cs_push_type(L, "cosched.Arm", fields);
  lua_setiuservalue(L, lua_upvalueindex(1), CS_ARM_META);
  lua_pushvalue(L, 1); /* the module */
  lua_pushvalue(L, lua_upvalueindex(1));
  luaL_setfuncs(L, functions, 1);
}
