/* process.c - what the cosched command asks of its own process. The library
 * never does any of this by itself.
 *
 * A signal handler belongs to the process, so its few words are the only static
 * state of cosched. It wakes the loop of the runtime that asked for it. */
#include "hook.h"
#include "io.h"
#include "module.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

static struct {
  uv_async_t *wake; /* of the runtime that is to unwind; NULL: none */
  volatile sig_atomic_t received;
  pthread_t thread; /* that it runs on */
} process;

static const int ending[] = {SIGINT, SIGTERM};
enum { ENDING = sizeof ending / sizeof *ending };

static void restore_default(void) {
  for (int i = 0; i < ENDING; i++) signal(ending[i], SIG_DFL);
}

/* The next one kills, also a script that never lets the loop run. */
static void on_ending_signal(int number) {
  int error = errno;
  restore_default();
  process.received = number;
  uv_async_send(process.wake);
  errno = error;
}

/* The tasks may be looked at on their own thread only. */
static void on_dump_signal(int number) {
  int error = errno;
  if (!pthread_equal(pthread_self(), process.thread)) {
    pthread_kill(process.thread, number);
    errno = error;
    return;
  }
  cs_hook_arm(process.wake->loop->data, CS_HOOK_DUMP);
  uv_async_send(process.wake);
  errno = error;
}

static void on_wake(uv_async_t *wake) {
  cs_runtime *rt = wake->loop->data;
  if (process.received == 0) return; /* a dump, which is made after the poll */
  rt->signal = process.received;
  process.received = 0;
  rt->signal_pending = true;
}

/* unwind_on_signals(): SIGINT and SIGTERM cancel all tasks of this runtime, a
 * second one kills the process */
static int sys_unwind_on_signals(lua_State *L, cs_task *self) {
  cs_runtime *rt = cs_runtime_of(L);
  (void)self;
  if (!rt->open) return luaL_error(L, "the runtime is closed");
  if (process.wake != NULL)
    return luaL_error(L, "a runtime handles signals already");
  uv_async_t *wake = &rt->io->wake;
  int status = uv_async_init(&rt->loop, wake, on_wake);
  if (status != 0) return cs_fail(L, status);
  uv_unref((uv_handle_t *)wake);
  rt->loop_changed = true;
  process.wake = wake;
  for (int i = 0; i < ENDING; i++) {
    struct sigaction action = {.sa_handler = on_ending_signal};
    sigaction(ending[i], &action, NULL);
  }
  lua_pushboolean(L, 1);
  return 1;
}

/* dump_on_signal(fn): SIGUSR1 calls fn(), in the middle of whatever runs */
static int sys_dump_on_signal(lua_State *L, cs_task *self) {
  (void)self;
  luaL_checktype(L, 1, LUA_TFUNCTION);
  cs_runtime *rt = cs_runtime_of(L);
  if (!rt->open || process.wake != &rt->io->wake)
    return luaL_error(L, "this runtime does not handle signals");
  lua_settop(L, 1);
  lua_setiuservalue(L, lua_upvalueindex(1), CS_ON_DUMP);
  process.thread = pthread_self();
  struct sigaction action = {.sa_handler = on_dump_signal,
                             .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  return 0;
}

/* ended_by_signal(): the number of the signal that unwound the tasks, or nil */
static int sys_ended_by_signal(lua_State *L, cs_task *self) {
  int number = cs_runtime_of(L)->signal;
  (void)self;
  if (number == 0) return 0;
  lua_pushinteger(L, number);
  return 1;
}

/* raise_descriptor_limit(): the soft limit, raised to the hard one */
static int sys_raise_descriptor_limit(lua_State *L, cs_task *self) {
  struct rlimit limit;
  (void)self;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  lua_pushinteger(L, (lua_Integer)limit.rlim_cur);
  return 1;
}

static const cs_syscall syscalls[] = {
    {.name = "unwind_on_signals",
     .handler = sys_unwind_on_signals,
     .instant = true},
    {.name = "dump_on_signal", .handler = sys_dump_on_signal, .instant = true},
    {.name = "ended_by_signal",
     .handler = sys_ended_by_signal,
     .instant = true},
    {.name = "raise_descriptor_limit",
     .handler = sys_raise_descriptor_limit,
     .instant = true},
    {.name = NULL},
};

static void close_process(cs_runtime *rt) {
  if (rt->io == NULL || process.wake != &rt->io->wake) return;
  restore_default();
  signal(SIGUSR1, SIG_DFL);
  process.wake = NULL;
}

const cs_module cs_module_process = {syscalls, NULL, close_process};
