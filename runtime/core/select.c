/* select.c - waiting for the first of several: arms, and the select of them.
 *
 * What can happen at once is done at once, one operation and no more. Else the
 * arms join the queues of their channels and tasks, and whoever finds one of
 * them chooses it; the task takes the others out before it goes on. While it
 * waits it holds the arms' objects, and these their channels and values. */
#include "arm.h"
#include "clock.h"
#include "join.h"
#include "keep.h"
#include "module.h"
#include "outcome.h"
#include "random.h"

const cs_wait_ops cs_arm_ops = {.name = "an arm of a select"};

/* Stack of the handler: the table, then the arms. */
enum { TABLE = 1, FIRST = 2 };

static void check_joins(lua_State *L, const cs_task *self, int narms) {
  for (int i = 0; i < narms; i++) {
    const cs_arm_object *arm = lua_touserdata(L, FIRST + i);
    if (arm->kind != CS_ON_JOIN) continue;
    const cs_task *task = arm->on;
    if (task->state != CS_TASK_DONE) cs_check_join(L, self, task);
  }
}

/* {=== at once === */

static bool is_ready(const cs_arm_object *arm) {
  cs_channel *channel = arm->on;
  switch (arm->kind) {
  case CS_ON_RECV:
    return channel->closed || cs_channel_can_take(channel);
  case CS_ON_SEND:
    return channel->closed || cs_channel_can_put(channel);
  case CS_ON_JOIN:
    return ((cs_task *)arm->on)->state == CS_TASK_DONE;
  default:
    return false; /* a time that has come yields to all others */
  }
}

/* One of the arms that are ready, or -1: each as likely as the others, or the
 * first. */
static int choose(lua_State *L, cs_runtime *rt, int narms, bool biased) {
  int chosen = -1;
  uint32_t ready = 0;
  for (int i = 0; i < narms; i++) {
    if (!is_ready(lua_touserdata(L, FIRST + i))) continue;
    if (biased) return i;
    if (cs_random(rt, ++ready) == 0) chosen = i;
  }
  return chosen;
}

/* The arm of the time that comes first, or -1. */
static int first_after(lua_State *L, int narms, uint64_t *delay) {
  int first = -1;
  for (int i = 0; i < narms; i++) {
    const cs_arm_object *arm = lua_touserdata(L, FIRST + i);
    if (arm->kind != CS_AFTER || (first >= 0 && arm->delay >= *delay)) continue;
    first = i;
    *delay = arm->delay;
  }
  return first;
}

/* Pushes what an arm gives that has come true, other than an item; its object
 * is at `object`. */
static int push_outcome(lua_State *L, int object, int i) {
  const cs_arm_object *arm = lua_touserdata(L, object);
  if (arm->kind == CS_ON_JOIN) cs_observe(L, arm->on);
  lua_getiuservalue(L, object, CS_ARM_ON);
  lua_pushinteger(L, i + 1);
  if (arm->kind == CS_ON_RECV)
    return 1 + cs_channel_reason(L, lua_gettop(L) - 1);
  if (arm->kind == CS_ON_JOIN)
    lua_pushstring(L, cs_outcome_names[((cs_task *)arm->on)->outcome]);
  else
    lua_pushboolean(L, 1);
  return 2;
}

/* Does the operation of an arm that is ready, whose object is on top: the count
 * of results, or CS_PARKED if it turns out that it would have to wait. */
static int commit(lua_State *L, int i) {
  int object = lua_gettop(L);
  const cs_arm_object *arm = lua_touserdata(L, object);
  if (arm->kind == CS_ON_JOIN) return push_outcome(L, object, i);
  lua_getiuservalue(L, object, CS_ARM_ON);
  lua_getiuservalue(L, object, CS_ARM_VALUE);
  cs_transfer transfer =
      arm->kind == CS_ON_RECV
          ? cs_channel_take(L, arm->on, object + 1)
          : cs_channel_put(L, arm->on, object + 1, object + 2);
  if (transfer == CS_MUST_WAIT) return CS_PARKED;
  if (transfer == CS_IS_CLOSED && arm->kind == CS_ON_SEND)
    return luaL_error(L, "channel is closed");
  if (transfer == CS_IS_CLOSED || arm->kind == CS_ON_SEND)
    return push_outcome(L, object, i);
  lua_pushinteger(L, i + 1);
  lua_insert(L, -2);
  return 2;
}

