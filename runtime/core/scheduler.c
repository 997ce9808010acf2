/* scheduler.c - resumes what is ready, waits for what is not.
 *
 * A turn resumes tasks in the order in which they became ready, 61 at most,
 * then polls I/O, then expires deadlines. libuv 1.44 runs its timers before
 * I/O, newer ones after it: so its only timer here just ends the poll, and the
 * heap expires afterwards. */
#include "scheduler.h"

#include "block.h"
#include "hook.h"
#include "instrument.h"
#include "outcome.h"
#include "report.h"
#include "shuffle.h"

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

static void wait_for_io(cs_runtime *rt, int timeout_ms) {
  rt->polls++;
  if (rt->poller != NULL)
    poll_poller(rt, timeout_ms);
  else
    run_loop(rt, timeout_ms);
}

/* A shutdown has waited long enough. */
static void grace_expired(cs_timer *timer) {
  cs_doom_all(CS_OWNER(timer, cs_runtime, grace));
}

static void (*const expired[])(cs_timer *) = {
    [CS_TIMER_WAIT] = cs_wait_expired,
    [CS_TIMER_BLOCK] = cs_block_expired,
    [CS_TIMER_GRACE] = grace_expired,
};

static void poll_io(lua_State *L, cs_runtime *rt, int timeout_ms) {
  if (rt->instruments > 0) {
    if (timeout_ms < 0)
      lua_pushnil(L);
    else
      lua_pushnumber(L, timeout_ms / 1e3);
    cs_tell(L, rt, CS_IO_BEFORE, NULL);
  }
  wait_for_io(rt, timeout_ms);
  if (rt->instruments == 0) return;
  lua_pushnil(L);
  cs_tell(L, rt, CS_IO_AFTER, NULL);
}

static void expire_deadlines(cs_runtime *rt) {
  if (cs_timers_next(&rt->timers) == CS_NEVER) return;
  uint64_t now = cs_now(rt);
  for (cs_timer *timer; (timer = cs_timers_expire(&rt->timers, now)) != NULL;)
    expired[timer->kind](timer);
}

/* }=== */

/* {=== turns === */

/* Inline where it is made again and again: that is 3 % of a switch. */
static inline __attribute__((always_inline)) void step(lua_State *L,
                                                       cs_task *task) {
  if (cs_task_end_if_stolen(L, task)) return;
  if (task->raw && !cs_call_collect(L, task)) return;
  int yielded = cs_task_resume(L, task);
  if (yielded >= 0) cs_call_yielded(L, task, yielded);
}

static cs_task *take_ready(cs_runtime *rt) {
  return CS_OWNER(cs_queue_take(&rt->ready), cs_task, wait.link);
}

/* For the few runs that want more than speed. An instrument may kill the task
 * that it is told of. */
__attribute__((noinline)) static void step_specially(lua_State *L,
                                                     cs_runtime *rt) {
  if (rt->shuffles) cs_shuffle(rt);
  cs_task *task = take_ready(rt);
  bool watched = rt->instruments > 0;
  if (watched) cs_tell_step_begins(L, task);
  if (task->state == CS_TASK_READY) step(L, task);
  if (watched) cs_tell_step_ended(L, rt);
}

static void run_ready(lua_State *L, cs_runtime *rt) {
  int steps = 0;
  while (steps < STEPS_PER_POLL && !cs_queue_empty(&rt->ready)) {
    steps++;
    if (rt->special)
      step_specially(L, rt);
    else
      step(L, take_ready(rt));
    if (!cs_queue_empty(&rt->killed)) cs_kill_doomed(L, rt);
    if (rt->slice_ended) break; /* that took long: deadlines may have passed */
  }
  rt->slice_ended = false;
  rt->steps += (unsigned)steps;
}

/* Tasks are ready, so nobody sleeps now; but those who wait for I/O must not
 * starve. When nobody does, signals still want a look now and then. */
static void glance(lua_State *L, cs_runtime *rt) {
  uint64_t now = uv_hrtime(); /* signals are real, even if the clock is not */
  if (rt->waiting_outside == 0 && now - rt->last_poll < LOOK_INTERVAL) return;
  rt->last_poll = now;
  poll_io(L, rt, 0);
}

/* Something has become ready while the report was written. */
static bool has_news(cs_runtime *rt) {
  bool news = !cs_queue_empty(&rt->ready) || !cs_queue_empty(&rt->killed);
  if (news) rt->deadlocked = false;
  return news;
}

/* Nothing is ready, and nothing outside can change that. The first time, all
 * tasks are cancelled and unwind; if they come to wait again, they are killed.
 */
static void break_deadlock(lua_State *L, cs_runtime *rt) {
  cs_scope *root = &rt->root.scope;
  if (!rt->deadlocked) {
    rt->deadlocked = true;
    cs_report_deadlock(L);
    if (has_news(rt)) return; /* from a finalizer: it is none */
    if (rt->instruments > 0) {
      cs_push_anchor(L, CS_REPORT);
      cs_tell(L, rt, CS_DEADLOCK, NULL);
    }
    cs_cancel(rt, root, CS_BY_DEADLOCK);
    if (!cs_queue_empty(&rt->ready)) return;
  }
  cs_doom_all(rt);
  cs_kill_doomed(L, rt);
}

static bool has_deadline(const cs_runtime *rt) {
  return cs_timers_next(&rt->timers) != CS_NEVER;
}

static bool anything_can_wake(const cs_runtime *rt) {
  return rt->waiting_outside > 0 || has_deadline(rt);
}

static void end_by_signal(cs_runtime *rt) {
  rt->signal_pending = false;
  cs_cancel(rt, &rt->root.scope, CS_BY_SIGNAL);
}

static void turn(lua_State *L, cs_runtime *rt) {
  run_ready(L, rt);
  if (rt->live == 0) return;
  if (!cs_queue_empty(&rt->ready))
    glance(L, rt);
  else if (rt->virtual_clock && rt->waiting_outside == 0 && has_deadline(rt))
    rt->virtual_now = cs_timers_next(&rt->timers);
  else if (anything_can_wake(rt))
    poll_io(L, rt, rt->virtual_clock ? -1 : timeout_until_deadline(rt));
  else
    break_deadlock(L, rt);
  expire_deadlines(rt);
  if (!cs_queue_empty(&rt->killed)) cs_kill_doomed(L, rt);
  if (rt->signal_pending) end_by_signal(rt);
  if (rt->hook_requests & CS_HOOK_DUMP) cs_hook_dump(L, rt);
}

/* }=== */

/* {=== the loop === */

/* Runs under pcall, so that handlers of yielded calls may raise. */
static int loop(lua_State *L) {
  cs_runtime *rt = cs_runtime_of(L);
  luaL_checkstack(L, 2 * LUA_MINSTACK, "not enough memory");
  cs_kill_doomed(L, rt); /* by a task whose yielded call has raised */
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

/* }=== */
