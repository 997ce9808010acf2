/* task.c - birth, resume and end of a task, seen from the scheduler's side.
 *
 * What runs on the task's own thread is in entry.c. The end allocates nothing,
 * so that no task can be lost when memory is short. */
#include "task.h"

#include <assert.h>
#include <lauxlib.h>

const char *const cs_state_names[] = {
    [CS_TASK_READY] = "ready",    [CS_TASK_RUNNING] = "running",
    [CS_TASK_PARKED] = "waiting", [CS_TASK_DOOMED] = "waiting",
    [CS_TASK_DONE] = "done",
};

const char *const cs_outcome_names[] = {
    [CS_OK] = "ok", [CS_ERROR] = "error", [CS_CANCELLED_OUTCOME] = "cancelled"};

const char cs_task_was_stolen[] = "task was closed outside the scheduler";
const char cs_not_a_syscall[] = "task yielded a value that is not a syscall";

enum { BUDGET = 64 }; /* calls that a task may finish in a row */

/* {=== birth === */

static int warm_up(lua_State *L) {
  lua_Integer depth = lua_tointeger(L, 1);
  if (depth == 0) return 0;
  lua_pushcfunction(L, warm_up);
  lua_pushinteger(L, depth - 1);
  lua_call(L, 1, 0);
  return 0;
}

/* A new thread makes the calls that each task begins with: it has the memory
 * for them from now on, so a task that was spawned does begin (R2). */
static lua_State *new_thread(lua_State *L) {
  int nresults;
  lua_State *thread = lua_newthread(L);
  lua_sethook(thread, NULL, 0, 0);
  lua_pushcfunction(thread, warm_up);
  lua_pushinteger(thread, 2);
  if (lua_resume(thread, L, 1, &nresults) != LUA_OK)
    luaL_error(L, "not enough memory");
  return thread;
}

/* Pushes a thread with an empty stack: to a stranger who kept it from an
 * earlier task, it is dead. */
static lua_State *take_thread(lua_State *L, cs_runtime *rt) {
  if (rt->pooled == 0) return new_thread(L);
  rt->pooled--;
  lua_xmove(rt->pool, L, 1);
  return lua_tothread(L, -1);
}

/* A thread inherits the hook of its maker, as Lua's own coroutines do. */
static void inherit_hook(lua_State *L, lua_State *thread) {
  lua_Hook hook = lua_gethook(L);
  if (hook != lua_gethook(thread))
    lua_sethook(thread, hook, lua_gethookmask(L), lua_gethookcount(L));
}

static void init_task(cs_task *task, cs_runtime *rt, cs_nursery *nursery) {
  *task = (cs_task){.rt = rt, .nursery = nursery, .tid = rt->last_tid + 1};
  cs_link_init(&task->wait.link);
}

/* From here on nothing can fail. */
static void commit_task(cs_task *task, lua_State *thread, int nresume) {
  cs_runtime *rt = task->rt;
  task->thread = thread;
  task->wait.nresume = nresume;
  task->state = CS_TASK_READY;
  cs_nursery_open(&task->own, &task->nursery->scope, true);
  cs_queue_append(&rt->ready, &task->wait.link);
  task->nursery->live++;
  rt->last_tid++;
  rt->live++;
}

