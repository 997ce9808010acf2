/* stuck.c - pcall catches everything, so a loop around it can keep a task from
 * ending; whoever waits for its end deserves to be told where it is. */
#include "stuck.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

enum { SWALLOWED = 2 }; /* told twice: it has swallowed one */

#define LONGEST UINT64_C(5000000000) /* ns of swallowing */
#define PAUSE UINT64_C(1000000000)   /* ns after which it counts anew */

static void complain(const char *task, const char *reason,
                     const char *traceback) {
  const char *what = strcmp(reason, "busy") == 0
                         ? "has not waited for too long: let it call "
                           "cosched.checkpoint now and then"
                         : "is cancelled, but goes on: its pcall catches the "
                           "cancellation, and must raise it again (see "
                           "cosched.pcall)";
  fprintf(stderr, "cosched: %s %s\n%s\n", task, what, traceback);
}

/* Called with the task and the reason, a C string. */
static int report(lua_State *L) {
  enum { TASK = 1, REASON, ON_STUCK, ARGUMENTS, TRACEBACK };
  cs_task *task = lua_touserdata(L, TASK);
  luaL_checkstack(L, LUA_MINSTACK, "not enough memory");
  lua_pushstring(L, lua_touserdata(L, REASON));
  lua_replace(L, REASON);
  cs_push_anchor(L, CS_ON_STUCK);
  lua_pushvalue(L, TASK);
  lua_checkstack(task->thread, 10);
  luaL_traceback(L, task->thread, NULL, task->thread == L);
  lua_pushvalue(L, REASON);
  if (lua_isfunction(L, ON_STUCK)) {
    lua_call(L, 3, 0);
    return 0;
  }
  complain(luaL_tolstring(L, ARGUMENTS, NULL), lua_tostring(L, REASON),
           lua_tostring(L, TRACEBACK));
  return 0;
}

/* A hook has no upvalues, so all is found by the runtime's userdata. */
void cs_report_stuck(lua_State *L, cs_task *task, const char *reason) {
  if (!lua_checkstack(L, LUA_MINSTACK)) return;
  int top = lua_gettop(L);
  cs_runtime_push(L);
  lua_getiuservalue(L, top + 1, CS_STUCK_REPORT);
  lua_getiuservalue(L, top + 1, CS_TASKS);
  lua_rawgeti(L, -1, task->tid);
  lua_remove(L, -2);
  lua_pushlightuserdata(L, (void *)reason);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
    bool text = lua_type(L, -1) == LUA_TSTRING;
    lua_warning(L, "cosched: on_stuck has raised: ", 1);
    lua_warning(L, text ? lua_tostring(L, -1) : luaL_typename(L, -1), 0);
  }
  lua_settop(L, top);
}

void cs_stuck_open(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushcclosure(L, report, 1);
  lua_setiuservalue(L, lua_upvalueindex(1), CS_STUCK_REPORT);
}

/* For at least LONGEST, without a PAUSE. One task is watched at a time. */
static bool too_long(cs_runtime *rt, const cs_task *task) {
  uint64_t now = cs_now(rt);
  bool pause = now - rt->swallowed_at > PAUSE;
  if (rt->swallower != task->tid && !pause) return false;
  rt->swallowed_at = now;
  if (rt->swallower == task->tid && !pause)
    return now - rt->swallows_since >= LONGEST;
  rt->swallower = task->tid;
  rt->swallows_since = now;
  return false;
}

void cs_count_delivery(lua_State *L, cs_task *task) {
  cs_runtime *rt = task->rt;
  if (task->deliveries < UINT16_MAX) task->deliveries++;
  if (task->deliveries < SWALLOWED || task->stuck) return;
  bool long_enough = too_long(rt, task);
  if (task->deliveries < rt->stuck_after && !long_enough) return;
  task->stuck = true;
  cs_report_stuck(L, task, "cancelled");
}
