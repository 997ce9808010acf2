/* threads_test.c - several Lua states at once, each on a thread of its own:
 * cosched keeps no global state. */
#include "check.h"
#include "cosched.h"

#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <string.h>

enum { THREADS = 2, RUNS = 20, TASKS = 100 };

static const char script[] =
    "local core, id, runs, tasks = require 'cosched.core', ...\n"
    "local done = 0\n"
    "local function talk(i)\n"
    "  local a, b = assert(core.socketpair())\n"
    "  local text = id .. ':' .. i\n"
    "  local sender = core.spawn(function()\n"
    "    core.sleep(0.0001)\n"
    "    assert(b:send(text))\n"
    "  end)\n"
    "  assert(a:recv() == text)\n"
    "  sender:join()\n"
    "  a:close()\n"
    "  b:close()\n"
    "end\n"
    "local function wait(i)\n"
    "  core.sleep(0.0001 * (i % 7))\n"
    "  coroutine.yield(core.sys.sleep(0.0001))\n"
    "end\n"
    "for _ = 1, runs do\n"
    "  core.run(function()\n"
    "    for i = 1, tasks do\n"
    "      core.spawn(function()\n"
    "        if i % 2 == 0 then talk(i) else wait(i) end\n"
    "        done = done + 1\n"
    "      end)\n"
    "    end\n"
    "    assert(core.resolve('localhost'))\n"
    "  end)\n"
    "end\n"
    "return done\n";

typedef struct worker {
  pthread_t thread;
  int id, done;
  char problem[200];
} worker;

static pthread_barrier_t start;

static void run_script(lua_State *L, worker *self) {
  luaL_openlibs(L);
  luaL_requiref(L, "cosched.core", luaopen_cosched_core, 0);
  lua_pop(L, 1);
  int status = luaL_loadstring(L, script);
  if (status == LUA_OK) {
    lua_pushinteger(L, self->id);
    lua_pushinteger(L, RUNS);
    lua_pushinteger(L, TASKS);
    status = lua_pcall(L, 3, 1, 0);
  }
  if (status == LUA_OK)
    self->done = (int)lua_tointeger(L, -1);
  else
    snprintf(self->problem, sizeof self->problem, "%s",
             luaL_tolstring(L, -1, NULL));
}

static void *work(void *argument) {
  worker *self = argument;
  pthread_barrier_wait(&start);
  lua_State *L = luaL_newstate();
  if (L == NULL) return NULL;
  run_script(L, self);
  lua_close(L);
  return NULL;
}

static bool all_at_once(void) {
  worker workers[THREADS];
  bool good = true;
  memset(workers, 0, sizeof workers);
  pthread_barrier_init(&start, NULL, THREADS);
  for (int i = 0; i < THREADS; i++) {
    workers[i].id = i + 1;
    if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
      return false;
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(workers[i].thread, NULL);
    if (workers[i].problem[0] != '\0') printf("# %s\n", workers[i].problem);
    good = good && workers[i].done == RUNS * TASKS;
  }
  pthread_barrier_destroy(&start);
  return good;
}

/* Two runtimes in one thread, one inside a task of the other. */
static int run_inner(lua_State *L) {
  worker inner = {.id = 9};
  lua_State *other = luaL_newstate();
  run_script(other, &inner);
  lua_close(other);
  lua_pushinteger(L, inner.done);
  return 1;
}

static bool nested(void) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  luaL_requiref(L, "cosched.core", luaopen_cosched_core, 1);
  lua_pushcfunction(L, run_inner);
  lua_setglobal(L, "run_inner");
  bool good = luaL_dostring(L, "local core = require 'cosched.core'\n"
                               "return core.run(function()\n"
                               "  local n = run_inner()\n"
                               "  core.sleep(0.0001)\n"
                               "  return n\n"
                               "end)\n") == LUA_OK &&
              lua_tointeger(L, -1) == (lua_Integer)RUNS * TASKS;
  lua_close(L);
  return good;
}

int main(void) {
  check(all_at_once(), "two states run at once, each on its own thread");
  check(all_at_once(), "and again, after the first ones were closed");
  check(nested(), "a task may run a whole other state");
  return check_status();
}
