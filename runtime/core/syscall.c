/* syscall.c - trap and collect: calls made directly, on the task's own stack.
 */
#include "syscall.h"

#include "boundary.h"
#include "keep.h"
#include "raise.h"
#include "stuck.h"

static int collect(lua_State *L, int status, lua_KContext ctx);

void cs_tell_if_cancelled(cs_task *self) {
  if (cs_task_cancelled(self)) cs_interrupt(self, UV_ECANCELED);
}

int cs_suspend(lua_State *L, cs_task *self, lua_KFunction k) {
  cs_tell_if_cancelled(self);
  return lua_yieldk(L, 0, (lua_KContext)self, k);
}

static int raise_cancelled(lua_State *L, cs_task *self) {
  cs_count_delivery(L, self);
  cs_push_cancelled(L, self->scope);
  return lua_error(L);
}

static int given_finish(lua_State *L, cs_task *self) {
  (void)L;
  return (int)self->wait.progress;
}

const cs_wait_ops cs_given_ops = {.name = "its turn", .finish = given_finish};

int cs_interrupted(lua_State *L, cs_task *self) {
  if (self->wait.ops->unwind != NULL) self->wait.ops->unwind(L, self);
  if (self->holds) cs_take_held(L, self);
  if (self->wait.status == UV_ECANCELED) return raise_cancelled(L, self);
  return cs_fail(L, self->wait.status);
}

static int collect(lua_State *L, int status, lua_KContext ctx) {
  cs_task *self = (cs_task *)ctx;
  (void)status;
  if (self->rt->current != self || self->state != CS_TASK_RUNNING) {
    self->stolen = true;
    return luaL_error(L, "a task was resumed outside the scheduler");
  }
  if (self->wait.status != 0) return cs_interrupted(L, self);
  self->uncollected = false;
  int n = self->wait.ops->finish(L, self);
  return n == CS_PARKED ? cs_suspend(L, self, collect) : n;
}

void cs_requeue_cancelled(cs_task *self) {
  cs_requeue(self, &cs_given_ops);
  self->wait.status = UV_ECANCELED;
}

/* An earlier yield was to raise, but no Lua code ran since. */
static int raise_late(lua_State *L, cs_task *self) {
  cs_push_unraised(L, self);
  return lua_error(L);
}

static bool may_wait(lua_State *L, const cs_task *self) {
  return self != NULL && self->thread == L && lua_isyieldable(L);
}

cs_task *cs_check_may_wait(lua_State *L, const char *name) {
  cs_task *self = cs_runtime_of(L)->current;
  if (!may_wait(L, self)) cs_raise_cannot_wait(L, name);
  if (self->rt->raising == self) raise_late(L, self);
  return self;
}

int cs_tell_cancelled(lua_State *L, cs_task *self) {
  cs_requeue_cancelled(self);
  return cs_suspend(L, self, collect);
}

int cs_answer(lua_State *L, cs_task *self, int n) {
  if (n == CS_PARKED) return cs_suspend(L, self, collect);
  self->rt->budget--;
  return n;
}

static int turn_finish(lua_State *L, cs_task *self) {
  const cs_syscall *row = self->wait.on;
  if (cs_task_cancelled(self)) return raise_cancelled(L, self);
  self->rt->row = row;
  return row->handler(L, self);
}

static const cs_wait_ops turn_ops = {.name = "its turn", .finish = turn_finish};

/* A task whose calls all answer at once would starve the others: every so often
 * these get a turn first. The call is made afterwards, so that it has not
 * happened if the task is killed meanwhile. */
static int give_turn(lua_State *L, cs_task *self, const cs_syscall *row) {
  cs_requeue(self, &turn_ops);
  self->wait.on = (void *)row;
  return cs_suspend(L, self, collect);
}

int cs_trap(lua_State *L) {
  cs_runtime *rt = cs_runtime_of(L);
  const cs_syscall *row = lua_touserdata(L, lua_upvalueindex(2));
  cs_task *self = rt->current;
  rt->row = row;
  if (row->instant) {
    int n = row->handler(L, self);
    return n == CS_PARKED ? cs_suspend(L, self, collect) : n;
  }
  if (!may_wait(L, self)) return cs_raise_cannot_wait(L, row->name);
  if (rt->raising == self) return raise_late(L, self);
  if (cs_task_cancelled(self)) return cs_tell_cancelled(L, self);
  if (rt->budget <= 1) return give_turn(L, self, row);
  return cs_answer(L, self, row->handler(L, self));
}

void cs_push_direct(lua_State *L, const cs_syscall *row) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushlightuserdata(L, (void *)row);
  lua_pushcclosure(L, row->quick != NULL ? row->quick : cs_trap, 2);
}
