/* sys_nursery.c - nurseries in Lua: nursery, supervisor, and their handles. */
#include "block.h"
#include "gather.h"
#include "keep.h"
#include "module.h"

/* Slots of a function that runs another one inside a nursery. */
enum { NURSERY = 1, ERRORS, RESULTS };

/* {=== running === */

static int raise_top(lua_State *L, cs_block *block) {
  cs_block_leave(L, block);
  return lua_error(L);
}

/* The body and the children are done. */
static int leave(lua_State *L, cs_block *block) {
  cs_nursery *nursery = &block->nursery;
  cs_body_end body = (cs_body_end)block->body;
  block->closed = true; /* from here on a finalizer cannot spawn into it */
  bool failed = cs_gather_children(L, block->task, nursery, ERRORS, body);
  bool cut = body == CS_BODY_CUT || nursery->child_cut;
  bool absorbs = cs_scope_absorbs(&nursery->scope);
  block->caught = cut && absorbs;
  if (failed) {
    lua_settop(L, ERRORS);
    return raise_top(L, block);
  }
  if (cut && !absorbs) {
    if (nursery->scope.cancelled) {
      lua_settop(L, ERRORS);
      cs_push_cancelled(L, nursery->scope.parent);
    }
    return raise_top(L, block);
  }
  cs_block_leave(L, block);
  return body == CS_BODY_OK ? lua_gettop(L) - ERRORS : 0;
}

static int children_done(lua_State *L, int status, lua_KContext ctx) {
  cs_task *self = (cs_task *)ctx;
  (void)status;
  cs_check_not_stolen(L, self);
  cs_block *block = cs_scope_block(self->scope);
  if (block->nursery.live == 0) return leave(L, block);
  return cs_await_children(L, self, &block->nursery, children_done); /* more */
}

static int body_done(lua_State *L, int status, lua_KContext ctx) {
  cs_block *block = (cs_block *)ctx;
  cs_task *self = block->task;
  cs_check_not_stolen(L, self);
  block->body =
      (uint8_t)cs_gather_body(L, self, &block->nursery, ERRORS, status) & 3;
  if (block->nursery.live > 0)
    return cs_await_children(L, self, &block->nursery, children_done);
  if (--self->rt->budget > 0) return leave(L, block);
  cs_requeue(self, &cs_given_ops); /* a loop of empty ones starves nobody */
  return cs_suspend(L, self, children_done);
}

/* The handle is at 1, the function at 2, its arguments behind it. */
static int run_inside(lua_State *L, cs_task *self, cs_block *block) {
  block->is_nursery = true;
  lua_pushvalue(L, 1);
  lua_insert(L, 3);
  cs_push_anchor(L, CS_HANDLER);
  lua_insert(L, ERRORS);
  cs_block_enter(block, self);
  int nargs = lua_gettop(L) - RESULTS;
  lua_KContext ctx = (lua_KContext)block;
  int status = lua_pcallk(L, nargs, LUA_MULTRET, ERRORS, ctx, body_done);
  return body_done(L, status, ctx);
}

/* Makes room for the handle at 1: the options are there, or nil. */
static void check_arguments(lua_State *L, const char *const known[]) {
  if (lua_type(L, 1) == LUA_TTABLE) {
    cs_check_fields(L, 1, known);
  } else {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_pushnil(L);
    lua_insert(L, 1);
  }
  luaL_checktype(L, 2, LUA_TFUNCTION);
}

/* A block whose handle is on top. */
static cs_block *new_nursery(lua_State *L) {
  cs_block *block = cs_block_new(L, false);
  cs_block_push_handle(L, block, CS_NURSERY_META);
  if (lua_istable(L, 1)) cs_block_read_name(L, block, 1);
  return block;
}

/* nursery([{name=},] fn, ...): results of fn(n, ...), once all tasks of n are
 * done */
static int nursery(lua_State *L) {
  static const char *const known[] = {"name", NULL};
  cs_task *self = cs_check_may_wait(L, "nursery");
  check_arguments(L, known);
  if (cs_task_cancelled(self)) return cs_tell_cancelled(L, self);
  cs_block *block = new_nursery(L);
  lua_replace(L, 1);
  return run_inside(L, self, block);
}

