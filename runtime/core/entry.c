/* entry.c - the first function of each task: body, children, outcome.
 *
 * The body runs under a protected call that may yield, so an uncaught error
 * unwinds inside the task, where `<close>` variables may wait. Then the task
 * waits for its children, and boils down what happened to one value. All that
 * needs memory happens here, on the task's own thread. */
#include "entry.h"

#include "keep.h"
#include "raise.h"

/* Its slots on the stack, once the body is done. */
enum { ERRORS = 1, BODY = 2 };

static const cs_wait_ops children_ops = {.name = "children"};

/* Message handler of the body: writes the error down with its traceback, before
 * the stack unwinds, and leaves the error as it is. */
static int take_traceback(lua_State *L) {
  cs_task *self = cs_runtime_of(L)->current;
  if (self == NULL || self->thread != L || cs_is_cancelled(L, 1)) return 1;
  cs_push_task(L, self);
  luaL_traceback(L, L, NULL, 1);
  cs_leaf_set(L, 2, 1);
  lua_settop(L, 1);
  return 1;
}

static void check_not_stolen(lua_State *L, cs_task *self) {
  if (self->rt->current == self && self->thread == L) return;
  self->stolen = true;
  luaL_error(L, "a task was resumed outside the scheduler");
}

/* A cancellation that hid an error while the stack unwound: pushes the error
 * and returns true. */
static bool hidden_error(lua_State *L, cs_task *self) {
  cs_push_task(L, self);
  bool found = lua_getiuservalue(L, -1, 2) == LUA_TTABLE;
  if (found) lua_getfield(L, -1, "error");
  lua_replace(L, -3 + !found);
  lua_settop(L, BODY + found);
  return found;
}

/* The error is at BODY. What failed before it comes first in the list. */
static void body_failed(lua_State *L, cs_task *self) {
  if (cs_is_cancelled(L, BODY)) {
    if (hidden_error(L, self)) {
      lua_replace(L, BODY);
    } else if (cs_task_cancelled(self)) {
      self->outcome = CS_CANCELLED_OUTCOME;
      return;
    } else {
      lua_pushliteral(L, "stray Cancelled: raised where nothing is cancelled");
      lua_replace(L, BODY);
    }
  }
  self->outcome = CS_ERROR;
  cs_errors_new(L);
  lua_replace(L, ERRORS);
  cs_errors_take(L, ERRORS, &self->own);
  cs_push_task(L, self);
  cs_errors_add(L, ERRORS, BODY + 1, BODY);
  lua_settop(L, BODY);
  cs_cancel(&self->own.scope, CS_BY_NURSERY);
}

/* Leaves one value for the outcome of a task that failed: the error itself if
 * the body alone failed, else the Errors. */
static void choose_error(lua_State *L, bool by_body) {
  lua_getfield(L, ERRORS, "errors");
  bool alone = by_body && lua_rawlen(L, -1) == 1;
  lua_getfield(L, ERRORS, "error");
  alone = alone && lua_rawequal(L, -1, BODY);
  lua_settop(L, BODY);
  lua_pushvalue(L, alone ? BODY : ERRORS);
}

/* The body's results as one value, or none. */
static int pack_results(lua_State *L, cs_task *self) {
  int n = lua_gettop(L) - ERRORS;
  if (n <= 1) return n;
  cs_pack(L, n);
  self->nresults = 2;
  return 1;
}

/* As most do: the body has returned, and there is nothing else to look at. */
static bool ends_plainly(const cs_task *self) {
  return self->own.live == 0 && self->own.failures == NULL &&
         !self->own.child_cancelled && self->rt->raising != self;
}

static int report_done(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  check_not_stolen(L, (cs_task *)ctx);
  lua_settop(L, BODY);
  return 1;
}

