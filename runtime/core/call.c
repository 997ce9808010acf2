/* call.c - calls as objects: making them, and what happens when a task yields
 * one. */
#include "call.h"

#include "raise.h"
#include "stuck.h"

/* A yielded call: its row; the arguments are its user values. */
typedef struct cs_call {
  const void *type; /* &call_type: cheaper to compare than a metatable */
  const cs_syscall *row;
  int nargs;
} cs_call;

static const char call_type = 0;

/* The call at `index`, or NULL for any other value. */
static cs_call *to_call(lua_State *L, int index) {
  cs_call *call = lua_touserdata(L, index);
  if (call == NULL || lua_rawlen(L, index) < sizeof *call) return NULL;
  return call->type == &call_type ? call : NULL;
}

enum { MAX_ARGUMENTS = 250 };

/* {=== objects === */

/* Upvalues of a constructor, behind the runtime. */
enum { ROW = 2, CALL_META, PLAIN, KEEPER };

/* Replaces the nargs values on top by an object with them as arguments. */
static int make_object(lua_State *L, int nargs) {
  int index = lua_gettop(L) - nargs + 1;
  cs_call *call = lua_newuserdatauv(L, sizeof *call, nargs);
  *call =
      (cs_call){&call_type, lua_touserdata(L, lua_upvalueindex(ROW)), nargs};
  lua_insert(L, index);
  for (; nargs > 0; nargs--) lua_setiuservalue(L, index, nargs);
  lua_pushvalue(L, lua_upvalueindex(CALL_META));
  lua_setmetatable(L, index);
  return 1;
}

/* sys.<name>(...): an immutable object, to be yielded once or many times */
static int construct(lua_State *L) {
  int nargs = lua_gettop(L);
  luaL_argcheck(L, nargs <= MAX_ARGUMENTS, MAX_ARGUMENTS + 1,
                "too many arguments");
  if (nargs > 0) return make_object(L, nargs);
  lua_pushvalue(L,
                lua_upvalueindex(PLAIN)); /* one is enough: it never changes */
  return 1;
}

/* The same, for calls that servers make for each message: the socket keeps the
 * object that names it alone. */
static int construct_kept(lua_State *L) {
  if (lua_gettop(L) != 1 || !lua_getmetatable(L, 1)) return construct(L);
  bool keeper =
      lua_topointer(L, -1) == lua_touserdata(L, lua_upvalueindex(KEEPER));
  lua_settop(L, 1);
  if (!keeper) return construct(L);
  lua_getiuservalue(L, 1, 1);
  const cs_call *kept = lua_touserdata(L, -1);
  if (kept != NULL && kept->row == lua_touserdata(L, lua_upvalueindex(ROW)))
    return 1;
  lua_settop(L, 1);
  lua_pushvalue(L, 1);
  make_object(L, 1);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, 1, 1);
  return 1;
}

void cs_push_constructor(lua_State *L, const cs_syscall *row, int keeper) {
  const void *kept_by = keeper != 0 ? lua_topointer(L, keeper) : NULL;
  bool kept = row->kept && kept_by != NULL;
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushlightuserdata(L, (void *)row);
  cs_push_anchor(L, CS_CALL_META);
  cs_call *plain = lua_newuserdatauv(L, sizeof *plain, 0);
  *plain = (cs_call){&call_type, row, 0};
  lua_pushvalue(L, -2);
  lua_setmetatable(L, -2);
  lua_pushlightuserdata(L, (void *)kept_by);
  lua_pushcclosure(L, kept ? construct_kept : construct, KEEPER);
}

void cs_set_syscalls(lua_State *L, const cs_syscall *rows, int direct,
                     int objects, int keeper) {
  for (; rows->name != NULL; rows++) {
    cs_push_direct(L, rows);
    lua_setfield(L, direct, rows->name);
    cs_push_constructor(L, rows, keeper);
    lua_setfield(L, objects, rows->name);
  }
}

static int call_tostring(lua_State *L) {
  const cs_call *call = lua_touserdata(L, 1);
  lua_pushfstring(L, "cosched.syscall: %s", call->row->name);
  return 1;
}

/* }=== */

/* {=== yielded calls === */

/* Pushes the arguments of a call: its handler, or what collects its results, is
 * then called right here, in the frame of the scheduler's loop, which is empty
 * between two steps. An error leaves that frame, and cs_call_failed goes on. */
static void push_arguments(lua_State *L, cs_task *task) {
  lua_State *thread = task->thread;
  const cs_call *call = lua_touserdata(thread, -1);
  int nargs = call->nargs;
  task->rt->row = call->row;
  if (nargs == 0) return;
  luaL_checkstack(L, nargs, "not enough memory");
  lua_pushvalue(thread, -1);
  lua_xmove(thread, L, 1);
  for (int i = 1; i <= nargs; i++) lua_getiuservalue(L, 1, i);
  lua_remove(L, 1); /* the task's thread keeps it */
}

/* Moves n results to the task's thread, in place of the object. */
static void give_results(lua_State *L, cs_task *task, int n) {
  if (!lua_checkstack(task->thread, n)) luaL_error(L, "too many results");
  lua_pop(task->thread, 1);
  lua_xmove(L, task->thread, n);
  task->wait.nresume = n;
}

