/* run.c - cosched.run: options, the main task, what is raised at the end. */
#include "clock.h"
#include "random.h"
#include "results.h"
#include "scheduler.h"
#include "shuffle.h"
#include "ticker.h"

#include <string.h>

enum { STUCK_AFTER = 1000 };

/* {=== options === */

static void read_clock(lua_State *L, cs_runtime *rt) {
  bool given = lua_getfield(L, 1, "clock") != LUA_TNIL;
  const char *clock = given ? lua_tostring(L, -1) : "real";
  rt->wants_virtual = clock != NULL && strcmp(clock, "virtual") == 0;
  luaL_argcheck(
      L, rt->wants_virtual || (clock != NULL && strcmp(clock, "real") == 0), 1,
      "clock: \"real\" or \"virtual\" expected");
}

static void read_order(lua_State *L, cs_runtime *rt) {
  bool seeded = lua_getfield(L, 1, "seed") != LUA_TNIL;
  luaL_argcheck(L, !seeded || lua_isinteger(L, -1), 1,
                "seed: an integer expected");
  cs_random_seed(rt, seeded ? (uint64_t)lua_tointeger(L, -1) : uv_hrtime());
  lua_getfield(L, 1, "shuffle");
  rt->shuffles = lua_toboolean(L, -1);
  rt->special = rt->shuffles || rt->instruments > 0;
  rt->batch = 0;
}

static void read_stuck(lua_State *L, cs_runtime *rt) {
  bool given = lua_getfield(L, 1, "stuck_after") != LUA_TNIL;
  lua_Integer n = given ? lua_tointeger(L, -1) : STUCK_AFTER;
  luaL_argcheck(L, n >= 1 && n < UINT16_MAX, 1,
                "stuck_after: a count of cancellations, from 1 to 65534");
  rt->stuck_after = (uint32_t)n;
  int type = lua_getfield(L, 1, "on_stuck");
  luaL_argcheck(L, type == LUA_TNIL || type == LUA_TFUNCTION, 1,
                "on_stuck: a function expected");
  lua_setiuservalue(L, lua_upvalueindex(1), CS_ON_STUCK);
}

/* The option as nanoseconds; CS_NEVER when it is not given. */
static uint64_t read_seconds(lua_State *L, const char *name) {
  if (lua_getfield(L, 1, name) == LUA_TNIL) return CS_NEVER;
  if (lua_type(L, -1) != LUA_TNUMBER || !(lua_tonumber(L, -1) > 0))
    luaL_argerror(
        L, 1, lua_pushfstring(L, "%s: seconds, more than 0, expected", name));
  return cs_check_delay(L, lua_gettop(L));
}

/* Slices, a watchdog, the CPU time of tasks. */
static void read_watching(lua_State *L, cs_runtime *rt) {
  rt->slice = read_seconds(L, "slice");
  rt->watchdog = read_seconds(L, "watchdog");
  lua_getfield(L, 1, "slice_instructions");
  lua_Integer n = lua_isnil(L, -1) ? 0 : lua_tointeger(L, -1);
  luaL_argcheck(L, lua_isnil(L, -1) || (n >= 1 && n < INT32_MAX), 1,
                "slice_instructions: a positive integer expected");
  rt->slice_instructions = (int)n;
  lua_getfield(L, 1, "cpu");
  rt->measures_cpu = lua_toboolean(L, -1);
  rt->watches_steps = rt->slice != CS_NEVER || rt->watchdog != CS_NEVER ||
                      n > 0 || rt->measures_cpu;
}

/* Puts the name, or nil, in the place of the options. */
static void read_name(lua_State *L) {
  int type = lua_getfield(L, 1, "name");
  luaL_argcheck(L, type == LUA_TNIL || type == LUA_TSTRING, 1,
                "name: a string expected");
  lua_replace(L, 1);
}

/* Reads the options at 1, or none if that is the function; the name is then at
 * 1, and the function at 2. */
static void read_options(lua_State *L, cs_runtime *rt) {
  static const char *const known[] = {
      "clock",       "cpu",      "name",  "on_stuck",
      "seed",        "shuffle",  "slice", "slice_instructions",
      "stuck_after", "watchdog", NULL};
  bool given = lua_istable(L, 1);
  luaL_checktype(L, given ? 2 : 1, LUA_TFUNCTION);
  if (!given) {
    lua_newtable(L);
    lua_insert(L, 1);
  }
  cs_check_fields(L, 1, known);
  int top = lua_gettop(L);
  read_clock(L, rt);
  read_order(L, rt);
  read_stuck(L, rt);
  read_watching(L, rt);
  read_name(L);
  lua_settop(L, top);
}

