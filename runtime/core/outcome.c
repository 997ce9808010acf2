/* outcome.c - how a task ends, and who is told. */
#include "outcome.h"

#include "block.h"
#include "instrument.h"
#include "keep.h"
#include "lock.h"
#include "waiter.h"

const char *const cs_outcome_names[] = {
    [CS_OK] = "ok", [CS_ERROR] = "error", [CS_CANCELLED_OUTCOME] = "cancelled"};

static int close_thread(lua_State *L, lua_State *thread) {
#if LUA_VERSION_RELEASE_NUM >= 50406
  return lua_closethread(thread, L);
#elif LUA_VERSION_RELEASE_NUM == 50405
  return lua_resetthread(thread, L);
#else
  (void)L;
  return lua_resetthread(thread);
#endif
}

static void wake_joiners(cs_task *task) {
  for (cs_link *link; (link = cs_waiters_first(&task->joiners)) != NULL;) {
    cs_waiter_wake(&task->joiners, link)->wait.progress = task->outcome;
  }
}

static cs_child_end child_end(const cs_task *task) {
  if (task->outcome == CS_ERROR && !task->observed) return CS_CHILD_FAILED;
  bool own = task->own.scope.source == CS_BY_CALL || task->killed;
  return task->outcome == CS_CANCELLED_OUTCOME && !own ? CS_CHILD_CUT
                                                       : CS_CHILD_FINE;
}

/* The outcome is recorded: tells all whom it concerns. */
static void announce_end(lua_State *L, cs_task *task) {
  cs_runtime *rt = task->rt;
  cs_blocks_abandon(L, task);
  if (task->own.live > 0 || task->own.failures != NULL)
    cs_nursery_abandon(rt, &task->own);
  task->thread = NULL;
  task->state = CS_TASK_DONE;
  if (task->locks > 0) cs_locks_break(task);
  rt->live--;
  cs_forget_reason(L, &task->own.scope);
  cs_locals_forget(L, task);
  if (task->holds) {
    cs_take_held(L, task);
    lua_pop(L, 1);
  }
  cs_nursery *nursery = cs_task_nursery(task);
  if (rt->instruments > 0) {
    lua_pushlightuserdata(L, (void *)cs_outcome_names[task->outcome]);
    cs_tell(L, rt, CS_TASK_EXITED, task);
  }
  wake_joiners(task);
  cs_child_end end = child_end(task);
  cs_scope_close(&task->own.scope);
  cs_nursery_child_done(nursery, task, end);
  if (end == CS_CHILD_FAILED) { /* kept until the owner takes it */
    task->own.scope.parent = &nursery->scope;
    task->unclaimed = true;
    return;
  }
  lua_pushnil(L);
  lua_rawseti(L, CS_LOOP_TASKS, task->tid);
}

/* Puts the value on top of L, which is popped, in the place of the thread. */
static void keep_value(lua_State *L, cs_task *task) {
  lua_rawgeti(L, CS_LOOP_TASKS, task->tid);
  lua_insert(L, -2);
  lua_setiuservalue(L, -2, 1);
  lua_pop(L, 1);
}

/* The thread is used again, unless there are enough. */
static void pool_thread(cs_runtime *rt, lua_State *thread) {
  if (rt->pooled >= CS_POOL_SIZE || !lua_checkstack(rt->pool, 1)) return;
  rt->pooled++;
  if (lua_gethook(thread) != NULL) lua_sethook(thread, NULL, 0, 0);
  lua_pushthread(thread);
  lua_xmove(thread, rt->pool, 1);
}

void cs_end_well(lua_State *L, cs_task *task) {
  lua_State *thread = task->thread;
  bool any = lua_gettop(thread) > 0;
  if (task->nresults == 0) task->nresults = any;
  if (any)
    lua_xmove(thread, L, 1);
  else
    lua_pushnil(L);
  pool_thread(task->rt, thread); /* before its value takes its place */
  keep_value(L, task);
  announce_end(L, task);
}

void cs_end_badly(lua_State *L, cs_task *task, const char *message) {
  lua_State *thread = task->thread;
  task->outcome = CS_ERROR;
  task->nresults = 1;
  lua_rawgeti(L, CS_LOOP_TASKS, task->tid);
  lua_getiuservalue(L, -1, 1); /* keeps it alive until it is closed */
  lua_remove(L, -2);
  if (message != NULL)
    lua_rawgetp(L, LUA_REGISTRYINDEX, message);
  else
    lua_xmove(thread, L, 1);
  keep_value(L, task);
  close_thread(L, thread);
  announce_end(L, task);
  lua_pop(L, 1);
}

void cs_observe(lua_State *L, cs_task *task) {
  if (!task->unclaimed || !cs_task_nursery(task)->supervises) return;
  cs_ring_remove(&cs_task_nursery(task)->failures, &task->wait.link);
  cs_claim(L, task);
}

static void kill_task(lua_State *L, cs_task *task) {
  cs_runtime *rt = task->rt;
  uint32_t reason = (uint32_t)task->wait.progress; /* 0: none */
  task->killed = true;
  rt->current = task;
  int status = close_thread(L, task->thread);
  rt->current = NULL;
  if (status == LUA_OK) {
    task->outcome = CS_CANCELLED_OUTCOME;
    task->nresults = 1;
    cs_push_anchor(L, CS_CANCELLED);
    lua_rawgeti(L, -1, reason != 0 ? reason : CS_BY_KILL);
    lua_remove(L, -2);
    keep_value(L, task);
    announce_end(L, task);
  } else {
    cs_end_badly(L, task, NULL);
  }
  cs_drop_reason(L, reason);
}

void cs_kill_doomed(lua_State *L, cs_runtime *rt) {
  for (cs_task *task; (task = cs_take_doomed(rt)) != NULL;) kill_task(L, task);
}
