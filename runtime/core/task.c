/* task.c - birth and resume of a task, seen from the scheduler's side. What
 * runs on the task's own thread is in entry.c. */
#include "block.h"
#include "clock.h"
#include "hook.h"
#include "instrument.h"
#include "keep.h"
#include "outcome.h"
#include "ticker.h"
#include "type.h"

#include <assert.h>
#include <lauxlib.h>
#include <time.h>

const char *const cs_state_names[] = {
    [CS_TASK_READY] = "ready",    [CS_TASK_RUNNING] = "running",
    [CS_TASK_PARKED] = "waiting", [CS_TASK_DOOMED] = "waiting",
    [CS_TASK_DONE] = "done",
};

const char cs_task_was_stolen[] = "task was closed outside the scheduler";
const char cs_no_memory[] = "not enough memory";
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
  if (lua_resume(thread, L, 1, &nresults) != LUA_OK) {
    lua_xmove(thread, L, 1); /* no memory, or no room on the C stack */
    lua_error(L);
  }
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

static void init_task(cs_task *task, cs_runtime *rt) {
  *task = (cs_task){.rt = rt, .born = cs_ticks(rt)};
  cs_link_init(&task->wait.link);
  cs_nursery_init(&task->own, CS_SCOPE_TASK);
  task->scope = &task->own.scope;
}

/* Pushes the function that is running, as the first value of the new thread. */
static int push_spawn_site(lua_State *L, lua_State *from) {
  lua_Debug info;
  if (!lua_getstack(from, 1, &info)) {
    lua_pushnil(L);
    return -1;
  }
  lua_getinfo(from, "fl", &info);
  if (from != L) lua_xmove(from, L, 1);
  return info.currentline;
}

/* From here on nothing can fail. */
static void commit_task(cs_task *task, lua_State *thread, cs_nursery *nursery,
                        int nresume) {
  cs_runtime *rt = task->rt;
  task->thread = thread;
  task->wait.nresume = nresume;
  task->state = CS_TASK_READY;
  cs_scope_open(&task->own.scope, &nursery->scope);
  cs_queue_append(&rt->ready, &task->wait.link);
  nursery->live++;
  rt->last_tid++;
  rt->live++;
}

cs_task *cs_task_new(lua_State *L, lua_State *from, cs_nursery *nursery,
                     int nargs) {
  cs_runtime *rt = cs_runtime_of(L);
  luaL_checkstack(L, 8, "not enough memory");
  cs_task *task = lua_newuserdatauv(L, sizeof *task, 2);
  int index = lua_gettop(L) - nargs - 1;
  lua_insert(L, index); /* task, function, arguments */
  init_task(task, rt);
  cs_push_anchor(L, CS_TASK_META);
  lua_setmetatable(L, index);
  lua_pushvalue(L, index + 1);
  lua_setiuservalue(L, index, 2);
  lua_State *thread = take_thread(L, rt);
  cs_hook_inherit(L, rt, from);
  lua_setiuservalue(L, index, 1);
  if (!lua_checkstack(thread, nargs + LUA_MINSTACK))
    luaL_error(L, "too many arguments for a task");
  if (rt->current != NULL && rt->current->has_locals)
    cs_locals_inherit(L, task, rt->current);
  cs_push_anchor(L, CS_TASKS);
  lua_pushvalue(L, index);
  task->tid = rt->last_tid + 1; /* only now: a finalizer may have spawned */
  lua_rawseti(L, -2, task->tid);
  lua_pop(L, 1);
  cs_push_anchor(L, CS_ENTRY);
  task->spawn_line = push_spawn_site(L, from);
  cs_push_anchor(L, CS_HANDLER);
  lua_xmove(L, thread, 3);
  lua_xmove(L, thread, nargs + 1);
  commit_task(task, thread, nursery, nargs + 3);
  if (rt->instruments > 0) {
    lua_pushnil(L);
    cs_tell(L, rt, CS_TASK_SPAWNED, task);
  }
  return task;
}

