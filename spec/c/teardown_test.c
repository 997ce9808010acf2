/* teardown_test.c - lua_close with tasks in every kind of wait, from inside of
 * a task, as os.exit(true, true) does it: all memory is given back, every
 * descriptor closed. */
#include "check.h"
#include "cosched.h"

#include <fcntl.h>
#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

enum { DESCRIPTORS = 1024, CYCLES = 1000 };

/* {=== what must come back === */

static size_t allocated;

static void *counting_alloc(void *data, void *block, size_t old_size,
                            size_t size) {
  (void)data;
  if (block == NULL) old_size = 0; /* then it is a type, not a size */
  if (size == 0) {
    allocated -= old_size;
    free(block);
    return NULL;
  }
  void *moved = realloc(block, size);
  if (moved != NULL) allocated += size - old_size;
  return moved;
}

static int count_descriptors(void) {
  int count = 0;
  for (int fd = 0; fd < DESCRIPTORS; fd++) count += fcntl(fd, F_GETFD) != -1;
  return count;
}

/* }=== */

/* {=== closing a state from inside === */

static jmp_buf outside;

/* close_state(): what os.exit(true, true) does, but for the exit. */
static int close_state(lua_State *L) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  lua_close(lua_tothread(L, -1));
  longjmp(outside, 1);
}

static const char prelude[] =
    "core = require 'cosched.core'\n"
    "sys = core.sys\n"
    "spawn = core.spawn\n"
    "function long() core.sleep(3600) end\n"
    "function pair() return assert(core.socketpair()) end\n"
    "never = core.syscall { name = 'never',\n"
    "  start = function(wait) kept = wait return wait:park() end }\n"
    "function closing(fn) return setmetatable({}, { __close = fn }) end\n";

static lua_State *new_state(void) {
  lua_State *L = lua_newstate(counting_alloc, NULL);
  luaL_openlibs(L);
  luaL_requiref(L, "cosched.core", luaopen_cosched_core, 0);
  lua_settop(L, 0);
  lua_pushcfunction(L, close_state);
  lua_setglobal(L, "close_state");
  if (luaL_dostring(L, prelude) != LUA_OK)
    printf("# %s\n", lua_tostring(L, -1));
  return L;
}

/* Runs `script` in a state that it may close; true if it did, or ended well. */
static bool run_and_close(const char *script) {
  if (setjmp(outside) != 0) return true;
  lua_State *L = new_state();
  bool good = luaL_dostring(L, script) == LUA_OK;
  if (!good) printf("# %s\n", luaL_tolstring(L, -1, NULL));
  lua_close(L);
  return good;
}

static void check_script(const char *script, const char *what) {
  int before = count_descriptors();
  bool good = run_and_close(script);
  int left = count_descriptors() - before;
  if (left != 0) printf("# %d descriptors more than before\n", left);
  if (allocated != 0) printf("# %zu bytes are not given back\n", allocated);
  check(good && left == 0 && allocated == 0, what);
  allocated = 0;
}

/* }=== */