static void make_call(lua_State *L, cs_task *task, const cs_call *call) {
  push_arguments(L, task);
  int n = call->row->handler(L, task);
  if (n != CS_PARKED) {
    give_results(L, task, n);
    cs_requeue(task, &cs_given_ops);
  } else {
    cs_tell_if_cancelled(task);
  }
  lua_settop(L, 0);
}

/* False if the call has parked again. */
static bool collect_call(lua_State *L, cs_task *task) {
  push_arguments(L, task);
  task->uncollected = false;
  int n = task->wait.status != 0 ? cs_interrupted(L, task)
                                 : task->wait.ops->finish(L, task);
  if (n != CS_PARKED)
    give_results(L, task, n);
  else
    cs_tell_if_cancelled(task);
  lua_settop(L, 0);
  return n != CS_PARKED;
}

void cs_call_failed(lua_State *L, cs_task *task) {
  lua_pop(task->thread, 1);
  lua_xmove(L, task->thread, 1);
  task->wait.nresume = 1;
  task->raises = true;
  task->rt->current = NULL;
  cs_requeue(task, &cs_given_ops);
}

/* Message handler of the scheduler's loop: gives an error of a yielded call the
 * place and the name that it would have had in a direct call. */
static int locate(lua_State *L) {
  cs_task *self = cs_runtime_of(L)->current;
  lua_Debug info;
  const cs_syscall *row = cs_runtime_of(L)->row; /* NULL: Lua code has raised */
  if (self == NULL || row == NULL || lua_type(L, 1) != LUA_TSTRING) return 1;
  lua_pushfstring(L, "'%s'", row->name);
  luaL_gsub(L, lua_tostring(L, 1), "'?'", lua_tostring(L, -1));
  if (lua_getstack(self->thread, 1, &info) &&
      lua_getinfo(self->thread, "Sl", &info) && info.currentline > 0) {
    lua_pushfstring(L, "%s:%d: ", info.short_src, info.currentline);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return 1;
}

/* Makes the task raise `message`, kept in the registry, at its yield. */
static void refuse(lua_State *L, cs_task *task, int n, const char *message) {
  lua_pop(task->thread, n);
  lua_rawgetp(L, LUA_REGISTRYINDEX, message);
  lua_xmove(L, task->thread, 1);
  task->wait.nresume = 1;
  task->raises = true;
}

void cs_call_yielded(lua_State *L, cs_task *task, int n) {
  lua_State *thread = task->thread;
  const cs_call *call;
  task->rt->current = task;
  task->raw = true;
  task->wait.progress = 0;
  if (cs_task_cancelled(task)) {
    lua_pop(thread, n);
    cs_requeue_cancelled(task);
  } else if (n == 0) {
    cs_requeue(task, &cs_given_ops);
  } else if (n == 1 && (call = to_call(thread, -1)) != NULL) {
    make_call(L, task, call);
  } else {
    refuse(L, task, n, cs_not_a_syscall);
    cs_requeue(task, &cs_given_ops);
  }
  task->rt->current = NULL;
}

/* A stranger may have resumed the task up to another yield: then what a yielded
 * call left on its thread is gone. */
static bool is_replaced(const cs_task *task, bool given) {
  if (given) return lua_gettop(task->thread) < task->wait.nresume;
  return lua_gettop(task->thread) == 0 || to_call(task->thread, -1) == NULL;
}

bool cs_call_intact(const cs_task *task) {
  if (task->stolen || lua_status(task->thread) != LUA_YIELD) return false;
  return !task->raw || !is_replaced(task, false);
}

bool cs_call_collect(lua_State *L, cs_task *task) {
  bool given = task->wait.ops == &cs_given_ops;
  if (is_replaced(task, given)) {
    cs_task_end_stolen(L, task);
    return false;
  }
  if (given && task->wait.status == UV_ECANCELED) {
    cs_count_delivery(L, task);
    cs_push_cancelled(L, task->scope);
    cs_raise_on_resume(L, task);
  } else if (!given) {
    task->state = CS_TASK_RUNNING;
    task->rt->current = task;
    bool collected = collect_call(L, task);
    task->rt->current = NULL;
    if (!collected) return false;
  }
  task->raw = false;
  if (task->raises) {
    task->raises = false;
    task->wait.nresume = 0;
    lua_xmove(task->thread, L, 1);
    cs_raise_on_resume(L, task);
  }
  return true;
}

/* }=== */

static void keep_message(lua_State *L, const char *message) {
  lua_pushstring(L, message);
  lua_rawsetp(L, LUA_REGISTRYINDEX, message);
}

static void keep_function(lua_State *L, lua_CFunction f, cs_anchor anchor) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushcclosure(L, f, 1);
  lua_setiuservalue(L, lua_upvalueindex(1), anchor);
}

void cs_call_open(lua_State *L) {
  static const luaL_Reg fields[] = {{"__tostring", call_tostring},
                                    {NULL, NULL}};
  cs_push_type(L, "cosched.syscall", fields);
  lua_setiuservalue(L, lua_upvalueindex(1), CS_CALL_META);
  keep_function(L, locate, CS_LOCATE);
  keep_message(L, cs_no_memory);
  keep_message(L, cs_not_a_syscall);
  keep_message(L, cs_task_was_stolen);
}
