/* clock.c - conversions that neither wake early nor overflow. */
#include "clock.h"

#include <lauxlib.h>
#include <math.h>
#include <time.h>

#ifdef CLOCK_MONOTONIC_COARSE
#define COARSE CLOCK_MONOTONIC_COARSE
#else
#define COARSE CLOCK_MONOTONIC
#endif

static uint32_t to_ticks(uint64_t seconds, uint64_t nanoseconds) {
  enum { TICK = 1000000000 / CS_TICKS_PER_SECOND };
  return (uint32_t)(seconds * CS_TICKS_PER_SECOND + nanoseconds / TICK);
}

uint32_t cs_ticks(const cs_runtime *rt) {
  if (rt->virtual_clock) return to_ticks(0, rt->virtual_now);
  struct timespec now;
  clock_gettime(COARSE, &now);
  return to_ticks((uint64_t)now.tv_sec, (uint64_t)now.tv_nsec);
}

uint64_t cs_check_delay(lua_State *L, int index) {
  lua_Number seconds = luaL_checknumber(L, index);
  luaL_argcheck(L, seconds >= 0, index,
                "seconds must not be negative or NaN (math.huge: for ever)");
  lua_Number delay = ceil(seconds * 1e9);
  return delay < 9e18 ? (uint64_t)delay : CS_NEVER;
}

uint64_t cs_deadline_after(const cs_runtime *rt, uint64_t delay) {
  return delay == CS_NEVER ? CS_NEVER : cs_now(rt) + delay;
}

void cs_push_time(lua_State *L, uint64_t time) {
  lua_pushnumber(L, time == CS_NEVER ? HUGE_VAL : (lua_Number)time / 1e9);
}

uint64_t cs_check_time(lua_State *L, int index) {
  lua_Number seconds = luaL_checknumber(L, index);
  luaL_argcheck(L, seconds == seconds, index,
                "a time on the clock of cosched.now expected, not NaN");
  lua_Number time = round(seconds * 1e9);
  if (time < 0) return 0;
  return time < 9e18 ? (uint64_t)time : CS_NEVER;
}