cs_task *cs_task_new(lua_State *L, cs_nursery *nursery, int nargs) {
  cs_runtime *rt = cs_runtime_of(L);
  luaL_checkstack(L, 8, NULL);
  cs_task *task = lua_newuserdatauv(L, sizeof *task, 2);
  int index = lua_gettop(L) - nargs - 1;
  lua_insert(L, index); /* task, function, arguments */
  init_task(task, rt, nursery);
  cs_push_anchor(L, CS_TASK_META);
  lua_setmetatable(L, index);
  lua_pushvalue(L, index + 1);
  lua_setiuservalue(L, index, 2);
  lua_State *thread = take_thread(L, rt);
  lua_setiuservalue(L, index, 1);
  if (!lua_checkstack(thread, nargs + LUA_MINSTACK))
    luaL_error(L, "too many arguments for a task");
  cs_push_anchor(L, CS_TASKS);
  lua_pushvalue(L, index);
  lua_rawseti(L, -2, task->tid);
  lua_pop(L, 1);
  inherit_hook(L, thread);
  cs_push_anchor(L, CS_ENTRY);
  cs_push_anchor(L, CS_HANDLER);
  lua_xmove(L, thread, 2);
  lua_xmove(L, thread, nargs + 1);
  commit_task(task, thread, nargs + 2);
  return task;
}

/* }=== */

/* {=== end === */

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
  while (task->joiners != NULL) {
    cs_link *first = cs_ring_take(&task->joiners);
    cs_task *joiner = CS_OWNER(first, cs_task, wait.link);
    joiner->wait.progress = task->outcome;
    if (task->outcome == CS_ERROR && task->nursery->supervises)
      task->observed = true;
    cs_wake(joiner);
  }
}

static cs_child_end child_end(const cs_task *task) {
  if (task->outcome == CS_ERROR && !task->observed) return CS_CHILD_FAILED;
  bool own = task->own.scope.source == CS_BY_CALL || task->killed;
  return task->outcome == CS_CANCELLED_OUTCOME && !own ? CS_CHILD_CUT
                                                       : CS_CHILD_FINE;
}

static void forget_reason(lua_State *L, cs_task *task) {
  cs_push_anchor(L, CS_CANCELLED);
  lua_pushnil(L);
  lua_rawsetp(L, -2, &task->own.scope);
  lua_pop(L, 1);
}

