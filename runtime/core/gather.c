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
  cs_leaf_to_error(L);
  bool same = cs_same_error(L, 1, -1);
  lua_pop(L, 1);
  return same;
}

int cs_take_leaf(lua_State *L) {
  cs_task *self = cs_runtime_of(L)->current;
  if (self == NULL || self->thread != L) return 1;
  if (cs_is_cancelled(L, 1) && cs_task_cancelled(self)) return 1;
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

/* Room for what follows; false if there is none: then the results are gone, and
 * the error of that is in their place. */
static bool make_room(lua_State *L, int index) {
  if (lua_checkstack(L, LUA_MINSTACK)) return true;
  lua_settop(L, index - 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, cs_no_memory);
  return false;
}

/* Allocates nothing. */
static void unhide_error(lua_State *L, cs_task *self, int index) {
  if (!self->failing || !cs_is_cancelled(L, index)) return;
  cs_push_task(L, self);
  lua_getiuservalue(L, -1, 2);
  cs_leaf_to_error(L);
  lua_replace(L, index);
  lua_settop(L, index);
}

bool cs_body_failed(lua_State *L, cs_task *self, int status, int index) {
  if (!make_room(L, index)) status = LUA_ERRMEM;
  bool failed = status != LUA_OK && status != LUA_YIELD;
  if (!failed && cs_push_unraised(L, self)) {
    lua_insert(L, index);
    lua_settop(L, index);
    failed = true;
  }
  if (failed) unhide_error(L, self, index);
  return failed;
}

/* Called with the task and the nursery, the Errors or nil, the body's error or
 * nothing; returns the Errors with what is new. */
static int gather(lua_State *L) {
  enum { TASK = 1, NURSERY, ERRORS, BODY };
  bool body = lua_gettop(L) == BODY;
  luaL_checkstack(L, LUA_MINSTACK, "not enough memory");
  if (lua_isnil(L, ERRORS)) {
    cs_errors_new(L);
    lua_replace(L, ERRORS);
  }
  cs_errors_take(L, ERRORS, lua_touserdata(L, NURSERY)); /* they came first */
  if (body) {
    cs_push_task(L, lua_touserdata(L, TASK));
    cs_errors_add(L, ERRORS, lua_gettop(L), BODY);
  }
  lua_settop(L, ERRORS);
  return 1;
}

/* Without memory the error of that takes the place of the Errors, but the
 * nursery goes on to wait for its children. */
static void gather_protected(lua_State *L, cs_task *self, cs_nursery *nursery,
                             int errors, bool body) {
  cs_push_anchor(L, CS_GATHER);
  lua_pushlightuserdata(L, self);
  lua_pushlightuserdata(L, nursery);
  lua_pushvalue(L, errors);
  if (body) lua_pushvalue(L, errors + 1);
  lua_pcall(L, 3 + body, 1, 0);
  lua_replace(L, errors);
}

/* There is an error instead of Errors: what else has failed is lost. */
static void drop_failures(lua_State *L, cs_nursery *nursery) {
  while (nursery->failures != NULL) {
    cs_link *first = cs_ring_take(&nursery->failures);
    cs_claim(L, CS_OWNER(first, cs_task, wait.link));
  }
}

cs_body_end cs_gather_body(lua_State *L, cs_task *self, cs_nursery *nursery,
                           int errors, int status) {
  int index = errors + 1;
  bool failed = cs_body_failed(L, self, status, index);
  lua_pushnil(L);
  lua_replace(L, errors);
  if (!failed) return CS_BODY_OK;
  if (cs_is_cancelled(L, index)) return CS_BODY_CUT;
  gather_protected(L, self, nursery, errors, true);
  cs_cancel(self->rt, &nursery->scope, CS_BY_NURSERY);
  return CS_BODY_FAILED;
}

bool cs_gather_children(lua_State *L, cs_task *self, cs_nursery *nursery,
                        int errors, cs_body_end body) {
  bool failed = body >= CS_BODY_FAILED;
  if (nursery->failures == NULL) return failed;
  if (!failed) lua_settop(L, errors);
  if (!failed || cs_has_type(L, errors, CS_ERRORS_META))
    gather_protected(L, self, nursery, errors, false);
  drop_failures(L, nursery);
  return true;
}

void cs_gather_open(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushcclosure(L, gather, 1);
  lua_setiuservalue(L, lua_upvalueindex(1), CS_GATHER);
}

int cs_await_children(lua_State *L, cs_task *self, cs_nursery *nursery,
                      lua_KFunction k) {
  cs_nursery_await(nursery);
  cs_park(self, &children_ops, NULL);
  return cs_suspend(L, self, k);
}
