/* entry.c - the first function of each task: body, children, outcome.
 *
 * The body runs under a protected call that may yield, so an uncaught error
 * unwinds inside the task, where `<close>` variables may wait. Then the task
 * waits for its children, and boils down what happened to one value. All that
 * needs memory happens here, on the task's own thread. */
#include "entry.h"

#include "gather.h"
#include "keep.h"

/* Its slots on the stack. */
enum { SPAWN_SITE = 1, ERRORS, BODY };

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

/* A task that got over an error has a leaf, which kept its name. */
static int end_well(lua_State *L, cs_task *self) {
  if (self->has_leaf) {
    cs_push_task(L, self);
    cs_push_name(L, -1);
    lua_setiuservalue(L, -2, 2);
    lua_pop(L, 1);
    self->has_leaf = false;
  }
  return pack_results(L, self);
}

/* As most do: the body has returned, and there is nothing else to look at. */
static bool ends_plainly(const cs_task *self) {
  return self->own.live == 0 && self->own.failures == NULL &&
         !self->own.child_cut && self->rt->raising != self && !self->has_leaf;
}

static int report_done(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  cs_check_not_stolen(L, (cs_task *)ctx);
  lua_settop(L, BODY);
  return 1;
}

/* What on_error has raised, on top of the outcome, becomes its second leaf. */
static void add_report_error(lua_State *L, cs_task *self) {
  enum { REPORT_ERROR = BODY + 1, BOTH, TASK };
  lua_settop(L, REPORT_ERROR);
  if (!cs_is_cancelled(L, REPORT_ERROR)) {
    cs_errors_new(L);
    cs_push_task(L, self);
    cs_errors_add(L, BOTH, TASK, BODY);
    cs_errors_add(L, BOTH, TASK, REPORT_ERROR);
    lua_pushvalue(L, BOTH);
    lua_replace(L, BODY);
  }
  lua_settop(L, BODY);
}

/* What the report itself has spawned is waited for, too. */
static int reported(lua_State *L, int status, lua_KContext ctx) {
  cs_task *self = (cs_task *)ctx;
  cs_check_not_stolen(L, self);
  self->observed = status == LUA_OK || status == LUA_YIELD;
  if (!self->observed) add_report_error(L, self);
  if (self->own.live == 0) return report_done(L, LUA_OK, ctx);
  return cs_await_children(L, self, &self->own, report_done);
}

/* The nursery wants to hear of the error at once, on this thread. The scope is
 * renewed, so that the report may wait. */
static int report(lua_State *L, cs_task *self) {
  cs_forget_reason(L, &self->own.scope);
  cs_scope_renew(&self->own.scope);
  lua_replace(L, BODY);
  lua_settop(L, BODY);
  cs_push_anchor(L, CS_CALLBACKS);
  lua_rawgetp(L, -1, cs_task_nursery(self));
  lua_remove(L, -2);
  cs_push_task(L, self);
  cs_errors_new(L);
  cs_errors_add(L, BODY + 3, BODY + 2, BODY);
  lua_insert(L, -2);
  int status = lua_pcallk(L, 2, 0, 0, (lua_KContext)self, reported);
  return reported(L, status, (lua_KContext)self);
}

/* A cancellation that reached the top: true if there is one. */
static bool is_cut(lua_State *L, cs_task *self, cs_body_end body) {
  if (body == CS_BODY_OK && !self->own.child_cut) return false;
  cs_push_cancelled(L, &self->own.scope);
  self->outcome = CS_CANCELLED_OUTCOME;
  self->nresults = 1;
  return true;
}

static int children_done(lua_State *L, int status, lua_KContext ctx);

static int await_children(lua_State *L, cs_task *self, cs_body_end body) {
  self->outcome = body & 3; /* until it has one */
  return cs_await_children(L, self, &self->own, children_done);
}

/* Gathering may run finalizers, which may spawn. */
static int finish(lua_State *L, cs_task *self, cs_body_end body) {
  if (cs_gather_children(L, self, &self->own, ERRORS, body)) {
    if (body != CS_BODY_FAILED) body = CS_CHILDREN_FAILED;
    if (self->own.live > 0) return await_children(L, self, body);
    choose_error(L, body == CS_BODY_FAILED);
    self->outcome = CS_ERROR;
    self->nresults = 1;
    return cs_task_nursery(self)->reports ? report(L, self) : 1;
  }
  return is_cut(L, self, body) ? 1 : end_well(L, self);
}

static int children_done(lua_State *L, int status, lua_KContext ctx) {
  cs_task *self = (cs_task *)ctx;
  cs_body_end body = (cs_body_end)self->outcome;
  (void)status;
  cs_check_not_stolen(L, self);
  if (self->own.live > 0) return await_children(L, self, body);
  return finish(L, self, body);
}

/* Raising a cancellation where nothing is cancelled is a mistake. */
static int refuse_stray(lua_State *L, cs_task *self) {
  lua_pushliteral(L, "stray Cancelled: raised where nothing is cancelled");
  if (self->failing) cs_leaf_rename(L, self, BODY);
  lua_replace(L, BODY);
  self->failing = false;
  return LUA_ERRRUN;
}

static int body_done(lua_State *L, int status, lua_KContext ctx) {
  cs_task *self = (cs_task *)ctx;
  cs_check_not_stolen(L, self);
  bool failed = status != LUA_OK && status != LUA_YIELD;
  if (!failed && ends_plainly(self)) return pack_results(L, self);
  cs_body_end body = cs_gather_body(L, self, &self->own, ERRORS, status);
  if (body == CS_BODY_CUT && !cs_task_cancelled(self))
    body = cs_gather_body(L, self, &self->own, ERRORS, refuse_stray(L, self));
  if (self->own.live == 0) return finish(L, self, body);
  return await_children(L, self, body);
}

/* Called with the place of its spawn, the message handler, the body and its
 * arguments. */
static int entry(lua_State *L) {
  cs_task *self = cs_runtime_of(L)->current;
  if (self == NULL || self->thread != L)
    return luaL_error(L, "a task was resumed outside the scheduler");
  int nargs = lua_gettop(L) - BODY;
  lua_KContext ctx = (lua_KContext)self;
  int status = lua_pcallk(L, nargs, LUA_MULTRET, ERRORS, ctx, body_done);
  return body_done(L, status, ctx);
}

void cs_entry_open(lua_State *L) {
  static const struct {
    lua_CFunction function;
    cs_anchor anchor;
  } functions[] = {{entry, CS_ENTRY}, {cs_take_leaf, CS_HANDLER}};
  for (int i = 0; i < 2; i++) {
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushcclosure(L, functions[i].function, 1);
    lua_setiuservalue(L, lua_upvalueindex(1), functions[i].anchor);
  }
}
