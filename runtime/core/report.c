/* report.c - lists the tasks that nothing can wake. */
#include "report.h"

#include "describe.h"

#include <lauxlib.h>

/* Slots of write_report. */
enum { DEADLOCK = 1, TASKS = 2 };
enum { SHOWN = 50 };

/* A finalizer may have woken or killed the task since it was listed. */
static void push_what(lua_State *L, const cs_task *task) {
  if (task->state != CS_TASK_PARKED)
    lua_pushliteral(L, "its turn");
  else
    cs_push_wait(L, task);
}

/* Replaces the task on top by "task 3 (server.lua:10) waits for sleep at
 * server.lua:12". */
static void push_line(lua_State *L) {
  cs_task *task = lua_touserdata(L, -1);
  cs_push_name(L, -1);
  push_what(L, task);
  cs_push_place(L, task->thread);
  const char *place = lua_tostring(L, -1);
  lua_pushfstring(L, "\n  task %I (%s) waits for %s%s%s",
                  (LUAI_UACINT)task->tid, lua_tostring(L, -3),
                  lua_tostring(L, -2), place != NULL ? " at " : "",
                  place != NULL ? place : "");
  lua_replace(L, -5);
  lua_pop(L, 3);
}

static bool is_parked_task(cs_scope *scope) {
  return scope->kind == CS_SCOPE_TASK &&
         cs_scope_task(scope)->state == CS_TASK_PARKED;
}

static int count_parked(cs_scope *root) {
  int count = 0;
  cs_scope *each = cs_scope_first(root);
  for (; each != root; each = cs_scope_next(root, each))
    count += is_parked_task(each);
  return count;
}

/* Sets the table at TASKS, in which there is room for `count`: nothing is
 * allocated, and no finalizer runs, while the tree is walked. */
static void list_parked(lua_State *L, cs_scope *root, int count) {
  cs_scope *each = cs_scope_first(root);
  for (; each != root && count > 0; each = cs_scope_next(root, each)) {
    if (!is_parked_task(each)) continue;
    cs_push_task(L, cs_scope_task(each));
    lua_rawseti(L, TASKS, count--);
  }
}

static int write_report(lua_State *L) {
  cs_scope *root = &cs_runtime_of(L)->root.scope;
  luaL_checkstack(L, SHOWN + LUA_MINSTACK, "not enough memory");
  lua_createtable(L, 0, 2);
  int live = count_parked(root), shown = live < SHOWN ? live : SHOWN;
  lua_createtable(L, live, 0);
  list_parked(L, root, live);
  lua_pushliteral(L, "deadlock: nothing can wake the tasks that are left");
  for (int i = 1; i <= shown; i++)
    if (lua_rawgeti(L, TASKS, i) != LUA_TNIL)
      push_line(L);
    else
      lua_pop(L, 1); /* woken by a finalizer, just now */
  if (live > shown) lua_pushfstring(L, "\n  and %d more", live - shown);
  lua_concat(L, lua_gettop(L) - TASKS);
  lua_setfield(L, DEADLOCK, "report");
  lua_setfield(L, DEADLOCK, "tasks");
  cs_push_anchor(L, CS_DEADLOCK_META);
  lua_setmetatable(L, DEADLOCK);
  lua_setiuservalue(L, lua_upvalueindex(1), CS_REPORT);
  return 0;
}

void cs_report_open(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushcclosure(L, write_report, 1);
  lua_setiuservalue(L, lua_upvalueindex(1), CS_REPORTER);
}

void cs_report_deadlock(lua_State *L) {
  cs_push_anchor(L, CS_REPORTER);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK) lua_pop(L, 1);
}
