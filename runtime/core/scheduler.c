/* scheduler.c - resumes what is ready, waits for what is not.
 *
 * A turn resumes tasks in the order in which they became ready, 61 at most,
 * then polls I/O, then expires deadlines. libuv 1.44 runs its timers before
 * I/O, newer ones after it: so its only timer here just ends the poll, and the
 * heap expires afterwards. */
#include "scheduler.h"

#include "block.h"
#include "outcome.h"
#include "report.h"
#include "results.h"

#include <assert.h>

enum {
  STEPS_PER_POLL = 61,
  LOOK_INTERVAL = 1000000, /* ns between two polls when nobody waits for I/O */
  NANOSECONDS_PER_MS = 1000000,
};

/* {=== waiting === */

static void on_alarm(uv_timer_t *alarm) { uv_stop(alarm->loop); }

/* Runs the loop for at most timeout_ms. The alarm ends its sleep, and keeps it
 * from returning at once when only handles are left that count for nothing,
 * such as the one that signals wake. */
static void run_loop(cs_runtime *rt, int timeout_ms) {
  uint64_t limit = timeout_ms > 0 ? (uint64_t)timeout_ms : INT32_MAX;
  uv_update_time(&rt->loop);
  uv_timer_start(&rt->alarm, on_alarm, limit, 0);
  rt->loop_changed = false;
  rt->polling = true;
  uv_run(&rt->loop, timeout_ms == 0 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
  rt->polling = false;
  uv_timer_stop(&rt->alarm);
}

/* Milliseconds until the next deadline, rounded up, so that nothing is woken
 * early; -1: there is none. */
static int timeout_until_deadline(const cs_runtime *rt) {
  uint64_t at = cs_timers_next(&rt->timers), now = cs_now(rt);
  if (at == CS_NEVER) return -1;
  if (at <= now) return 0;
  uint64_t ms = (at - now + NANOSECONDS_PER_MS - 1) / NANOSECONDS_PER_MS;
  return ms < INT32_MAX ? (int)ms : INT32_MAX;
}

/* The poller sleeps, and hears when the loop has something to do. The loop is
 * run besides when it has to be: to begin with what was started, and while
 * requests or handles of its own are alive. */
static void poll_poller(cs_runtime *rt, int timeout_ms) {
  if (rt->loop_changed || uv_loop_alive(&rt->loop)) {
    run_loop(rt, 0);
    int limit = uv_loop_alive(&rt->loop) ? uv_backend_timeout(&rt->loop) : -1;
    if (limit >= 0 && (timeout_ms < 0 || limit < timeout_ms))
      timeout_ms = limit;
    if (!cs_queue_empty(&rt->ready) || rt->signal_pending) timeout_ms = 0;
  }
  if (rt->poller->wait(rt, timeout_ms)) run_loop(rt, 0);
}

static void poll_io(cs_runtime *rt, int timeout_ms) {
  if (rt->poller != NULL)
    poll_poller(rt, timeout_ms);
  else
    run_loop(rt, timeout_ms);
}

static void (*const expired[])(cs_timer *) = {
    [CS_TIMER_WAIT] = cs_wait_expired,
    [CS_TIMER_BLOCK] = cs_block_expired,
};

static void expire_deadlines(cs_runtime *rt) {
  if (cs_timers_next(&rt->timers) == CS_NEVER) return;
  uint64_t now = cs_now(rt);
  for (cs_timer *timer; (timer = cs_timers_expire(&rt->timers, now)) != NULL;)
    expired[timer->kind](timer);
}

/* }=== */

/* {=== turns === */

static void step(lua_State *L, cs_task *task) {
  if (cs_task_end_if_stolen(L, task)) return;
  if (task->raw && !cs_call_collect(L, task)) return;
  int yielded = cs_task_resume(L, task);
  if (yielded >= 0) cs_call_yielded(L, task, yielded);
}

static void run_ready(lua_State *L, cs_runtime *rt) {
  for (int i = 0; i < STEPS_PER_POLL && !cs_queue_empty(&rt->ready); i++) {
    step(L, CS_OWNER(cs_queue_take(&rt->ready), cs_task, wait.link));
    if (!cs_queue_empty(&rt->killed)) cs_kill_doomed(L, rt);
  }
}

/* Tasks are ready, so nobody sleeps now; but those who wait for I/O must not
 * starve. When nobody does, signals still want a look now and then. */
static void glance(cs_runtime *rt) {
  uint64_t now = cs_now(rt);
  if (rt->waiting_outside == 0 && now - rt->last_poll < LOOK_INTERVAL) return;
  rt->last_poll = now;
  poll_io(rt, 0);
}

/* Nothing is ready, and nothing outside can change that. The first time, all
 * tasks are cancelled and unwind; if they come to wait again, they are killed.
 */
static void break_deadlock(lua_State *L, cs_runtime *rt) {
  cs_scope *root = &rt->root.scope;
  if (!rt->deadlocked) {
    rt->deadlocked = true;
    cs_report_deadlock(L);
    cs_cancel(rt, root, CS_BY_DEADLOCK);
    if (!cs_queue_empty(&rt->ready)) return;
  }
  cs_doom_all(rt);
  cs_kill_doomed(L, rt);
}

static bool anything_can_wake(const cs_runtime *rt) {
  return rt->waiting_outside > 0 || cs_timers_next(&rt->timers) != CS_NEVER;
}

static void end_by_signal(cs_runtime *rt) {
  rt->signal_pending = false;
  cs_cancel(rt, &rt->root.scope, CS_BY_SIGNAL);
}

static void turn(lua_State *L, cs_runtime *rt) {
  run_ready(L, rt);
  if (rt->live == 0) return;
  if (!cs_queue_empty(&rt->ready))
    glance(rt);
  else if (anything_can_wake(rt))
    poll_io(rt, timeout_until_deadline(rt));
  else
    break_deadlock(L, rt);
  expire_deadlines(rt);
  if (rt->signal_pending) end_by_signal(rt);
}

/* }=== */

/* {=== run === */

/* Reads the options at 1, if any, and removes them. */
static void read_options(lua_State *L) {
  if (!lua_istable(L, 1)) return;
  lua_pushnil(L);
  if (lua_next(L, 1) != 0)
    luaL_error(L, "cosched.run knows no option '%s'",
               luaL_tolstring(L, -2, NULL));
  lua_remove(L, 1);
}

static void begin(lua_State *L, cs_runtime *rt) {
  if (rt->L != NULL)
    luaL_error(L, "cosched.run is running already: inside of it, start "
                  "tasks with cosched.spawn");
  if (!rt->open) luaL_error(L, "the runtime is closed");
  read_options(L);
  luaL_checktype(L, 1, LUA_TFUNCTION);
  luaL_checkstack(L, 2 * LUA_MINSTACK, "not enough memory");
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
    lua_getiuservalue(L, CS_RUN_MAIN, 1);
    return lua_error(L);
  }
  return cs_push_results(L, CS_RUN_MAIN);
}