/* What the report itself has spawned is waited for, too. */
static int reported(lua_State *L, int status, lua_KContext ctx) {
  cs_task *self = (cs_task *)ctx;
  check_not_stolen(L, self);
  self->observed = status == LUA_OK || status == LUA_YIELD;
  if (self->own.live == 0) return report_done(L, LUA_OK, ctx);
  self->own.waiting = true;
  cs_park(self, &children_ops, NULL);
  return cs_suspend(L, self, report_done);
}

/* The nursery supervises: it hears of the error at once, on this thread. The
 * scope is opened anew, so that the report may wait. */
static int report(lua_State *L, cs_task *self) {
  cs_forget_reason(L, self);
  cs_scope_close(&self->own.scope);
  cs_scope_open(&self->own.scope, &self->nursery->scope, true);
  lua_replace(L, BODY);
  lua_settop(L, BODY);
  cs_push_anchor(L, CS_CALLBACKS);
  lua_rawgetp(L, -1, self->nursery);
  lua_remove(L, -2);
  cs_push_task(L, self);
  cs_errors_new(L);
  cs_errors_add(L, BODY + 3, BODY + 2, BODY);
  lua_insert(L, -2);
  int status = lua_pcallk(L, 2, 0, 0, (lua_KContext)self, reported);
  return reported(L, status, (lua_KContext)self);
}

static int children_done(lua_State *L, int status, lua_KContext ctx) {
  cs_task *self = (cs_task *)ctx;
  (void)status;
  check_not_stolen(L, self);
  bool by_body = self->outcome == CS_ERROR;
  if (self->own.failures != NULL) {
    if (!by_body) {
      lua_settop(L, BODY);
      cs_errors_new(L);
      lua_replace(L, ERRORS);
    }
    self->outcome = CS_ERROR;
    cs_errors_take(L, ERRORS, &self->own);
  }
  if (self->outcome == CS_ERROR) {
    choose_error(L, by_body);
    self->nresults = 1;
    return self->nursery->supervises ? report(L, self) : 1;
  }
  if (self->outcome == CS_OK && self->own.child_cancelled) {
    self->outcome = CS_CANCELLED_OUTCOME;
    cs_push_cancelled(L, &self->own.scope);
    return 1;
  }
  return pack_results(L, self);
}

static int body_done(lua_State *L, int status, lua_KContext ctx) {
  cs_task *self = (cs_task *)ctx;
  check_not_stolen(L, self);
  bool failed = status != LUA_OK && status != LUA_YIELD;
  self->outcome = CS_OK;
  if (!failed && ends_plainly(self)) return pack_results(L, self);
  if (!failed && cs_push_unraised(L, self)) {
    failed = true;
    lua_insert(L, BODY);
    lua_settop(L, BODY);
  }
  lua_pushnil(L);
  lua_replace(L, ERRORS);
  if (failed) body_failed(L, self);
  if (self->own.live == 0) return children_done(L, LUA_OK, ctx);
  self->own.waiting = true;
  cs_park(self, &children_ops, NULL);
  return cs_suspend(L, self, children_done);
}

/* Called with the message handler, the body and its arguments. */
static int entry(lua_State *L) {
  cs_task *self = cs_runtime_of(L)->current;
  if (self == NULL || self->thread != L)
    return luaL_error(L, "a task was resumed outside the scheduler");
  int nargs = lua_gettop(L) - 2;
  lua_KContext ctx = (lua_KContext)self;
  int status = lua_pcallk(L, nargs, LUA_MULTRET, 1, ctx, body_done);
  return body_done(L, status, ctx);
}

void cs_entry_open(lua_State *L) {
  static const struct {
    lua_CFunction function;
    cs_anchor anchor;
  } functions[] = {{entry, CS_ENTRY}, {take_traceback, CS_HANDLER}};
  for (int i = 0; i < 2; i++) {
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushcclosure(L, functions[i].function, 1);
    lua_setiuservalue(L, lua_upvalueindex(1), functions[i].anchor);
  }
}
