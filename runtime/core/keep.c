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

static void set(lua_State *L, cs_anchor anchor, const void *key, int index) {
  cs_push_anchor(L, anchor);
  if (index > 0)
    lua_pushvalue(L, index);
  else
    lua_pushnil(L);
  lua_rawsetp(L, -2, key);
  lua_pop(L, 1);
}

void cs_set_callback(lua_State *L, const void *key, int index) {
  set(L, CS_CALLBACKS, key, index);
}

void cs_set_name(lua_State *L, const void *block, int index) {
  set(L, CS_NAMES, block, index);
}

void cs_push_block_name(lua_State *L, const void *block) {
  cs_push_anchor(L, CS_NAMES);
  lua_rawgetp(L, -1, block);
  lua_remove(L, -2);
}

/* A free key of the table on top. */
static uint32_t next_reason(lua_State *L, cs_runtime *rt) {
  for (bool taken = true; taken;) {
    if (++rt->last_reason < CS_FIRST_REASON) rt->last_reason = CS_FIRST_REASON;
    taken = lua_rawgeti(L, -1, rt->last_reason) != LUA_TNIL;
    lua_pop(L, 1);
  }
  return rt->last_reason;
}

uint32_t cs_keep_reason(lua_State *L, const char *source, int index) {
  cs_push_anchor(L, CS_CANCELLED);
  uint32_t key = next_reason(L, cs_runtime_of(L));
  lua_createtable(L, 0, 2);
  lua_pushstring(L, source);
  lua_setfield(L, -2, "source");
  lua_pushvalue(L, index);
  lua_setfield(L, -2, "reason");
  cs_push_anchor(L, CS_CANCELLED_META);
  lua_setmetatable(L, -2);
  lua_rawseti(L, -2, key);
  lua_pop(L, 1);
  return key;
}

static void forget(lua_State *L, uint32_t key) {
  cs_push_anchor(L, CS_CANCELLED);
  lua_pushnil(L);
  lua_rawseti(L, -2, key);
  lua_pop(L, 1);
}

void cs_drop_reason(lua_State *L, uint32_t key) {
  if (key >= CS_FIRST_REASON) forget(L, key);
}

void cs_cancel_by_call(lua_State *L, cs_runtime *rt, cs_scope *scope,
                       int index) {
  uint32_t key = scope->cancelled ? 0 : cs_keep_reason(L, "explicit", index);
  bool kept = !scope->cancelled; /* a finalizer may have cancelled it */
  if (cs_cancel_for(rt, scope, CS_BY_CALL, key) && kept)
    scope->owns_reason = true;
  else
    cs_drop_reason(L, key);
}

void cs_forget_reason(lua_State *L, cs_scope *scope) {
  if (!scope->owns_reason) return;
  scope->owns_reason = false;
  forget(L, scope->cancellation);
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