/* }=== */

/* {=== waiting === */

/* Takes every arm out of its queue. */
static void detach_arms(cs_select *select) {
  for (int i = 0; i < select->narms; i++) {
    cs_arm *arm = &select->arms[i];
    if (arm->queue == NULL) continue;
    cs_ring_remove(arm->queue, &arm->link);
    if (arm->kind == CS_ON_RECV) ((cs_channel *)arm->on)->receiving--;
    arm->queue = NULL;
  }
}

/* Pushes the object of the chosen arm, of the select on top. */
static void push_chosen(lua_State *L, const cs_select *select) {
  lua_getiuservalue(L, -1, (int)(select->chosen - select->arms) + 1);
}

void cs_select_push_sent(lua_State *L, cs_task *task) {
  cs_push_anchor(L, CS_HELD);
  lua_rawgetp(L, -1, task);
  push_chosen(L, task->wait.on);
  lua_getiuservalue(L, -1, CS_ARM_VALUE);
  lua_replace(L, -4);
  lua_pop(L, 2);
}

static int select_finish(lua_State *L, cs_task *self) {
  cs_select *select = self->wait.on;
  bool item = select->chosen->kind == CS_ON_RECV && self->wait.progress != 0;
  int i = (int)(select->chosen - select->arms);
  detach_arms(select);
  if (item) {
    cs_channel_collect(L, self);
    lua_pushinteger(L, i + 1);
    lua_insert(L, -2);
    cs_take_held(L, self);
    return lua_pop(L, 1), 2;
  }
  cs_take_held(L, self);
  push_chosen(L, select);
  return push_outcome(L, lua_gettop(L), i);
}

/* Pushes the channel whose item a woken task was given. */
static void push_channel(lua_State *thread, cs_task *self) {
  cs_runtime_push(thread);
  lua_getiuservalue(thread, -1, CS_HELD);
  lua_rawgetp(thread, -1, self);
  push_chosen(thread, self->wait.on);
  lua_getiuservalue(thread, -1, CS_ARM_ON);
  lua_replace(thread, -5);
  lua_pop(thread, 3);
}

static void select_cancel(cs_task *self) {
  cs_select *select = self->wait.on;
  detach_arms(select);
  if (self->state == CS_TASK_PARKED || select->chosen->kind != CS_ON_RECV)
    return;
  if (self->wait.progress == 0 || !cs_call_intact(self)) return;
  push_channel(self->thread, self);
  cs_channel_give_back(self, select->chosen->on);
  lua_pop(self->thread, 1);
}

static const cs_wait_ops select_ops = {.name = "select",
                                       .finish = select_finish,
                                       .cancel = select_cancel,
                                       .timer_wakes = true};

/* Pushes a select with the arms' objects. */
static cs_select *new_select(lua_State *L, int narms) {
  size_t size = sizeof(cs_select) + (size_t)narms * sizeof(cs_arm);
  cs_select *select = lua_newuserdatauv(L, size, narms);
  *select = (cs_select){.narms = narms};
  for (int i = 0; i < narms; i++) {
    lua_pushvalue(L, FIRST + i);
    lua_setiuservalue(L, -2, i + 1);
  }
  return select;
}

/* Notes in each channel how many receivers it would get. */
static void count_receivers(lua_State *L, int narms) {
  const cs_arm_object *arm;
  for (int i = 0; i < narms; i++)
    if ((arm = lua_touserdata(L, FIRST + i))->kind == CS_ON_RECV)
      ((cs_channel *)arm->on)->wanted = 0;
  for (int i = 0; i < narms; i++)
    if ((arm = lua_touserdata(L, FIRST + i))->kind == CS_ON_RECV)
      ((cs_channel *)arm->on)->wanted++;
}

