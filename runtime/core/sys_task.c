/* sys_task.c - calls about tasks, and the methods of their handles. */
#include "join.h"
#include "keep.h"
#include "module.h"
#include "outcome.h"
#include "results.h"

#include <string.h>

/* {=== making and finding === */

/* spawn(fn, ...): the new task, a child of the caller */
static int sys_spawn(lua_State *L, cs_task *self) {
  cs_runtime *rt = self != NULL ? self->rt : cs_runtime_of(L);
  luaL_checktype(L, 1, LUA_TFUNCTION);
  if (rt->L == NULL)
    return luaL_error(L, "no scheduler is running: start tasks inside "
                         "cosched.run, or run the script with the cosched "
                         "command");
  cs_task_new(L, cs_in_loop(L) ? self->thread : L,
              self != NULL ? &self->own : &rt->root, lua_gettop(L) - 1);
  return 1;
}

/* new_task(fn, ...): the tid of a new task */
static int sys_new_task(lua_State *L, cs_task *self) {
  sys_spawn(L, self);
  cs_task *task = lua_touserdata(L, -1);
  lua_pushinteger(L, task->tid);
  return 1;
}

/* current(): the task that is running, or nil */
static int sys_current(lua_State *L, cs_task *self) {
  if (self != NULL)
    cs_push_task(L, self);
  else
    lua_pushnil(L);
  return 1;
}

/* get_tid(): the tid of the task that is running, or nil */
static int sys_get_tid(lua_State *L, cs_task *self) {
  if (self != NULL)
    lua_pushinteger(L, self->tid);
  else
    lua_pushnil(L);
  return 1;
}

/* Pushes the task with the tid at `index` and returns it; NULL, nothing pushed,
 * when there is none that is not done. */
static cs_task *find_task(lua_State *L, int index) {
  lua_Integer tid = luaL_checkinteger(L, index);
  cs_push_anchor(L, CS_TASKS);
  lua_rawgeti(L, -1, tid);
  lua_remove(L, -2);
  cs_task *task = lua_touserdata(L, -1);
  if (task != NULL && task->state != CS_TASK_DONE) return task;
  lua_pop(L, 1);
  return NULL;
}

static int no_such_task(lua_State *L) {
  lua_pushnil(L);
  lua_pushliteral(L, "no such task");
  lua_pushliteral(L, "ESRCH");
  return 3;
}

/* task(tid): the task with that number, while it is not done; or nil */
static int sys_task(lua_State *L, cs_task *self) {
  (void)self;
  return find_task(L, 1) != NULL ? 1 : no_such_task(L);
}

/* wait_task(tid): how it has ended, as wait(task); or nil, "no such task" */
static int sys_wait_task(lua_State *L, cs_task *self) {
  cs_task *task = find_task(L, 1);
  return task != NULL ? cs_await_end(L, self, task) : no_such_task(L);
}

/* }=== */

/* {=== ending === */

/* cancel(task[, reason]): false if it is done or was cancelled before */
static int sys_cancel(lua_State *L, cs_task *self) {
  (void)self;
  cs_task *task = cs_check_task(L, 1);
  bool can =
      task->state != CS_TASK_DONE && task->own.scope.source == CS_NOT_CANCELLED;
  if (can) {
    lua_settop(L, 2);
    cs_cancel_by_call(L, task->rt, &task->own.scope, 2);
  }
  lua_pushboolean(L, can);
  return 1;
}

/* A task that kills itself stops here for good: in a direct call on its own
 * stack, or in a yielded one. The reason is at `reason`; 0: none. */
static int kill_task(lua_State *L, cs_task *self, cs_task *task, int reason) {
  if (task == self && !cs_in_loop(L) &&
      (self->thread != L || !lua_isyieldable(L)))
    return luaL_error(L, "a task can kill itself only where it can wait");
  uint32_t key = 0;
  if (reason != 0 && task->state < CS_TASK_DOOMED)
    key = cs_keep_reason(L, "kill", reason);
  bool killed = cs_doom(task);
  if (killed)
    task->wait.progress = key; /* until it is done */
  else
    cs_drop_reason(L, key);
  if (task == self && killed) return CS_PARKED;
  lua_pushboolean(L, killed);
  return 1;
}

/* kill(task[, reason]): false if it is done. Its `<close>` variables run, but
 * cannot wait; its children are cancelled. */
static int sys_kill(lua_State *L, cs_task *self) {
  return kill_task(L, self, cs_check_task(L, 1), lua_isnoneornil(L, 2) ? 0 : 2);
}

/* kill_task(tid): false if there is no such task */
static int sys_kill_task(lua_State *L, cs_task *self) {
  cs_task *task = find_task(L, 1);
  if (task != NULL) return kill_task(L, self, task, 0);
  lua_pushboolean(L, 0);
  return 1;
}

/* }=== */

/* {=== methods that only look === */

/* task:status(): "ready", "running", "waiting" or "done" */
static int task_status(lua_State *L) {
  lua_pushstring(L, cs_state_names[cs_check_task(L, 1)->state]);
  return 1;
}

