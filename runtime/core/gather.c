/* gather.c - errors in the order in which they happened; a cancellation never
 * hides one. */
#include "gather.h"

#include "raise.h"

static const cs_wait_ops children_ops = {.name = "children"};

/* True if a function of the runtime raises: a pcall of the user's may have
 * caught what a scope passed on, and another error looks the same. */
static bool is_raised_by_us(lua_State *L) {
  lua_Debug info;
  if (!lua_getstack(L, 1, &info)) return false;
  lua_getinfo(L, "f", &info);
  bool ours = lua_iscfunction(L, -1) && lua_getupvalue(L, -1, 1) != NULL;
  ours = ours && lua_touserdata(L, -1) == cs_runtime_of(L);
  lua_settop(L, 2);
  return ours;
}

/* A scope or a nursery that passes an error on raises it anew: its leaf, with
 * the place where it began, is there. */
static bool has_leaf_of(lua_State *L, const cs_task *self, int task) {
  if (!self->rethrown || !self->has_leaf || !is_raised_by_us(L)) return false;
  lua_getiuservalue(L, task, 2);
  lua_getfield(L, -1, "error");
  bool same = cs_same_error(L, 1, -1);
  lua_pop(L, 2);
  return same;
}

int cs_take_leaf(lua_State *L) {
  cs_task *self = cs_runtime_of(L)->current;
  if (self == NULL || self->thread != L || cs_is_cancelled(L, 1)) return 1;
  self->failing = true;
  luaL_checkstack(L, 6, "not enough memory");
  cs_push_task(L, self);
  if (!has_leaf_of(L, self, 2)) {
    luaL_traceback(L, L, NULL, 1);
    cs_leaf_set(L, 2, 1);
  }
  self->rethrown = false;
  lua_settop(L, 1);
  return 1;
}

void cs_check_not_stolen(lua_State *L, cs_task *self) {
  if (self->rt->current == self && self->thread == L) return;
  self->stolen = true;
  luaL_error(L, "a task was resumed outside the scheduler");
}

static void unhide_error(lua_State *L, cs_task *self, int index) {
  if (!self->failing || !cs_is_cancelled(L, index)) return;
  cs_push_task(L, self);
  lua_getiuservalue(L, -1, 2);
  lua_getfield(L, -1, "error");
  lua_replace(L, index);
  lua_settop(L, index);
}

bool cs_body_failed(lua_State *L, cs_task *self, int status, int index) {
  bool failed = status != LUA_OK && status != LUA_YIELD;
  if (!failed && cs_push_unraised(L, self)) {
    lua_insert(L, index);
    lua_settop(L, index);
    failed = true;
  }
  if (failed) unhide_error(L, self, index);
  return failed;
}

cs_body_end cs_gather_body(lua_State *L, cs_task *self, cs_nursery *nursery,
                           int errors, int status) {
  int index = errors + 1;
  if (!cs_body_failed(L, self, status, index)) return CS_BODY_OK;
  if (cs_is_cancelled(L, index)) return CS_BODY_CUT;
  cs_errors_new(L);
  lua_replace(L, errors);
  cs_errors_take(L, errors, nursery); /* what failed before comes first */
  cs_push_task(L, self);
  cs_errors_add(L, errors, index + 1, index);
  lua_settop(L, index);
  cs_cancel(self->rt, &nursery->scope, CS_BY_NURSERY);
  return CS_BODY_FAILED;
}

bool cs_gather_children(lua_State *L, cs_nursery *nursery, int errors,
                        cs_body_end body) {
  if (nursery->failures == NULL) return body == CS_BODY_FAILED;
  if (body != CS_BODY_FAILED) {
    lua_settop(L, errors);
    cs_errors_new(L);
    lua_replace(L, errors);
  }
  cs_errors_take(L, errors, nursery);
  return true;
}

int cs_await_children(lua_State *L, cs_task *self, cs_nursery *nursery,
                      lua_KFunction k) {
  cs_nursery_await(nursery);
  cs_park(self, &children_ops, NULL);
  return cs_suspend(L, self, k);
}
