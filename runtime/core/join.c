/* join.c - one task waits for the end of another. A joiner stands in the ring
 * of its target, and is told of the outcome when that is recorded. */
#include "join.h"

#include "outcome.h"
#include "results.h"

static int join_finish(lua_State *L, cs_task *self) {
  (void)self;
  cs_observe(L, lua_touserdata(L, 1));
  return cs_push_results(L, 1);
}

/* Only now: a joiner that is killed before it goes on has heard nothing. The
 * task is at 1, or its number; then it is there if its error is unclaimed. */
static void observe(lua_State *L) {
  if (lua_type(L, 1) == LUA_TNUMBER) {
    cs_push_anchor(L, CS_TASKS);
    lua_rawgeti(L, -1, lua_tointeger(L, 1));
  } else {
    lua_pushvalue(L, 1);
  }
  if (lua_isuserdata(L, -1)) cs_observe(L, lua_touserdata(L, -1));
}

static int wait_finish(lua_State *L, cs_task *self) {
  observe(L);
  lua_pushstring(L, cs_outcome_names[self->wait.progress]);
  return 1;
}

static void join_cancel(cs_task *self) {
  cs_task *task = self->wait.on;
  if (self->state != CS_TASK_PARKED) return; /* woken: `task` may be gone */
  cs_ring_remove(&task->joiners, &self->wait.link);
}

static const cs_wait_ops join_ops = {
    .name = "the end of a task", .finish = join_finish, .cancel = join_cancel};
static const cs_wait_ops wait_ops = {
    .name = "the end of a task", .finish = wait_finish, .cancel = join_cancel};

/* True if `task` waits, through joins, for `self` to end. */
static bool waits_for(const cs_task *task, const cs_task *self) {
  while (task->state == CS_TASK_PARKED &&
         (task->wait.ops == &join_ops || task->wait.ops == &wait_ops)) {
    task = task->wait.on;
    if (task == self) return true;
  }
  return false;
}

static bool is_ancestor(const cs_task *task, const cs_task *self) {
  if (task->tid > self->tid) return false; /* it is younger */
  const cs_scope *scope = self->own.scope.parent;
  while (scope != NULL && scope != &task->own.scope) scope = scope->parent;
  return scope != NULL;
}

void cs_check_join(lua_State *L, const cs_task *self, const cs_task *task) {
  if (task == self) luaL_error(L, "a task cannot join itself");
  if (is_ancestor(task, self))
    luaL_error(L, "a task cannot join its ancestor, which waits for its "
                  "children");
  if (self->joiners != NULL && waits_for(task, self))
    luaL_error(L, "joining task %I would close a cycle of joins",
               (LUAI_UACINT)task->tid);
}

/* Parks until `task` is done. */
static int await(lua_State *L, cs_task *self, cs_task *task,
                 const cs_wait_ops *ops) {
  cs_check_join(L, self, task);
  cs_park(self, ops, task);
  cs_ring_append(&task->joiners, &self->wait.link);
  return CS_PARKED;
}

int cs_join(lua_State *L, cs_task *self) {
  cs_task *task = cs_check_task(L, 1);
  if (task->state == CS_TASK_DONE) return join_finish(L, self);
  return await(L, self, task, &join_ops);
}

int cs_wait_end(lua_State *L, cs_task *self) {
  cs_task *task = cs_check_task(L, 1);
  if (task->state != CS_TASK_DONE) return await(L, self, task, &wait_ops);
  cs_observe(L, task);
  lua_pushstring(L, cs_outcome_names[task->outcome]);
  return 1;
}

int cs_await_end(lua_State *L, cs_task *self, cs_task *task) {
  return await(L, self, task, &wait_ops);
}
