/* hook.c - lua_sethook is made to be called by signal handlers: Lua's own
 * interpreter does so on SIGINT. */
#include "hook.h"

#include "stuck.h"

#include <lauxlib.h>

static void put_back(cs_runtime *rt, lua_State *thread) {
  const cs_saved_hook *user = &rt->armed_over;
  lua_sethook(thread, user->hook, user->mask, user->count);
}

/* Where Lua cannot yield nothing happens; the next tick, or the next so many
 * instructions, try again. */
static void end_slice_in_hook(lua_State *L, cs_task *self) {
  if (!lua_isyieldable(L)) {
    cs_hook_count_again(self->rt, L);
    return;
  }
  self->preempted = self->marked = true;
  lua_yield(L, 0);
}

static void instruction_hook(lua_State *L, lua_Debug *info) {
  (void)info;
  cs_runtime *rt = cs_runtime_push(L);
  cs_task *self = rt->current;
  if (self == NULL || self->thread != L) { /* a coroutine has inherited it */
    lua_sethook(L, NULL, 0, 0);
    lua_pop(L, 1);
    return;
  }
  put_back(rt, L);
  int requests = rt->hook_requests;
  rt->hook_requests = 0;
  bool counted = requests == 0 && !rt->unmarking;
  if (rt->slice_instructions > 0 && counted) requests = CS_HOOK_SLICE;
  rt->unmarking = false;
  if (requests & CS_HOOK_DUMP) cs_hook_dump(L, rt);
  if (requests & CS_HOOK_BUSY) cs_report_stuck(L, self, "busy");
  lua_pop(L, 1);
  if (requests & CS_HOOK_SLICE)
    end_slice_in_hook(L, self);
  else
    cs_hook_count_again(rt, L);
}

static bool is_ours(lua_Hook hook) { return hook == instruction_hook; }

static void save_hook(cs_runtime *rt, lua_State *thread) {
  rt->armed_over = (cs_saved_hook){lua_gethook(thread), lua_gethookmask(thread),
                                   lua_gethookcount(thread)};
}

static void set_hook(cs_runtime *rt, lua_State *thread, int count) {
  if (!is_ours(lua_gethook(thread))) save_hook(rt, thread);
  rt->armed = 1;
  lua_sethook(thread, instruction_hook, LUA_MASKCOUNT, count);
}

void cs_hook_count_again(cs_runtime *rt, lua_State *thread) {
  if (rt->slice_instructions > 0 && lua_gethook(thread) == NULL)
    set_hook(rt, thread, rt->slice_instructions);
}

/* The signal may come while Lua, which has a hook of the user's to call, counts
 * an instruction: it has looked at the old hook, and takes one from the new
 * count. So that is two, or zero would be passed unseen. */
void cs_hook_arm(cs_runtime *rt, int requests) {
  rt->hook_requests |= requests;
  cs_task *task = rt->current;
  if (task == NULL || task->thread == NULL) return;
  if (rt->raising == task) return; /* its hook must be the next to run */
  set_hook(rt, task->thread, 2);
}

/* Lua remembers in a call that a hook has yielded there, and passes over the
 * next count hook, which may be the one that is to raise an error (raise.h). So
 * the first instruction after a slice has one of its own. */
void cs_hook_step_begins(cs_runtime *rt, cs_task *task) {
  rt->hook_requests &= CS_HOOK_DUMP;
  rt->unmarking = task->marked;
  task->marked = false;
  if (rt->unmarking)
    set_hook(rt, task->thread, 1);
  else
    cs_hook_count_again(rt, task->thread);
}

void cs_hook_step_ended(cs_runtime *rt, lua_State *thread) {
  rt->armed = 0;
  if (is_ours(lua_gethook(thread))) put_back(rt, thread);
}

/* debug.sethook keeps its function in a table of the registry, by thread. */
static void inherit_function(lua_State *L, lua_State *from, int thread) {
  if (lua_getfield(L, LUA_REGISTRYINDEX, "_HOOKKEY") == LUA_TTABLE) {
    lua_pushvalue(L, thread);
    lua_pushthread(from);
    if (from != L) lua_xmove(from, L, 1);
    lua_rawget(L, -3);
    lua_rawset(L, -3);
  }
  lua_pop(L, 1);
}

void cs_hook_inherit(lua_State *L, cs_runtime *rt, lua_State *from) {
  lua_State *thread = lua_tothread(L, -1);
  lua_Hook hook = lua_gethook(from);
  cs_saved_hook its = {hook, lua_gethookmask(from), lua_gethookcount(from)};
  if (hook == NULL) return;
  if (is_ours(hook)) its = rt->armed_over;
  if (its.hook == NULL) return;
  lua_sethook(thread, its.hook, its.mask, its.count);
  inherit_function(L, from, lua_gettop(L));
}

void cs_hook_dump(lua_State *L, cs_runtime *rt) {
  rt->hook_requests &= ~CS_HOOK_DUMP;
  cs_runtime_push(L);
  lua_getiuservalue(L, -1, CS_ON_DUMP);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK) lua_pop(L, 1);
  lua_pop(L, 1);
}