/* task:result(): nil while it is not done; then "ok" and its results, "error"
 * and the Errors, or "cancelled" and the cancellation */
static int task_result(lua_State *L) {
  cs_task *task = cs_check_task(L, 1);
  if (task->state != CS_TASK_DONE) return 0;
  lua_settop(L, 1);
  lua_pushstring(L, cs_outcome_names[task->outcome]);
  if (task->outcome == CS_OK) return 1 + cs_push_results(L, 1);
  lua_getiuservalue(L, 1, 1);
  if (task->outcome == CS_ERROR) {
    cs_errors_new(L);
    cs_errors_add(L, 4, 1, 3);
  }
  return task->outcome == CS_ERROR ? (lua_remove(L, 3), 2) : 2;
}

/* task:traceback(): where it is, or where it failed; nil once it is done */
static int task_traceback(lua_State *L) {
  cs_task *task = cs_check_task(L, 1);
  if (task->state == CS_TASK_DONE) {
    if (lua_getiuservalue(L, 1, 2) != LUA_TTABLE) return 0;
    lua_getfield(L, -1, "traceback");
    return 1;
  }
  lua_checkstack(task->thread, 10);
  luaL_traceback(L, task->thread, NULL, 0);
  return 1;
}

/* task.tid, task.name, task.killed, and the methods */
static int task_index(lua_State *L) {
  cs_task *task = cs_check_task(L, 1);
  const char *key = lua_tostring(L, 2);
  if (key != NULL && strcmp(key, "tid") == 0) {
    lua_pushinteger(L, task->tid);
  } else if (key != NULL && strcmp(key, "name") == 0) {
    cs_push_name(L, 1);
  } else if (key != NULL && strcmp(key, "killed") == 0) {
    lua_pushboolean(L, task->killed);
  } else {
    lua_settop(L, 2);
    lua_rawget(L, lua_upvalueindex(2));
  }
  return 1;
}

/* task.name = string */
static int task_newindex(lua_State *L) {
  cs_task *task = cs_check_task(L, 1);
  const char *key = luaL_tolstring(L, 2, NULL);
  if (strcmp(key, "name") != 0)
    return luaL_error(L, "cannot set '%s': of a task only the name can be set",
                      key);
  if (lua_type(L, 3) != LUA_TSTRING)
    return luaL_error(L, "name: a string expected, got %s",
                      luaL_typename(L, 3));
  lua_settop(L, 3);
  if (task->has_leaf) {
    lua_getiuservalue(L, 1, 2);
    lua_insert(L, 3);
    lua_setfield(L, 3, "name");
  } else {
    lua_setiuservalue(L, 1, 2);
  }
  return 0;
}

static int task_tostring(lua_State *L) {
  cs_task *task = cs_check_task(L, 1);
  cs_push_name(L, 1);
  lua_pushfstring(L, "cosched.Task: %I (%s)", (LUAI_UACINT)task->tid,
                  lua_tostring(L, -1));
  return 1;
}

/* }=== */

static const cs_syscall syscalls[] = {
    {.name = "spawn", .handler = sys_spawn, .instant = true},
    {.name = "new_task", .handler = sys_new_task, .instant = true},
    {.name = "current", .handler = sys_current, .instant = true},
    {.name = "get_tid", .handler = sys_get_tid, .instant = true},
    {.name = "task", .handler = sys_task, .instant = true},
    {.name = "wait_task", .handler = sys_wait_task},
    {.name = "kill_task", .handler = sys_kill_task, .instant = true},
    {.name = NULL},
};

static const cs_syscall methods[] = {
    {.name = "join", .handler = cs_join},
    {.name = "wait", .handler = cs_wait_end},
    {.name = "cancel", .handler = sys_cancel, .instant = true},
    {.name = "kill", .handler = sys_kill, .instant = true},
    {.name = NULL},
};

static const luaL_Reg looks[] = {
    {"status", task_status},
    {"result", task_result},
    {"traceback", task_traceback},
    {NULL, NULL},
};

static void open_task(lua_State *L) {
  static const luaL_Reg fields[] = {{"__tostring", task_tostring},
                                    {"__newindex", task_newindex},
                                    {NULL, NULL}};
  cs_push_type(L, "cosched.Task", fields);
  int meta = lua_gettop(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_newtable(L);
  cs_set_syscalls(L, methods, lua_gettop(L), 2, 0);
  lua_pushvalue(L, lua_upvalueindex(1));
  luaL_setfuncs(L, looks, 1);
  cs_name_methods(L, lua_gettop(L), "cosched.Task");
  lua_pushcclosure(L, task_index, 2);
  lua_setfield(L, meta, "__index");
  cs_runtime_of(L)->task_meta = lua_topointer(L, meta);
  lua_setiuservalue(L, lua_upvalueindex(1), CS_TASK_META);
}

const cs_module cs_module_task = {syscalls, open_task, NULL};