/* }=== */

/* {=== run === */

static void begin(lua_State *L, cs_runtime *rt) {
  if (rt->L != NULL)
    luaL_error(L, "cosched.run is running already: inside of it, start tasks "
                  "with cosched.spawn (a script that calls cosched.run itself "
                  "is run by lua5.4, not by the cosched command)");
  if (!rt->open) luaL_error(L, "the runtime is closed");
  luaL_checkstack(L, 2 * LUA_MINSTACK, "not enough memory");
  read_options(L, rt);
  lua_pushnil(L);
  lua_setiuservalue(L, lua_upvalueindex(1), CS_REPORT);
  cs_nursery_init(&rt->root, CS_SCOPE_ROOT);
  rt->deadlocked = false;
  rt->loop_changed = true;
  rt->signal = 0;
}

/* Raises the Deadlock; what failed while the tasks unwound is its `errors`. */
static int raise_deadlock(lua_State *L, cs_runtime *rt) {
  cs_push_anchor(L, CS_REPORT);
  if (lua_isnil(L, -1))
    return luaL_error(L, "deadlock, and no memory to report it");
  if (rt->root.failures != NULL) {
    cs_errors_new(L);
    cs_errors_take(L, lua_gettop(L), &rt->root);
    lua_setfield(L, -2, "errors");
  }
  return lua_error(L);
}

static int end(lua_State *L, cs_runtime *rt) {
  cs_task *main = lua_touserdata(L, CS_RUN_MAIN);
  if (rt->deadlocked) return raise_deadlock(L, rt);
  if (rt->root.failures != NULL) {
    cs_errors_new(L);
    cs_errors_take(L, lua_gettop(L), &rt->root);
    return lua_error(L);
  }
  if (main->outcome == CS_CANCELLED_OUTCOME) {
    if (rt->root.scope.source == CS_BY_SHUTDOWN) return 0;
    lua_getiuservalue(L, CS_RUN_MAIN, 1);
    return lua_error(L);
  }
  return cs_push_results(L, CS_RUN_MAIN);
}

/* Without the thread no task begins. */
static int start_ticker(cs_runtime *rt) {
  if (rt->slice == CS_NEVER && rt->watchdog == CS_NEVER) return 0;
  int status = cs_ticker_start(rt, rt->slice, rt->watchdog);
  if (status != 0) cs_doom_all(rt);
  return status;
}

/* From here on the run cannot be refused any more. */
static void start_clock(cs_runtime *rt, cs_task *main) {
  rt->virtual_now = 0;
  rt->virtual_clock = rt->wants_virtual;
  main->born = cs_ticks(rt);
}

int cs_run(lua_State *L) {
  cs_runtime *rt = cs_runtime_of(L);
  begin(L, rt);
  start_clock(rt, cs_task_new(L, L, &rt->root, lua_gettop(L) - 2));
  lua_insert(L, CS_RUN_MAIN); /* before its name */
  if (!lua_isnil(L, -1)) lua_setiuservalue(L, CS_RUN_MAIN, 2);
  lua_settop(L, CS_RUN_MAIN);
  cs_push_anchor(L, CS_LOCATE); /* at CS_RUN_LOCATE */
  rt->L = L;
  int status = start_ticker(rt);
  while (rt->live > 0) {
    cs_push_anchor(L, CS_LOOP);
    if (lua_pcall(L, 0, 0, CS_RUN_LOCATE) != LUA_OK) {
      if (rt->current == NULL) {
        cs_ticker_stop(rt);
        return lua_error(L);
      }
      cs_call_failed(L, rt->current);
    }
  }
  rt->L = NULL;
  cs_timer_stop(&rt->timers, &rt->grace);
  cs_shuffle_end(rt);
  cs_ticker_stop(rt);
  rt->virtual_clock = false;
  if (status != 0)
    return luaL_error(L, "cannot start the thread that watches tasks: %s",
                      uv_strerror(status));
  return end(L, rt);
}

/* }=== */
