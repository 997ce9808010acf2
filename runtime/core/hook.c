/* hook.c - lua_sethook is made to be called by signal handlers: Lua's own
 * interpreter does so on SIGINT. */
#include "hook.h"

#include "stuck.h"

#include <lauxlib.h>

static void put_back(cs_runtime *rt, lua_State *thread) {
  const cs_saved_hook *user = &rt->armed_over;
  lua_sethook(thread, user->hook, user->mask, user->count);
}

/* On a thread of the user's, or where Lua cannot yield, nothing happens; the
 * next tick tries again. */
static void end_slice_in_hook(lua_State *L, cs_task *self) {
  if (self == NULL || self->thread != L || !lua_isyieldable(L)) return;
  self->preempted = true;
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
  int requests = rt->slice_instructions > 0 ? CS_HOOK_SLICE : 0;
  requests |= rt->hook_requests;
  rt->hook_requests = 0;
  if (requests & CS_HOOK_DUMP) cs_hook_dump(L, rt);
  if (requests & CS_HOOK_BUSY) cs_report_stuck(L, self, "busy");
  lua_pop(L, 1);
  if (requests & CS_HOOK_SLICE) end_slice_in_hook(L, self);
}

bool cs_is_hook(lua_Hook hook) { return hook == instruction_hook; }

static void save_hook(cs_runtime *rt, lua_State *thread) {
  rt->armed_over = (cs_saved_hook){lua_gethook(thread), lua_gethookmask(thread),
                                   lua_gethookcount(thread)};
}

void cs_hook_arm(cs_runtime *rt, int requests) {
  rt->hook_requests |= requests;
  if (rt->current == NULL) return;
  lua_State *thread = rt->current->thread;
  if (thread == NULL) return;
  if (!cs_is_hook(lua_gethook(thread))) save_hook(rt, thread);
  rt->armed = 1;
  lua_sethook(thread, instruction_hook, LUA_MASKCOUNT, 1);
}

void cs_hook_step_begins(cs_runtime *rt, cs_task *task) {
  rt->hook_requests &= CS_HOOK_DUMP;
  if (rt->slice_instructions == 0 || lua_gethook(task->thread) != NULL) return;
  save_hook(rt, task->thread);
  rt->armed = 1;
  lua_sethook(task->thread, instruction_hook, LUA_MASKCOUNT,
              rt->slice_instructions);
}

void cs_hook_step_ended(cs_runtime *rt, lua_State *thread) {
  rt->armed = 0;
  if (cs_is_hook(lua_gethook(thread))) put_back(rt, thread);
}

void cs_hook_dump(lua_State *L, cs_runtime *rt) {
  rt->hook_requests &= ~CS_HOOK_DUMP;
  cs_runtime_push(L);
  lua_getiuservalue(L, -1, CS_ON_DUMP);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK) lua_pop(L, 1);
  lua_pop(L, 1);
}