/* }=== */

/* {=== resume === */

/* What the runtime left on the thread is not there any more. */
static bool stolen(const cs_task *task) {
  int status = lua_status(task->thread);
  if (task->stolen) return true;
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
  cs_end_badly(L, task, cs_task_was_stolen);
}

/* Of the calling thread, in nanoseconds. */
static uint64_t cpu_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

__attribute__((noinline)) static int resume_watched(lua_State *L, cs_task *task,
                                                    int nargs, int *nresults) {
  cs_runtime *rt = task->rt;
  uint64_t start = rt->measures_cpu ? cpu_time() : 0;
  cs_hook_step_begins(rt, task);
  if (rt->ticker != NULL) cs_ticker_step_begins(rt->ticker);
  int status = lua_resume(task->thread, L, nargs, nresults);
  if (rt->ticker != NULL) cs_ticker_step_ended(rt->ticker);
  if (rt->measures_cpu) task->cpu_ns += cpu_time() - start;
  return status;
}

static const cs_wait_ops preempted_ops = {.name = "its turn"};

/* After a step in which a hook was set: true if it has ended a slice. */
__attribute__((noinline)) static bool end_slice(cs_task *task) {
  cs_hook_step_ended(task->rt, task->thread);
  if (!task->preempted) return false;
  task->preempted = false;
  task->rt->slice_ended = true;
  cs_requeue(task, &preempted_ops);
  return true;
}

int cs_task_resume(lua_State *L, cs_task *task) {
  cs_runtime *rt = task->rt;
  rt->current = task;
  rt->budget = BUDGET;
  task->state = CS_TASK_RUNNING;
  task->started = true;
  task->steps++;
  int nargs = task->wait.nresume, nresults;
  task->wait.nresume = 0;
  int status = rt->watches_steps
                   ? resume_watched(L, task, nargs, &nresults)
                   : lua_resume(task->thread, L, nargs, &nresults);
  rt->current = NULL;
  if (rt->armed && end_slice(task)) return -1;
  if (status == LUA_YIELD)
    return task->state == CS_TASK_RUNNING ? nresults : -1;
  if (status == LUA_OK)
    cs_end_well(L, task);
  else
    cs_end_badly(L, task, NULL);
  return -1;
}

/* }=== */

/* {=== the userdata === */

cs_task *cs_scope_task(cs_scope *scope) {
  switch (scope->kind) {
  case CS_SCOPE_TASK:
    return CS_OWNER(scope, cs_task, own.scope);
  case CS_SCOPE_BLOCK:
    return cs_scope_block(scope)->task;
  default:
    return NULL;
  }
}

void cs_push_task(lua_State *L, const cs_task *task) {
  cs_push_anchor(L, CS_TASKS);
  lua_rawgeti(L, -1, task->tid);
  lua_remove(L, -2);
}

void cs_claim(lua_State *L, cs_task *task) {
  task->unclaimed = false;
  task->own.scope.parent = NULL;
  cs_push_anchor(L, CS_TASKS);
  lua_pushnil(L);
  lua_rawseti(L, -2, task->tid);
  lua_pop(L, 1);
}

cs_task *cs_check_task(lua_State *L, int index) {
  cs_task *task = lua_touserdata(L, index);
  bool same = false;
  if (task != NULL && lua_getmetatable(L, index)) {
    same = lua_topointer(L, -1) == cs_runtime_of(L)->task_meta;
    lua_pop(L, 1);
  }
  if (!same) cs_type_error(L, index, "cosched.Task");
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
    else if (info.what[0] == 'm')
      lua_pushfstring(L, "main chunk of %s", info.short_src);
    else
      lua_pushfstring(L, "%s:%d", info.short_src, info.linedefined);
    break;
  default:
    break; /* a name that was given */
  }
}

/* }=== */
