/* sys_scope.c - scopes in Lua: scope, timeout, move_on, shield.
 *
 * They are functions that call a function, because `<close>` cannot catch an
 * error, and no rows, because a yielded call could not call back. */
#include "block.h"
#include "clock.h"
#include "gather.h"
#include "keep.h"
#include "module.h"

#include <math.h>
#include <string.h>

/* Slots of a function that runs another one inside a scope. */
enum { SCOPE = 1, HANDLER, RESULTS };

/* A scope's handle begins with its block. */
typedef struct scope_handle {
  cs_block *block;
  uint64_t timeout; /* counts from its entry; CS_NEVER: none */
} scope_handle;

/* {=== running === */

/* The scope is left; it is freed if the handle cannot be made. */
static int raise_timeout(lua_State *L, cs_block *block) {
  block->pinned = false;
  cs_block_push_handle(L, block, CS_SCOPE_META);
  lua_createtable(L, 0, 2);
  lua_insert(L, -2);
  lua_setfield(L, -2, "scope");
  lua_pushvalue(L, SCOPE);
  lua_setfield(L, -2, "seconds");
  cs_push_anchor(L, CS_TIMEOUT_META);
  lua_setmetatable(L, -2);
  return lua_error(L);
}

/* A cancellation that ends at the scope. */
static int absorb(lua_State *L, cs_block *block) {
  block->caught = true;
  block->pinned = block->times_out;
  bool times_out = block->times_out;
  lua_settop(L, HANDLER);
  lua_pushboolean(L, false);
  cs_push_cancelled(L, &block->nursery.scope);
  cs_block_leave(L, block);
  return times_out ? raise_timeout(L, block) : 2;
}

static int returned(lua_State *L, cs_block *block) {
  int nresults = lua_gettop(L) - HANDLER;
  bool times_out = block->times_out;
  cs_block_leave(L, block);
  if (times_out) return nresults;
  lua_pushboolean(L, true);
  lua_replace(L, HANDLER);
  return nresults + 1;
}

/* Leaves the scope, whatever happens: nothing allocates before. */
static int done(lua_State *L, int status, lua_KContext ctx) {
  cs_block *block = (cs_block *)ctx;
  cs_task *self = block->task;
  cs_check_not_stolen(L, self);
  bool failed = cs_body_failed(L, self, status, RESULTS);
  if (!failed) return returned(L, block);
  bool cancelled = cs_is_cancelled(L, RESULTS);
  if (cancelled && cs_scope_absorbs(&block->nursery.scope))
    return absorb(L, block);
  cs_block_leave(L, block);
  self->rethrown = !cancelled;
  return lua_error(L);
}

/* The function is at 2, its arguments behind it. */
static int run_inside(lua_State *L, cs_task *self, cs_block *block) {
  cs_push_anchor(L, CS_HANDLER);
  lua_insert(L, HANDLER);
  cs_block_enter(block, self);
  int nargs = lua_gettop(L) - RESULTS;
  lua_KContext ctx = (lua_KContext)block;
  int status = lua_pcallk(L, nargs, LUA_MULTRET, HANDLER, ctx, done);
  return done(L, status, ctx);
}

static int run_for(lua_State *L, const char *name, bool shield,
                   bool times_out) {
  cs_task *self = cs_check_may_wait(L, name);
  uint64_t delay = cs_check_delay(L, 1);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  if (!shield && cs_task_cancelled(self)) return cs_tell_cancelled(L, self);
  cs_block *block = cs_block_new(L, true);
  block->deadline = cs_deadline_after(self->rt, delay);
  block->nursery.scope.shield = shield;
  block->times_out = times_out;
  return run_inside(L, self, block);
}

/* timeout(seconds, fn, ...): results of fn; raises Timeout */
static int timeout(lua_State *L) { return run_for(L, "timeout", false, true); }

/* move_on(seconds, fn, ...): true, results; or false, the cancellation */
static int move_on(lua_State *L) { return run_for(L, "move_on", false, false); }

/* shield(grace, fn, ...): the same, hidden from cancellations around it */
static int shield(lua_State *L) { return run_for(L, "shield", true, false); }

/* }=== */

/* {=== handles === */

static scope_handle *check_scope(lua_State *L) {
  void *handle = cs_check_type(L, 1, CS_SCOPE_META, "cosched.Scope");
  cs_handle_block(L, handle);
  return handle;
}

