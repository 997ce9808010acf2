/* floor — what cosched_micro.lua's figures can be held against: the Lua C API
 * and libuv, with no scheduler between them.
 *
 *   floor list | floor NAME     (the names and units of cosched_micro.lua)
 *
 * switch2, switch1000: coroutines resumed from C in turn; spawn: a finished
 * coroutine used again; park: coroutines that yielded once in C; timers: libuv
 * timers of 1 to 100 ms, started again and again, without any Lua. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

enum {
  SWITCHES = 10000000,
  SPAWNS = 5000000,
  PARKED = 100000,
  TIMERS = 100000,
  TIMER_SECONDS = 3,
};

static double wall_ns(void) { return (double)uv_hrtime(); }

static double cpu_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double rss_bytes(void) {
  size_t bytes = 0;
  uv_resident_set_memory(&bytes);
  return (double)bytes;
}

/* {=== Lua === */

static int yield_in_c(lua_State *L) { return lua_yield(L, 0); }

/* A state with a table at index 1 that keeps coroutines alive, and at index 2
 * the function, made by `source`, that is their body. */
static lua_State *state_new(const char *source) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  lua_register(L, "park", yield_in_c);
  lua_newtable(L);
  if (luaL_dostring(L, source) != LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    exit(1);
  }
  return L;
}

static lua_State *coroutine_new(lua_State *L, int index) {
  lua_State *co = lua_newthread(L);
  lua_rawseti(L, 1, index);
  lua_pushvalue(L, 2);
  lua_xmove(L, co, 1);
  return co;
}

static void resume(lua_State *co, lua_State *from, int expected) {
  int nresults;
  if (lua_resume(co, from, 0, &nresults) != expected) exit(1);
  lua_pop(co, nresults);
}

static void switches(int ncoroutines) {
  lua_State *L = state_new("local yield = coroutine.yield\n"
                           "return function() while true do yield() end end");
  lua_State **all = malloc((size_t)ncoroutines * sizeof *all);
  for (int i = 0; i < ncoroutines; i++) {
    all[i] = coroutine_new(L, i + 1);
    resume(all[i], L, LUA_YIELD);
  }
  double begin_ns = wall_ns();
  for (int k = 0, i = 0; k < SWITCHES; k++) {
    resume(all[i], L, LUA_YIELD);
    if (++i == ncoroutines) i = 0;
  }
  printf("ns_per_switch=%.1f\n", (wall_ns() - begin_ns) / SWITCHES);
  lua_close(L);
  free(all);
}

static void switch2(void) { switches(2); }
static void switch1000(void) { switches(1000); }

static void spawn(void) {
  lua_State *L = state_new("local n = 0 return function() n = n + 1 end");
  lua_State *co = coroutine_new(L, 1);
  lua_settop(co, 0);
  double begin_ns = wall_ns();
  for (int i = 0; i < SPAWNS; i++) {
    lua_pushvalue(L, 2);
    lua_xmove(L, co, 1);
    resume(co, L, LUA_OK);
  }
  printf("ns_per_task=%.1f\n", (wall_ns() - begin_ns) / SPAWNS);
  lua_close(L);
}

static void park(void) {
  lua_State *L = state_new("local park = park\n"
                           "return function() park(1) end");
  double before_bytes = rss_bytes();
  for (int i = 0; i < PARKED; i++)
    resume(coroutine_new(L, i + 1), L, LUA_YIELD);
  printf("bytes_per_task=%.0f\n", (rss_bytes() - before_bytes) / PARKED);
  lua_close(L);
}

/* === Lua ===} */

/* {=== libuv === */

static uint64_t stop_ns;
static long expiries;

static uint64_t random_ms(void) { return 1 + (uint64_t)rand() % 100; }

static void on_timer(uv_timer_t *timer) {
  expiries++;
  if (uv_hrtime() < stop_ns) uv_timer_start(timer, on_timer, random_ms(), 0);
}

static void timers(void) {
  uv_loop_t *loop = uv_default_loop();
  uv_timer_t *all = malloc(TIMERS * sizeof *all);
  double begin_cpu_ns = cpu_ns();
  stop_ns = uv_hrtime() + TIMER_SECONDS * 1000000000ull;
  for (int i = 0; i < TIMERS; i++) {
    uv_timer_init(loop, &all[i]);
    uv_timer_start(&all[i], on_timer, random_ms(), 0);
  }
  uv_run(loop, UV_RUN_DEFAULT);
  printf("wakes_s=%.0f cpu_ns_per_wake=%.0f\n",
         (double)expiries / TIMER_SECONDS,
         (cpu_ns() - begin_cpu_ns) / (double)expiries);
  free(all);
}

/* === libuv ===} */

static const struct {
  const char *name;
  void (*run)(void);
} benchmarks[] = {
    {"switch2", switch2}, {"switch1000", switch1000}, {"spawn", spawn},
    {"park", park},       {"timers", timers},
};

int main(int argc, char **argv) {
  const char *name = argc > 1 ? argv[1] : "list";
  bool list = strcmp(name, "list") == 0;
  for (size_t i = 0; i < sizeof benchmarks / sizeof *benchmarks; i++) {
    if (list)
      puts(benchmarks[i].name);
    else if (strcmp(benchmarks[i].name, name) == 0)
      return benchmarks[i].run(), 0;
  }
  return list ? 0 : 2;
}