static void read_on_error(lua_State *L, cs_block *block) {
  int type = lua_getfield(L, 1, "on_error");
  luaL_argcheck(L, type == LUA_TNIL || type == LUA_TFUNCTION, 1,
                "on_error: a function expected");
  if (type == LUA_TFUNCTION) {
    cs_set_callback(L, &block->nursery, lua_gettop(L));
    block->nursery.reports = true;
  }
  lua_pop(L, 1);
}

/* supervisor([{on_error=, name=},] fn, ...): the same, where a child that fails
 * cancels nobody. Its error is given to on_error(errors, task), in the child,
 * which may wait; without on_error it is raised at the end, unless somebody
 * joins it */
static int supervisor(lua_State *L) {
  static const char *const known[] = {"name", "on_error", NULL};
  cs_task *self = cs_check_may_wait(L, "supervisor");
  check_arguments(L, known);
  if (cs_task_cancelled(self)) return cs_tell_cancelled(L, self);
  cs_block *block = new_nursery(L);
  block->nursery.supervises = true;
  if (lua_istable(L, 1)) read_on_error(L, block);
  lua_replace(L, 1);
  return run_inside(L, self, block);
}

/* }=== */

/* {=== handles === */

static cs_block *check_nursery(lua_State *L, int index) {
  return cs_handle_block(
      L, cs_check_type(L, index, CS_NURSERY_META, "cosched.Nursery"));
}

static cs_block *check_open(lua_State *L, int index) {
  cs_block *block = check_nursery(L, index);
  if (block->closed)
    luaL_error(L,
               "the nursery is closed: all its tasks are done, and it has "
               "returned; spawn inside its function, or in one that is open");
  return block;
}

/* nursery:spawn(fn, ...): the new task */
static int nursery_spawn(lua_State *L) {
  cs_block *block = check_open(L, 1);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  cs_task_new(L, L, &block->nursery, lua_gettop(L) - 2);
  return 1;
}

/* nursery:daemon(fn, ...): a task that ends when all others have */
static int nursery_daemon(lua_State *L) {
  cs_block *block = check_open(L, 1);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  cs_task *task = cs_task_new(L, L, &block->nursery, lua_gettop(L) - 2);
  task->daemon = true;
  block->daemons++;
  return 1;
}

/* nursery:cancel([reason]): false if it was cancelled before, or is over */
static int nursery_cancel(lua_State *L) {
  return cs_block_cancel(L, check_nursery(L, 1));
}

/* nursery.cancelled, nursery.caught, and the methods */
static int nursery_index(lua_State *L) {
  if (!cs_block_push_field(L, check_nursery(L, 1))) {
    lua_settop(L, 2);
    lua_rawget(L, lua_upvalueindex(2));
  }
  return 1;
}

static int nursery_tostring(lua_State *L) {
  cs_block_push_state(L, check_nursery(L, 1), "cosched.Nursery");
  return 1;
}

/* }=== */

/* adopt(nursery): the running task moves there, for nursery:start; false if it
 * is cancelled where it is, and so has to end there */
static int adopt(lua_State *L) {
  cs_task *self = cs_runtime_of(L)->current;
  if (self == NULL) return luaL_error(L, "only a task can move");
  const cs_scope *own = &self->own.scope;
  bool moves = !own->parent->cancelled && own->source != CS_BY_KILL;
  if (moves) cs_nursery_adopt(&check_open(L, 1)->nursery, self);
  lua_pushboolean(L, moves);
  return 1;
}

static const luaL_Reg functions[] = {
    {"nursery", nursery},
    {"supervisor", supervisor},
    {"adopt", adopt},
    {NULL, NULL},
};

static const luaL_Reg methods[] = {
    {"spawn", nursery_spawn},
    {"daemon", nursery_daemon},
    {"cancel", nursery_cancel},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__tostring", nursery_tostring},
    {"__gc", cs_block_gc},
    {NULL, NULL},
};

static void open_nursery(lua_State *L) {
  cs_set_functions(L, 1, functions);
  cs_push_type(L, "cosched.Nursery", metamethods);
  cs_set_methods(L, "cosched.Nursery", methods, nursery_index);
  lua_setfield(L, 1, "Nursery"); /* nursery.lua adds start */
  lua_setiuservalue(L, lua_upvalueindex(1), CS_NURSERY_META);
}

const cs_module cs_module_nursery = {NULL, open_nursery, NULL};
