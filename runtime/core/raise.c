/* raise.c - a suspended coroutine.yield can only return. So a hook raises the
 * error at the first instruction after it. */
#include "raise.h"

#include "hook.h"

static void restore_hook(lua_State *thread, cs_runtime *rt) {
  rt->raising = NULL;
  const cs_saved_hook *user = &rt->raising_over;
  lua_sethook(thread, user->hook, user->mask, user->count);
  cs_hook_count_again(rt, thread);
}

static void raise_hook(lua_State *L, lua_Debug *info) {
  (void)info;
  cs_runtime *rt = cs_runtime_push(L);
  restore_hook(L, rt);
  lua_getiuservalue(L, -1, CS_RAISED);
  lua_error(L);
}

void cs_raise_on_resume(lua_State *L, cs_task *task) {
  cs_runtime *rt = task->rt;
  lua_setiuservalue(L, lua_upvalueindex(1), CS_RAISED);
  rt->raising = task;
  rt->raising_over =
      (cs_saved_hook){lua_gethook(task->thread), lua_gethookmask(task->thread),
                      lua_gethookcount(task->thread)};
  lua_sethook(task->thread, raise_hook, LUA_MASKCOUNT, 1);
}

bool cs_push_unraised(lua_State *L, cs_task *self) {
  if (self->rt->raising != self) return false;
  restore_hook(self->thread, self->rt);
  cs_push_anchor(L, CS_RAISED);
  return true;
}
