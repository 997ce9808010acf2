/* slices_test.c - slices and watchdogs beside other users of SIGURG, of several
 * states on one thread, and of one on each of several threads. */
#include "check.h"
#include "cosched.h"

#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

static lua_State *new_state(void) {
  lua_State *L = luaL_newstate();
  if (L == NULL) abort();
  luaL_openlibs(L);
  luaL_requiref(L, "cosched.core", luaopen_cosched_core, 0);
  lua_setglobal(L, "core");
  return L;
}

/* Runs Lua code; true if it has returned true. */
static bool run(lua_State *L, const char *code) {
  bool good = luaL_dostring(L, code) == LUA_OK && lua_toboolean(L, -1);
  if (!good) printf("# %s\n", luaL_tolstring(L, -1, NULL));
  lua_settop(L, 0);
  return good;
}

/* True if a busy task and one that sleeps get on together. */
static const char take_turns[] =
    "local done = false\n"
    "core.run({slice = 0.001}, function()\n"
    "  core.spawn(function() core.sleep(0.003) done = true end)\n"
    "  local limit = os.clock() + 5\n"
    "  repeat until done or os.clock() > limit\n"
    "end)\n"
    "return done";

static volatile sig_atomic_t heard;

static void on_signal(int number) { heard = number; }

static bool is_handled_by(void (*handler)(int)) {
  struct sigaction now;
  sigaction(SIGURG, NULL, &now);
  return now.sa_handler == handler;
}

static void test_signal(void) {
  lua_State *L = new_state();
  check(is_handled_by(SIG_DFL), "loading it installs no handler");
  check(run(L, take_turns), "slices end");
  check(is_handled_by(SIG_DFL), "no handler is left after the run");
  signal(SIGURG, on_signal);
  check(run(L, take_turns), "slices end where SIGURG had a handler");
  check(heard == SIGURG, "that handler was called, too");
  check(is_handled_by(on_signal), "it is there afterwards");
  signal(SIGURG, SIG_DFL);
  lua_close(L);
}

/* nested(code): runs code in a state of its own, on this thread */
static int nested(lua_State *L) {
  lua_State *inner = new_state();
  lua_pushboolean(L, run(inner, luaL_checkstring(L, 1)));
  lua_close(inner);
  return 1;
}

static void test_nested(void) {
  lua_State *L = new_state();
  lua_register(L, "nested", nested);
  lua_pushstring(L, take_turns);
  lua_setglobal(L, "take_turns");
  check(run(L, "return core.run({slice = 0.001}, function()\n"
               "  return nested(take_turns)\n"
               "end)"),
        "a run inside a task of another state has slices of its own");
  check(run(L, take_turns), "the outer state has its own afterwards");
  check(run(L, "local reports = 0\n"
               "local options = {watchdog = 0.001,\n"
               "  on_stuck = function() reports = reports + 1 end}\n"
               "core.run(options, function()\n"
               "  nested(take_turns)\n"
               "  for i = 1, 10 do end\n"
               "end)\n"
               "return reports == 1"),
        "a task that was busy with the inner run is reported");
  lua_close(L);
}

/* A state whose run could not begin is closed while another one runs. */
static void test_failed_run(void) {
  lua_State *L = new_state(), *other = new_state();
  run(other, "return not pcall(core.run, {slice = 0.001, name = {}}, print)");
  check(run(L, take_turns), "a run that could not begin disturbs no other");
  lua_close(other);
  check(run(L, take_turns), "neither does the end of its state");
  lua_close(L);
}

static void *work(void *good) {
  lua_State *L = new_state();
  *(bool *)good = true;
  for (int i = 0; i < 5; i++) *(bool *)good &= run(L, take_turns);
  lua_close(L);
  return NULL;
}

static void test_threads(void) {
  enum { THREADS = 4 };
  pthread_t threads[THREADS];
  bool good[THREADS], all = true;
  for (int i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, work, &good[i]);
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    all &= good[i];
  }
  check(all, "states on several threads have slices at the same time");
  check(is_handled_by(SIG_DFL), "the last one leaves no handler");
}

int main(void) {
  test_signal();
  test_nested();
  test_failed_run();
  test_threads();
  return check_status();
}