static void check_options(lua_State *L) {
  static const char *const known[] = {"timeout", "deadline", "shield", "name",
                                      NULL};
  if (lua_isnoneornil(L, 1)) lua_newtable(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  cs_check_fields(L, 1, known);
}

static void read_deadline(lua_State *L, scope_handle *handle) {
  bool timed = lua_getfield(L, 1, "timeout") != LUA_TNIL;
  if (timed) {
    luaL_argcheck(L, lua_type(L, -1) == LUA_TNUMBER && lua_tonumber(L, -1) >= 0,
                  1, "timeout: seconds, not negative and not NaN, expected");
    handle->timeout = cs_check_delay(L, lua_gettop(L));
  }
  if (lua_getfield(L, 1, "deadline") != LUA_TNIL) {
    luaL_argcheck(L, !timed, 1, "give a timeout or a deadline, not both");
    handle->block->deadline = cs_check_time(L, lua_gettop(L));
  }
  lua_pop(L, 2);
}

/* scope{timeout=, deadline=, shield=, name=}: a scope to run a function in */
static int scope(lua_State *L) {
  check_options(L);
  scope_handle *handle = lua_newuserdatauv(L, sizeof *handle, 0);
  *handle = (scope_handle){NULL, CS_NEVER};
  cs_push_anchor(L, CS_SCOPE_META);
  lua_setmetatable(L, -2);
  handle->block = cs_block_new(L, false);
  handle->block->handle = &handle->block;
  read_deadline(L, handle);
  lua_getfield(L, 1, "shield");
  handle->block->nursery.scope.shield = lua_toboolean(L, -1);
  cs_block_read_name(L, handle->block, 1);
  lua_settop(L, 2);
  return 1;
}

/* scope:run(fn, ...): true, results; or false, the cancellation */
static int scope_run(lua_State *L) {
  scope_handle *handle = check_scope(L);
  cs_block *block = handle->block;
  cs_task *self = cs_check_may_wait(L, "run");
  luaL_checktype(L, 2, LUA_TFUNCTION);
  if (block->used)
    return luaL_error(L, "a scope can be used only once: make a new one with "
                         "cosched.scope");
  if (!block->nursery.scope.shield && cs_task_cancelled(self))
    return cs_tell_cancelled(L, self);
  luaL_checkstack(L, LUA_MINSTACK, "not enough memory");
  if (cs_timers_reserve(&self->rt->timers) != 0)
    return luaL_error(L, "not enough memory");
  if (handle->timeout != CS_NEVER)
    block->deadline = cs_deadline_after(self->rt, handle->timeout);
  return run_inside(L, self, block);
}

/* scope:cancel([reason]): false if it was cancelled before, or is over */
static int scope_cancel(lua_State *L) {
  return cs_block_cancel(L, check_scope(L)->block);
}

/* scope.deadline, scope.cancelled, scope.caught, scope.name, and methods */
static int scope_index(lua_State *L) {
  cs_block *block = check_scope(L)->block;
  if (!cs_block_push_field(L, block)) {
    lua_settop(L, 2);
    lua_rawget(L, lua_upvalueindex(2));
  }
  return 1;
}

/* scope.deadline = time */
static int scope_newindex(lua_State *L) {
  cs_block *block = check_scope(L)->block;
  const char *key = luaL_tolstring(L, 2, NULL);
  if (strcmp(key, "deadline") != 0)
    return luaL_error(L,
                      "cannot set '%s': of a scope only the deadline can be "
                      "set",
                      key);
  if (lua_type(L, 3) != LUA_TNUMBER)
    return luaL_error(L,
                      "deadline: a time on the clock of cosched.now "
                      "expected, got %s",
                      luaL_typename(L, 3));
  uint64_t deadline = cs_check_time(L, 3);
  if (cs_timers_reserve(&block->rt->timers) != 0)
    return luaL_error(L, "not enough memory");
  ((scope_handle *)lua_touserdata(L, 1))->timeout = CS_NEVER;
  cs_block_set_deadline(block, deadline);
  return 0;
}

static int scope_tostring(lua_State *L) {
  cs_block_push_state(L, check_scope(L)->block, "cosched.Scope");
  return 1;
}

/* }=== */

/* deadline(): the earliest deadline around the caller, -math.huge if it is
 * cancelled, math.huge if there is none */
static int deadline(lua_State *L) {
  cs_task *self = cs_runtime_of(L)->current;
  if (self == NULL) return luaL_error(L, "only a task has a deadline");
  uint64_t earliest = CS_NEVER;
  for (cs_scope *each = self->scope; each != NULL; each = each->parent) {
    if (each->kind == CS_SCOPE_BLOCK &&
        cs_scope_block(each)->deadline < earliest)
      earliest = cs_scope_block(each)->deadline;
    if (each->shield) break;
  }
  if (cs_task_cancelled(self))
    lua_pushnumber(L, -HUGE_VAL);
  else
    cs_push_time(L, earliest);
  return 1;
}

static const luaL_Reg functions[] = {
    {"scope", scope},   {"timeout", timeout},   {"move_on", move_on},
    {"shield", shield}, {"deadline", deadline}, {NULL, NULL},
};

static const luaL_Reg methods[] = {
    {"run", scope_run},
    {"cancel", scope_cancel},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__newindex", scope_newindex},
    {"__tostring", scope_tostring},
    {"__gc", cs_block_gc},
    {NULL, NULL},
};

static void open_scope(lua_State *L) {
  cs_set_functions(L, 1, functions);
  cs_push_type(L, "cosched.Scope", metamethods);
  cs_set_methods(L, "cosched.Scope", methods, scope_index);
  lua_pop(L, 1);
  lua_setiuservalue(L, lua_upvalueindex(1), CS_SCOPE_META);
}

const cs_module cs_module_scope = {NULL, open_scope, NULL};
