/* block_handle.c - blocks as Lua sees them: what handles of scopes and of
 * nurseries share. */
#include "block.h"
#include "clock.h"
#include "keep.h"

#include <lauxlib.h>
#include <string.h>

static int make_handle(lua_State *L) {
  cs_block *block = lua_touserdata(L, 1);
  block->handle = lua_newuserdatauv(L, sizeof *block->handle, 0);
  *block->handle = block;
  return 1;
}

void cs_block_push_handle(lua_State *L, cs_block *block, cs_anchor meta) {
  lua_pushcfunction(L, make_handle);
  lua_pushlightuserdata(L, block);
  if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
    cs_block_free_if_unowned(L, block);
    lua_error(L);
  }
  cs_push_anchor(L, meta);
  lua_setmetatable(L, -2);
}

int cs_block_gc(lua_State *L) {
  cs_block **handle = lua_touserdata(L, 1), *block = *handle;
  *handle = NULL;
  if (block == NULL) return 0;
  block->handle = NULL;
  cs_block_free_if_unowned(L, block);
  return 0;
}

void cs_block_read_name(lua_State *L, cs_block *block, int options) {
  int type = lua_getfield(L, options, "name");
  luaL_argcheck(L, type == LUA_TNIL || type == LUA_TSTRING, options,
                "name: a string expected");
  if (type == LUA_TSTRING) {
    cs_set_name(L, block, lua_gettop(L));
    block->named = true;
  }
  lua_pop(L, 1);
}

cs_block *cs_handle_block(lua_State *L, void *handle) {
  cs_block *block = *(cs_block **)handle;
  if (block == NULL) luaL_error(L, "the runtime is closed");
  return block;
}

int cs_block_cancel(lua_State *L, cs_block *block) {
  cs_scope *scope = &block->nursery.scope;
  bool can = !block->closed && scope->source == CS_NOT_CANCELLED;
  if (can) {
    lua_settop(L, 2);
    cs_cancel_by_call(L, block->rt, scope, 2);
  }
  lua_pushboolean(L, can);
  return 1;
}

bool cs_block_push_field(lua_State *L, const cs_block *block) {
  const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (strcmp(key, "deadline") == 0)
    cs_push_time(L, block->deadline);
  else if (strcmp(key, "cancelled") == 0)
    lua_pushboolean(L, block->nursery.scope.cancelled);
  else if (strcmp(key, "closed") == 0)
    lua_pushboolean(L, block->closed);
  else if (strcmp(key, "caught") == 0)
    lua_pushboolean(L, block->caught);
  else if (strcmp(key, "name") == 0)
    cs_push_block_name(L, block);
  else
    return false;
  return true;
}

void cs_block_push_state(lua_State *L, const cs_block *block,
                         const char *type) {
  const char *state = "new";
  if (block->used) state = "entered";
  if (block->nursery.scope.cancelled) state = "cancelled";
  if (block->closed) state = "over";
  lua_pushfstring(L, "%s: %s", type, state);
}
