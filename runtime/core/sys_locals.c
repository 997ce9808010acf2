/* sys_locals.c - the table of a task's local values, for localvar.lua.
 *
 * A task starts with the table of whoever spawned it. Tables are never changed,
 * only replaced, so that is a snapshot. */
#include "keep.h"
#include "module.h"

/* locals(): the table of the running task, or nil */
static int sys_locals(lua_State *L, cs_task *self) {
  lua_pushnil(L);
  if (self == NULL || !self->has_locals) return 1;
  cs_push_anchor(L, CS_LOCALS);
  lua_rawgetp(L, -1, self);
  return 1;
}

/* set_locals(table): replaces it; nil: there are none */
static int sys_set_locals(lua_State *L, cs_task *self) {
  if (self == NULL) return luaL_error(L, "only a task has local values");
  if (lua_isnoneornil(L, 1)) {
    cs_locals_forget(L, self);
    return 0;
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  cs_push_anchor(L, CS_LOCALS);
  lua_pushvalue(L, 1);
  lua_rawsetp(L, -2, self);
  self->has_locals = true;
  return 0;
}

static const cs_syscall syscalls[] = {
    {.name = "locals", .handler = sys_locals, .instant = true},
    {.name = "set_locals", .handler = sys_set_locals, .instant = true},
    {.name = NULL},
};

const cs_module cs_module_locals = {syscalls, NULL, NULL};
