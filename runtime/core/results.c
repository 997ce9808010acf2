/* results.c - results are unpacked, errors are raised. */
#include "results.h"

#include "keep.h"

static int raise_task_cancelled(lua_State *L, int task) {
  lua_createtable(L, 0, 2);
  lua_pushvalue(L, task);
  lua_setfield(L, -2, "task");
  lua_getiuservalue(L, task, 1);
  lua_setfield(L, -2, "cancelled");
  cs_push_anchor(L, CS_TASK_CANCELLED_META);
  lua_setmetatable(L, -2);
  return lua_error(L);
}

static int raise_errors(lua_State *L, int task) {
  lua_getiuservalue(L, task, 1);
  int value = lua_gettop(L);
  if (!cs_has_type(L, value, CS_ERRORS_META)) {
    cs_errors_new(L);
    cs_errors_add(L, value + 1, task, value);
  }
  return lua_error(L);
}

int cs_push_results(lua_State *L, int task) {
  cs_task *self = lua_touserdata(L, task);
  if (self->outcome == CS_ERROR) return raise_errors(L, task);
  if (self->outcome == CS_CANCELLED_OUTCOME)
    return raise_task_cancelled(L, task);
  if (self->nresults == 0) return 0;
  lua_getiuservalue(L, task, 1);
  if (self->nresults == 1) return 1;
  return cs_unpack(L);
}