/* Each is the body of a task; the state is closed while it waits. */
static const struct {
  const char *name, *body;
} waits[] = {
    {"sleep", "long()"},
    {"join", "spawn(long):join()"},
    {"wait_task", "core.wait_task(core.new_task(long))"},
    {"recv", "local a, b = pair() a:recv()"},
    {"recv with a limit", "local a, b = pair() a:settimeout(9) a:recv()"},
    {"read, with half a line", "local a, b = pair() b:send 'half' a:read 'l'"},
    {"send", "local a, b = pair() a:send(('x'):rep(1 << 23))"},
    {"recv and send of one socket",
     "local a, b = pair() spawn(a.recv, a) a:send(('x'):rep(1 << 23))"},
    {"accept", "core.listen('127.0.0.1', 0):accept()"},
    {"connect", "local l = core.listen('127.0.0.1', 0, { backlog = 1 })\n"
                "local _, port = l:getsockname()\n"
                "for _ = 1, 8 do\n"
                "  spawn(function()\n"
                "    local s = core.connect('127.0.0.1', port)\n"
                "    never(s, l)\n"
                "  end)\n"
                "end"},
    {"resolve", "core.resolve 'localhost'"},
    {"read_wait of a descriptor", "local a, b = pair() core.read_wait(a:fd())"},
    {"read_wait of a foreign descriptor", "core.read_wait(0)"},
    {"a row in Lua", "never()"},
    {"a lock", "local l = core.lock() l:acquire() spawn(l.acquire, l)\n"
               "spawn(function() coroutine.yield(sys.acquire(l)) end) long()"},
    {"a lock that was handed over",
     "local l = core.lock() l:acquire() spawn(l.acquire, l)\n"
     "core.checkpoint() l:release() close_state()"},
    {"a waiting list", "core.waitlist():wait()"},
    {"a waiting list, woken", "local l = core.waitlist() spawn(l.wait, l)\n"
                              "core.checkpoint() l:wake() close_state()"},
    {"a channel's receivers",
     "local c = core.channel() spawn(c.recv, c) coroutine.yield("
     "sys.channel_recv(c))"},
    {"a channel's senders",
     "local c = core.channel(1) c:send(1) spawn(c.send, c, {}) c:send(2)"},
    {"a channel, woken",
     "local c = core.channel() spawn(c.recv, c) core.checkpoint() c:send(1) "
     "close_state()"},
    {"a select", "local c = core.channel() core.select { core.on_recv(c), "
                 "core.on_join(spawn(long)), core.after(9) }"},
    {"a select, woken",
     "local c = core.channel() spawn(core.select, { core.on_recv(c) })\n"
     "core.checkpoint() c:send(1) close_state()"},
    {"a scope with a deadline", "core.timeout(9, long)"},
    {"nested scopes with handles",
     "kept = core.scope { name = 'x', deadline = core.now() + 9 }\n"
     "kept:run(core.shield, 5, core.move_on, 4, long)"},
    {"a nursery", "core.nursery({ name = 'n' }, function(n)\n"
                  "  kept = n n:spawn(long) n:daemon(long) end)"},
    {"a supervisor that reports",
     "core.supervisor({ on_error = long }, function(n)\n"
     "  n:spawn(error, 'x') long() end)"},
    {"a shield, cancelled",
     "spawn(function() core.checkpoint() kept:cancel() end)\n"
     "kept = core.current() core.shield(9, long)"},
    {"a run with an external token", "kept = core.external() core.forever()"},
    {"a shutdown", "core.shutdown { grace = 9 } core.shield(9, long)"},
    {"its children", "spawn(long)"},
    {"a yielded sleep", "coroutine.yield(sys.sleep(3600))"},
    {"a yielded recv", "local a, b = pair() coroutine.yield(sys.recv(a))"},
    {"a yielded send",
     "local a, b = pair() coroutine.yield(sys.send(a, ('x'):rep(1 << 23)))"},
    {"a yielded row in Lua",
     "local _, obj = core.syscall { name = 'x', start = function(w)\n"
     "  return w:park() end } coroutine.yield(obj())"},
    {"a bare yield, for ever", "while true do coroutine.yield() end"},
    {"checkpoints, for ever", "while true do core.checkpoint() end"},
    {"a <close> that waits", "local _ <close> = closing(long) error 'x'"},
    {"a pcall", "pcall(long)"},
    {"nested tasks", "for _ = 1, 9 do spawn(spawn, spawn, long) end long()"},
    {"its queue, cancelled",
     "local t = core.current() spawn(function() t:cancel 'now' end) long()"},
    {"the queue of those to be killed",
     "local t = spawn(long) spawn(function() t:kill() close_state() end)"},
};

/* Who closes the state, once the others wait. */
static const struct {
  const char *name, *main;
} closers[] = {
    {"by the main task", "core.checkpoint() core.checkpoint() close_state()"},
    {"by another task",
     "spawn(function() core.checkpoint() close_state() end) long()"},
    {"by a <close>, on the way out",
     "core.checkpoint() local _ <close> = closing(close_state)"},
    {"by a finalizer", "core.checkpoint() setmetatable({}, { __gc = "
                       "close_state }) collectgarbage()"},
    {"by the start of a row in Lua",
     "core.checkpoint() core.syscall { name = 'x', start = close_state }()"},
    {"by the start of a yielded row in Lua",
     "core.checkpoint() coroutine.yield(select(2, core.syscall { name = 'x',\n"
     "  start = close_state })())"},
    {"by the <close> of a task that is killed",
     "core.checkpoint() local t = spawn(function()\n"
     "  local _ <close> = closing(close_state) long() end)\n"
     "core.checkpoint() t:kill() core.checkpoint()"},
    {"by a coroutine of a task",
     "core.checkpoint() coroutine.wrap(close_state)()"},
};

