/* sys_time.c - calls about time: now, sleep, checkpoint. */
#include "clock.h"
#include "module.h"

/* now(): seconds on a clock that never goes back */
static int sys_now(lua_State *L, cs_task *self) {
  (void)self;
  cs_push_time(L, cs_now(cs_runtime_of(L)));
  return 1;
}

static int true_finish(lua_State *L, cs_task *self) {
  (void)self;
  lua_pushboolean(L, 1);
  return 1;
}

static const cs_wait_ops sleep_ops = {.name = "sleep",
                                      .finish = true_finish,
                                      .cancel = cs_nothing_to_release,
                                      .timer_wakes = true};
static const cs_wait_ops forever_ops = {
    .name = "ever", .finish = true_finish, .cancel = cs_nothing_to_release};
static const cs_wait_ops turn_ops = {.name = "its turn", .finish = true_finish};

/* checkpoint(): true, after all others that are ready had their turn */
static int sys_checkpoint(lua_State *L, cs_task *self) {
  (void)L;
  return cs_requeue(self, &turn_ops);
}

static int park_until(lua_State *L, cs_task *self, uint64_t time) {
  if (cs_timers_reserve(&self->rt->timers) != 0)
    return luaL_error(L, "not enough memory");
  return cs_park_until(self, &sleep_ops, NULL, time);
}

/* sleep(seconds): true, later */
static int sys_sleep(lua_State *L, cs_task *self) {
  uint64_t delay = cs_check_delay(L, 1);
  if (delay == 0) return sys_checkpoint(L, self);
  return park_until(L, self, cs_deadline_after(self->rt, delay));
}

/* sleep_until(time): true, once now() has reached it */
static int sys_sleep_until(lua_State *L, cs_task *self) {
  uint64_t time = cs_check_time(L, 1);
  if (time <= cs_now(self->rt)) return sys_checkpoint(L, self);
  return park_until(L, self, time);
}

/* forever(): waits until it is cancelled, and then raises that */
static int sys_forever(lua_State *L, cs_task *self) {
  (void)L;
  return cs_park(self, &forever_ops, NULL);
}

static const cs_syscall syscalls[] = {
    {.name = "now", .handler = sys_now, .instant = true},
    {.name = "sleep", .handler = sys_sleep},
    {.name = "sleep_until", .handler = sys_sleep_until},
    {.name = "forever", .handler = sys_forever},
    {.name = "checkpoint", .handler = sys_checkpoint},
    {.name = NULL},
};

const cs_module cs_module_time = {syscalls, NULL, NULL};
