/* stuck.c - pcall catches everything, so a loop around it can keep a task from
 * ending; whoever waits for its end deserves to be told where it is. */
#include "stuck.h"

#include <lauxlib.h>

enum { SWALLOWED = 2 }; /* told twice: it has swallowed one */

#define LONGEST UINT64_C(5000000000) /* ns of swallowing */
#define PAUSE UINT64_C(1000000000)   /* ns after which it counts anew */

static int report(lua_State *L) {
  cs_task *task = lua_touserdata(L, lua_upvalueindex(2));
  luaL_checkstack(L, LUA_MINSTACK, "not enough memory");
  cs_push_anchor(L, CS_ON_STUCK);
  cs_push_task(L, task);
  lua_checkstack(task->thread, 10);
  luaL_traceback(L, task->thread, NULL, 1);
  if (lua_isfunction(L, -3)) {
    lua_call(L, 2, 0);
    return 0;
  }
  lua_writestringerror("cosched: %s is cancelled, but goes on;",
                       luaL_tolstring(L, -2, NULL));
  lua_writestringerror(" its pcall catches the cancellation, and must raise it "
                       "again (see cosched.pcall)\n%s\n",
                       lua_tostring(L, -2));
  return 0;
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
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushlightuserdata(L, task);
  lua_pushcclosure(L, report, 2);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK) lua_pop(L, 1);
}