/* The outcome is recorded: tells all whom it concerns. */
static void announce_end(lua_State *L, cs_task *task) {
  cs_runtime *rt = task->rt;
  if (task->own.live > 0 || task->own.failures != NULL)
    cs_nursery_abandon(&task->own, &rt->root);
  task->thread = NULL;
  task->state = CS_TASK_DONE;
  rt->live--;
  if (task->own.scope.source == CS_BY_CALL) forget_reason(L, task);
  if (task->holds) {
    cs_take_held(L, task);
    lua_pop(L, 1);
  }
  if (task->own.supervises) cs_set_callback(L, &task->own, -1);
  cs_child_end end = child_end(task);
  cs_scope_close(&task->own.scope);
  wake_joiners(task);
  cs_nursery_child_done(task->nursery, &task->wait.link, end);
  if (end == CS_CHILD_FAILED) return; /* kept until the owner takes it */
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

/* The first function has returned; it has recorded the outcome. The thread is
 * in the pool before its value takes its place. */
static void end_well(lua_State *L, cs_task *task) {
  lua_State *thread = task->thread;
  bool any = lua_gettop(thread) > 0;
  if (task->nresults == 0) task->nresults = any;
  if (any)
    lua_xmove(thread, L, 1);
  else
    lua_pushnil(L);
  pool_thread(task->rt, thread);
  keep_value(L, task);
  announce_end(L, task);
}

/* The thread died before its first function could record the outcome: it was
 * killed, closed by a stranger, or memory ran out. `message` says why, unless
 * NULL: then the error is on top of the thread. A dead thread has no room for
 * more, so nothing is pushed on it. */
static void end_badly(lua_State *L, cs_task *task, const char *message) {
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

static void kill_task(lua_State *L, cs_task *task) {
  cs_runtime *rt = task->rt;
  task->killed = true;
  rt->current = task;
  int status = close_thread(L, task->thread);
  rt->current = NULL;
  if (status != LUA_OK) {
    end_badly(L, task, NULL);
    return;
  }
  task->outcome = CS_CANCELLED_OUTCOME;
  task->nresults = 1;
  cs_push_anchor(L, CS_CANCELLED);
  lua_rawgeti(L, -1, CS_BY_KILL);
  lua_remove(L, -2);
  keep_value(L, task);
  announce_end(L, task);
}

void cs_kill_doomed(lua_State *L, cs_runtime *rt) {
  while (!cs_queue_empty(&rt->killed))
    kill_task(L, CS_OWNER(cs_queue_take(&rt->killed), cs_task, wait.link));
}

/* }=== */

/* {=== resume === */

/* What the runtime left on the thread is not there any more. */
static bool stolen(const cs_task *task) {
  int status = lua_status(task->thread);
  if (task->started) return status != LUA_YIELD;
  return status != LUA_OK || lua_gettop(task->thread) != task->wait.nresume + 1;
}

bool cs_task_end_if_stolen(lua_State *L, cs_task *task) {
  if (!stolen(task)) return false;
  cs_task_end_stolen(L, task);
  return true;
}

void cs_task_end_stolen(lua_State *L, cs_task *task) {
  cs_give_up(task); /* it will never collect what it was woken for */
  end_badly(L, task, cs_task_was_stolen);
}

int cs_task_resume(lua_State *L, cs_task *task) {
  cs_runtime *rt = task->rt;
  rt->current = task;
  rt->budget = BUDGET;
  task->state = CS_TASK_RUNNING;
  task->started = true;
  int nargs = task->wait.nresume, nresults;
  task->wait.nresume = 0;
  int status = lua_resume(task->thread, L, nargs, &nresults);
  rt->current = NULL;
  if (status == LUA_YIELD)
    return task->state == CS_TASK_RUNNING ? nresults : -1;
  if (status == LUA_OK)
    end_well(L, task);
  else
    end_badly(L, task, NULL);
  return -1;
}

/* }=== */

/* {=== the userdata === */

void cs_push_task(lua_State *L, const cs_task *task) {
  cs_push_anchor(L, CS_TASKS);
  lua_rawgeti(L, -1, task->tid);
  lua_remove(L, -2);
}

void cs_hold(lua_State *L, cs_task *self) {
  cs_push_anchor(L, CS_HELD);
  lua_pushvalue(L, -2);
  lua_rawsetp(L, -2, self);
  lua_pop(L, 1);
  self->holds = true;
}

void cs_take_held(lua_State *L, cs_task *self) {
  cs_push_anchor(L, CS_HELD);
  lua_rawgetp(L, -1, self);
  lua_pushnil(L);
  lua_rawsetp(L, -3, self);
  lua_remove(L, -2);
  self->holds = false;
}

void cs_set_callback(lua_State *L, const void *key, int index) {
  cs_push_anchor(L, CS_CALLBACKS);
  if (index > 0)
    lua_pushvalue(L, index);
  else
    lua_pushnil(L);
  lua_rawsetp(L, -2, key);
  lua_pop(L, 1);
}

cs_task *cs_check_task(lua_State *L, int index) {
  cs_task *task = lua_touserdata(L, index);
  bool same = false;
  if (task != NULL && lua_getmetatable(L, index)) {
    same = lua_topointer(L, -1) == cs_runtime_of(L)->task_meta;
    lua_pop(L, 1);
  }
  if (!same) luaL_typeerror(L, index, "cosched.Task");
  return task;
}

void cs_push_name(lua_State *L, int index) {
  lua_Debug info;
  index = lua_absindex(L, index);
  switch (lua_getiuservalue(L, index, 2)) {
  case LUA_TTABLE: /* the leaf of its error */
    lua_getfield(L, -1, "name");
    lua_remove(L, -2);
    break;
  case LUA_TFUNCTION:
    lua_getinfo(L, ">S", &info);
    if (info.what[0] == 'C')
      lua_pushliteral(L, "C function");
    else
      lua_pushfstring(L, "%s:%d", info.short_src, info.linedefined);
    break;
  default:
    break; /* a name that was given */
  }
}

/* }=== */