/* Runs under pcall, so that handlers of yielded calls may raise. */
static int loop(lua_State *L) {
  cs_runtime *rt = cs_runtime_of(L);
  luaL_checkstack(L, 2 * LUA_MINSTACK, "not enough memory");
  while (rt->live > 0) {
    turn(L, rt);
#ifdef COSCHED_CHECK
    cs_check(rt);
#endif
  }
  return 0;
}

void cs_scheduler_open(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  cs_push_anchor(L, CS_TASKS);
  lua_pushcclosure(L, loop, 2);
  lua_setiuservalue(L, lua_upvalueindex(1), CS_LOOP);
}

int cs_run(lua_State *L) {
  cs_runtime *rt = cs_runtime_of(L);
  begin(L, rt);
  cs_task_new(L, L, &rt->root, lua_gettop(L) - 1);
  cs_push_anchor(L, CS_LOCATE); /* at CS_RUN_LOCATE */
  rt->L = L;
  while (rt->live > 0) {
    cs_push_anchor(L, CS_LOOP);
    if (lua_pcall(L, 0, 0, CS_RUN_LOCATE) != LUA_OK) {
      if (rt->current == NULL) return lua_error(L);
      cs_call_failed(L, rt->current);
    }
  }
  rt->L = NULL;
  return end(L, rt);
}

/* }=== */