static void close_in_each_wait(void) {
  char script[1024], what[200];
  for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
    snprintf(script, sizeof script,
             "core.run(function()\n"
             "  spawn(function() %s end)\n"
             "  core.checkpoint() core.checkpoint() core.checkpoint()\n"
             "  close_state()\n"
             "end)\n",
             waits[i].body);
    snprintf(what, sizeof what, "a state is closed with a task in %s",
             waits[i].name);
    check_script(script, what);
  }
}

static void close_by_each(void) {
  char script[4096], what[200];
  for (size_t i = 0; i < sizeof closers / sizeof *closers; i++) {
    snprintf(script, sizeof script,
             "core.run(function()\n"
             "  local a, b = pair()\n"
             "  spawn(long) spawn(never) spawn(a.recv, a)\n"
             "  spawn(function() spawn(long) end)\n"
             "  spawn(function() coroutine.yield(sys.sleep(3600)) end)\n"
             "  spawn(core.resolve, 'localhost')\n"
             "  core.checkpoint()\n"
             "  spawn(long) -- this one is ready, and was never run\n"
             "  %s\n"
             "end)\n",
             closers[i].main);
    snprintf(what, sizeof what, "a state is closed %s", closers[i].name);
    check_script(script, what);
  }
}

static void close_after_run(void) {
  check_script("", "a state is closed that never ran");
  check_script("core.run(function() end)", "a state is closed after a run");
  check_script("a, b = core.run(pair) l = core.listen('127.0.0.1', 0)",
               "a state is closed with sockets open");
  check_script("pcall(core.run, function() spawn(error, 'x') long() end)",
               "a state is closed after a run that failed");
  check_script("pcall(core.run, never)", "a state is closed after a deadlock");
  check_script("core.run(function() task = spawn(core.sleep, 0)\n"
               "  object = sys.recv(pair()) end)",
               "a state is closed that holds tasks and objects");
  check_script("core.run(function()\n"
               "  local t = spawn(core.resolve, 'localhost')\n"
               "  core.checkpoint() t:cancel 'now' end)",
               "a state is closed while a request that was given up is out");
}

/* A value older than the runtime is finalized after it. */
static bool late_finalizer(void) {
  static const char script[] =
      "local core\n"
      "old = setmetatable({}, { __gc = function()\n"
      "  for name, fn in pairs(core) do\n"
      "    if type(fn) == 'function' then pcall(fn, print, 1, 2) pcall(fn) "
      "end\n"
      "  end\n"
      "  pcall(core.socketpair) pcall(core.listen, '127.0.0.1', 0)\n"
      "  pcall(a.recv, a) pcall(a.send, a, 'x') pcall(a.close, a)\n"
      "  pcall(task.cancel, task) pcall(task.kill, task) pcall(task.status, "
      "task)\n"
      "  pcall(core.run, core.sleep, 0)\n"
      "end })\n"
      "core = open()\n"
      "core.run(function()\n"
      "  a, b = core.socketpair()\n"
      "  task = core.spawn(core.sleep, 0)\n"
      "end)\n";
  lua_State *L = lua_newstate(counting_alloc, NULL);
  luaL_openlibs(L);
  lua_pushcfunction(L, luaopen_cosched_core);
  lua_setglobal(L, "open");
  bool good = luaL_dostring(L, script) == LUA_OK;
  if (!good) printf("# %s\n", lua_tostring(L, -1));
  lua_close(L);
  return good;
}

static bool many_cycles(void) {
  int before = count_descriptors();
  for (int i = 0; i < CYCLES; i++) {
    bool inside = i % 2 == 0;
    if (!run_and_close(inside ? "core.run(function() local a, b = pair()\n"
                                "  spawn(a.recv, a) spawn(long)\n"
                                "  core.checkpoint() close_state() end)"
                              : "core.run(function() local a, b = pair()\n"
                                "  spawn(a.recv, a) b:send 'x' end)"))
      return false;
    if (allocated != 0 || count_descriptors() != before) return false;
  }
  return true;
}

int main(void) {
  run_and_close(""); /* libuv opens two descriptors for the whole process */
  close_after_run();
  close_in_each_wait();
  close_by_each();
  check(late_finalizer(), "a finalizer may call a runtime that is closed");
  check(many_cycles(), "1,000 states leave no memory and no descriptor");
  return check_status();
}