static bool has_room(lua_State *L, int narms) {
  for (int i = 0; i < narms; i++) {
    const cs_arm_object *arm = lua_touserdata(L, FIRST + i);
    const cs_channel *channel = arm->on;
    if (arm->kind == CS_ON_RECV &&
        !cs_channel_has_room(channel, channel->wanted))
      return false;
  }
  return true;
}

/* All that waiting needs; the task holds the select, which is on top. */
static void prepare(lua_State *L, cs_task *self, int narms) {
  count_receivers(L, narms);
  for (int i = 0; i < narms; i++) {
    const cs_arm_object *arm = lua_touserdata(L, FIRST + i);
    cs_channel *channel = arm->on;
    if (arm->kind != CS_ON_RECV) continue;
    lua_getiuservalue(L, FIRST + i, CS_ARM_ON);
    cs_channel_make_room(L, channel, lua_gettop(L), channel->wanted);
    lua_pop(L, 1);
  }
  if (cs_timers_reserve(&self->rt->timers) != 0 ||
      !lua_checkstack(self->thread, LUA_MINSTACK))
    luaL_error(L, "not enough memory");
  cs_hold(L, self);
}

static void start_arm(cs_task *self, cs_arm *arm, const cs_arm_object *object) {
  *arm = (cs_arm){
      .ops = &cs_arm_ops, .task = self, .on = object->on, .kind = object->kind};
  cs_link_init(&arm->link);
  cs_channel *channel = arm->on;
  switch (arm->kind) {
  case CS_ON_RECV:
    arm->queue = &channel->receivers;
    channel->receiving++;
    break;
  case CS_ON_SEND:
    arm->queue = &channel->senders;
    break;
  case CS_ON_JOIN:
    arm->queue = &((cs_task *)arm->on)->joiners;
    break;
  default:
    return;
  }
  cs_ring_append(arm->queue, &arm->link);
}

static int park(lua_State *L, cs_task *self, cs_select *select) {
  uint64_t delay = CS_NEVER;
  int after = first_after(L, select->narms, &delay);
  if (after >= 0) select->chosen = &select->arms[after];
  for (int i = 0; i < select->narms; i++)
    start_arm(self, &select->arms[i], lua_touserdata(L, FIRST + i));
  cs_park_until(self, &select_ops, select, cs_deadline_after(self->rt, delay));
  self->wait.progress = 0;
  lua_settop(L, TABLE);
  return CS_PARKED;
}

/* }=== */

/* Does what is ready, or CS_PARKED. */
static int at_once(lua_State *L, cs_task *self, int narms, bool biased) {
  uint64_t delay = CS_NEVER;
  for (int i; (i = choose(L, self->rt, narms, biased)) >= 0;) {
    lua_pushvalue(L, FIRST + i);
    int n = commit(L, i);
    if (n != CS_PARKED) return n;
    lua_settop(L, FIRST + narms);
  }
  int after = first_after(L, narms, &delay);
  if (after < 0 || delay > 0) return CS_PARKED;
  return push_outcome(L, FIRST + after, after);
}

/* select{arm, ..., biased=false}: the number of the arm that came true, and
 * what its operation gives */
static int sys_select(lua_State *L, cs_task *self) {
  bool biased;
  int narms = cs_arms_read(L, &biased), n;
  check_joins(L, self, narms);
  lua_pushnil(L); /* the place of the select */
  if ((n = at_once(L, self, narms, biased)) != CS_PARKED) return n;
  lua_pop(L, 1);
  cs_select *select = new_select(L, narms);
  for (;;) {
    prepare(L, self, narms);
    if (choose(L, self->rt, narms, true) < 0 && has_room(L, narms))
      return park(L, self, select);
    cs_take_held(L, self); /* a finalizer has changed something */
    lua_pop(L, 1);
    if ((n = at_once(L, self, narms, biased)) != CS_PARKED) return n;
  }
}

static const cs_syscall syscalls[] = {
    {.name = "select", .handler = sys_select},
    {.name = NULL},
};

const cs_module cs_module_select = {syscalls, cs_arms_open, NULL};
