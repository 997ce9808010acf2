/* sys_inspect.c - what tasks are, and what they do: for ps, tree and dump. */
#include "block.h"
#include "clock.h"
#include "describe.h"
#include "keep.h"
#include "module.h"

/* {=== fields === */

enum { TASK = 1, INFO }; /* slots while the description is built */

static void set_integer(lua_State *L, const char *name, lua_Integer value) {
  lua_pushinteger(L, value);
  lua_setfield(L, INFO, name);
}

static void set_flag(lua_State *L, const char *name, bool value) {
  if (!value) return;
  lua_pushboolean(L, 1);
  lua_setfield(L, INFO, name);
}

/* Pushes "file:line" of the spawn: its function is the first value on the
 * task's thread, which is not reached from outside while the task has begun. */
static void push_spawn_site(lua_State *L, const cs_task *task) {
  lua_Debug info;
  lua_State *thread = task->thread;
  int level = 0;
  while (lua_getstack(thread, level, &info)) level++;
  bool begun = task->started && level > 0 &&
               lua_getstack(thread, level - 1, &info) &&
               lua_getlocal(thread, &info, 1) != NULL;
  if (!begun) lua_pushvalue(thread, 2); /* behind its first function */
  lua_xmove(thread, L, 1);
  if (!lua_isfunction(L, -1)) return; /* nil: spawned by C */
  lua_getinfo(L, ">S", &info);
  if (task->spawn_line > 0)
    lua_pushfstring(L, "%s:%d", info.short_src, task->spawn_line);
  else
    lua_pushnil(L);
}

static void set_places(lua_State *L, const cs_task *task) {
  lua_checkstack(task->thread, 4);
  cs_push_place(L, task->thread);
  lua_setfield(L, INFO, "where");
  push_spawn_site(L, task);
  lua_setfield(L, INFO, "spawned_at");
}

/* The task that a task's nursery belongs to; 0: run. */
static lua_Integer parent_of(const cs_task *task) {
  const cs_task *parent = cs_scope_task(task->own.scope.parent);
  return parent != NULL ? parent->tid : 0;
}

static void describe_block(lua_State *L, cs_block *block) {
  lua_createtable(L, 0, 4);
  lua_pushlightuserdata(L, block);
  lua_setfield(L, -2, "id");
  lua_pushboolean(L, block->nursery.scope.shield);
  lua_setfield(L, -2, "shield");
  lua_pushboolean(L, block->nursery.scope.cancelled);
  lua_setfield(L, -2, "cancelled");
  lua_pushboolean(L, block->is_nursery);
  lua_setfield(L, -2, "nursery");
  cs_push_block_name(L, block);
  lua_setfield(L, -2, "name");
  if (block->deadline == CS_NEVER) return;
  cs_push_time(L, block->deadline);
  lua_setfield(L, -2, "deadline");
}

/* The blocks that it has entered, the innermost first. */
static void set_scopes(lua_State *L, cs_task *task) {
  if (task->scope == &task->own.scope) return;
  lua_newtable(L);
  cs_scope *each = task->scope;
  for (int i = 1; each != &task->own.scope; each = each->parent, i++) {
    describe_block(L, cs_scope_block(each));
    lua_rawseti(L, -2, i);
  }
  lua_setfield(L, INFO, "scopes");
}

static void set_nursery(lua_State *L, const cs_task *task) {
  if (task->own.scope.parent->kind != CS_SCOPE_BLOCK) return;
  lua_pushlightuserdata(L, cs_scope_block(task->own.scope.parent));
  lua_setfield(L, INFO, "nursery");
}

/* }=== */

static void set_wait(lua_State *L, const cs_task *task) {
  if (task->state != CS_TASK_PARKED) return;
  cs_push_wait(L, task);
  lua_setfield(L, INFO, "wait");
}

/* inspect(task): a table of what is known about it; nil once it is done */
static int sys_inspect(lua_State *L, cs_task *self) {
  (void)self;
  cs_task *task = cs_check_task(L, TASK);
  lua_settop(L, TASK);
  if (task->state == CS_TASK_DONE) return 0;
  luaL_checkstack(L, LUA_MINSTACK, "not enough memory");
  lua_createtable(L, 0, 12);
  set_integer(L, "tid", task->tid);
  set_integer(L, "parent", parent_of(task));
  set_integer(L, "steps", task->steps);
  lua_pushstring(L, cs_state_names[task->state]);
  lua_setfield(L, INFO, "state");
  lua_pushnumber(L, (cs_ticks(task->rt) - task->born) /
                        (lua_Number)CS_TICKS_PER_SECOND);
  lua_setfield(L, INFO, "age");
  if (task->rt->measures_cpu) {
    lua_pushnumber(L, (lua_Number)task->cpu_ns / 1e9);
    lua_setfield(L, INFO, "cpu");
  }
  set_wait(L, task);
  cs_push_name(L, TASK);
  lua_setfield(L, INFO, "name");
  set_flag(L, "cancelled", cs_task_cancelled(task));
  set_flag(L, "daemon", task->daemon);
  set_places(L, task);
  set_scopes(L, task);
  set_nursery(L, task);
  return 1;
}

/* One that is ending is told of to instruments while it is still there. */
static bool is_live_task(cs_scope *scope) {
  return scope->kind == CS_SCOPE_TASK &&
         cs_scope_task(scope)->state != CS_TASK_DONE;
}

/* tasks(): a list of the tasks that are not done; of one nursery, the oldest
 * first */
static int sys_tasks(lua_State *L, cs_task *self) {
  (void)self;
  cs_runtime *rt = cs_runtime_of(L);
  lua_settop(L, 0);
  lua_createtable(L, (int)rt->live, 0);
  cs_push_anchor(L, CS_TASKS);
  cs_scope *root = &rt->root.scope, *each = cs_scope_first(root);
  lua_Integer n = 0;
  for (; each != root; each = cs_scope_next(root, each))
    n += is_live_task(each);
  each = cs_scope_first(root);
  for (; each != root; each = cs_scope_next(root, each)) {
    if (!is_live_task(each)) continue;
    lua_rawgeti(L, 2, cs_scope_task(each)->tid);
    lua_rawseti(L, 1, n--);
  }
  lua_settop(L, 1);
  return 1;
}

static const cs_syscall syscalls[] = {
    {.name = "inspect", .handler = sys_inspect, .instant = true},
    {.name = "tasks", .handler = sys_tasks, .instant = true},
    {.name = NULL},
};

const cs_module cs_module_inspect = {syscalls, NULL, NULL};
