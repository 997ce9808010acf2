/* keep.c - tables in the runtime, by address. Forgetting needs no memory. */
#include "keep.h"

#include <lauxlib.h>

void cs_hold(lua_State *L, cs_task *self) {
  cs_push_anchor(L, CS_HELD);
  lua_pushvalue(L, -2);
  lua_rawsetp(L, -2, self);
  lua_pop(L, 1);
  self->holds = true;
}

void cs_take_held(lua_State *L, cs_task *self) {
  cs_push_anchor(L, CS_HELD);
  lua_rawgetp(L, -1, self);
  lua_pushnil(L);
  lua_rawsetp(L, -3, self);
  lua_remove(L, -2);
  self->holds = false;
}

void cs_set_callback(lua_State *L, const void *key, int index) {
  cs_push_anchor(L, CS_CALLBACKS);
  if (index > 0)
    lua_pushvalue(L, index);
  else
    lua_pushnil(L);
  lua_rawsetp(L, -2, key);
  lua_pop(L, 1);
}

void cs_keep_reason(lua_State *L, cs_scope *scope, int index) {
  cs_push_anchor(L, CS_CANCELLED);
  lua_createtable(L, 0, 2);
  lua_pushliteral(L, "explicit");
  lua_setfield(L, -2, "source");
  lua_pushvalue(L, index);
  lua_setfield(L, -2, "reason");
  cs_push_anchor(L, CS_CANCELLED_META);
  lua_setmetatable(L, -2);
  lua_rawsetp(L, -2, scope);
  lua_pop(L, 1);
}

void cs_forget_reason(lua_State *L, cs_scope *scope) {
  if (scope->source != CS_BY_CALL) return;
  cs_push_anchor(L, CS_CANCELLED);
  lua_pushnil(L);
  lua_rawsetp(L, -2, scope);
  lua_pop(L, 1);
}

void cs_locals_inherit(lua_State *L, cs_task *task, const cs_task *from) {
  cs_push_anchor(L, CS_LOCALS);
  lua_rawgetp(L, -1, from);
  lua_rawsetp(L, -2, task);
  lua_pop(L, 1);
  task->has_locals = true;
}

void cs_locals_forget(lua_State *L, cs_task *task) {
  if (!task->has_locals) return;
  cs_push_anchor(L, CS_LOCALS);
  lua_pushnil(L);
  lua_rawsetp(L, -2, task);
  lua_pop(L, 1);
  task->has_locals = false;
}

void cs_pack(lua_State *L, int n) {
  lua_createtable(L, n, 1);
  lua_insert(L, -(n + 1));
  for (int i = n; i > 0; i--) lua_rawseti(L, -(i + 1), i);
  lua_pushinteger(L, n);
  lua_setfield(L, -2, "n");
}

int cs_unpack(lua_State *L) {
  int packed = lua_gettop(L);
  lua_getfield(L, packed, "n");
  int n = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  luaL_checkstack(L, n, "too many results");
  for (int i = 1; i <= n; i++) lua_rawgeti(L, packed, i);
  lua_remove(L, packed);
  return n;
}
