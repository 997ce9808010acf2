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

/* Called with the reason; the task is upvalue 2. */
static int report(lua_State *L) {
  cs_task *task = lua_touserdata(L, lua_upvalueindex(2));
  luaL_checkstack(L, LUA_MINSTACK, "not enough memory");
  cs_push_anchor(L, CS_ON_STUCK);
  cs_push_task(L, task);
  lua_checkstack(task->thread, 10);
  luaL_traceback(L, task->thread, NULL, task->thread == L);
  lua_pushvalue(L, 1);
  if (lua_isfunction(L, 2)) {
    lua_call(L, 3, 0);
    return 0;
  }
  complain(luaL_tolstring(L, 3, NULL), lua_tostring(L, 1), lua_tostring(L, 4));
  return 0;
}

void cs_report_stuck(lua_State *L, cs_task *task, const char *reason) {
  if (!lua_checkstack(L, LUA_MINSTACK)) return;
  int top = lua_gettop(L);
  cs_runtime_push(L);
  lua_pushlightuserdata(L, task);
  lua_pushcclosure(L, report, 2);
  lua_pushstring(L, reason);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK && lua_type(L, -1) == LUA_TSTRING) {
    lua_warning(L, "cosched: on_stuck has raised: ", 1);
    lua_warning(L, lua_tostring(L, -1), 0);
  }
  lua_settop(L, top);
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
