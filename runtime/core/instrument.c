/* instrument.c - delivery of events; the rows behind instrument.lua. */
#include "instrument.h"

#include "module.h"

static const char *const names[] = {
    [CS_TASK_SPAWNED] = "task_spawned", [CS_TASK_SCHEDULED] = "task_scheduled",
    [CS_BEFORE_STEP] = "before_step",   [CS_AFTER_STEP] = "after_step",
    [CS_TASK_EXITED] = "task_exited",   [CS_WAIT_BEGIN] = "wait_begin",
    [CS_WAIT_END] = "wait_end",         [CS_CANCEL] = "cancel",
    [CS_IO_BEFORE] = "io_before",       [CS_IO_AFTER] = "io_after",
    [CS_DEADLOCK] = "deadlock",
};

static void count(cs_runtime *rt, int change) {
  rt->instruments = (uint32_t)((int)rt->instruments + change);
  rt->special = rt->shuffles || rt->instruments > 0;
}

/* {=== delivery === */

/* Slots of deliver. */
enum { EVENT = 1, SUBJECT, DETAIL, LIST };

/* Removes the instrument from its place in the list, unless that was done. */
static bool remove_from(lua_State *L, int list, lua_Integer i, int instrument) {
  lua_rawgeti(L, list, i);
  bool there = lua_rawequal(L, -1, instrument);
  lua_pop(L, 1);
  if (!there) return false;
  lua_pushboolean(L, 0); /* the places of the others stay */
  lua_rawseti(L, list, i);
  count(cs_runtime_of(L), -1);
  return true;
}

static int to_text(lua_State *L) {
  luaL_tolstring(L, 1, NULL);
  return 1;
}

/* Pushes the value on top as text. */
static const char *push_text(lua_State *L) {
  lua_pushcfunction(L, to_text);
  lua_pushvalue(L, -2);
  bool speaks = lua_pcall(L, 1, 1, 0) == LUA_OK;
  return speaks ? lua_tostring(L, -1) : "(its __tostring raises)";
}

static void warn_of_failure(lua_State *L, const char *name) {
  const char *what = push_text(L);
  lua_pushfstring(L,
                  "cosched: an instrument has raised in %s and is removed: %s",
                  name, what);
  lua_warning(L, lua_tostring(L, -1), 0);
  lua_pop(L, 3);
}

/* Calls the one on top of the stack, from the place i of the list. */
static void call_instrument(lua_State *L, lua_Integer i, const char *name) {
  int given = 0, instrument = lua_gettop(L);
  if (lua_getfield(L, instrument, name) == LUA_TFUNCTION) {
    for (int slot = SUBJECT; slot <= DETAIL; slot++) {
      if (lua_isnil(L, slot)) continue;
      lua_pushvalue(L, slot);
      given++;
    }
    if (lua_pcall(L, given, 0, 0) == LUA_OK) return;
    remove_from(L, LIST, i, instrument);
    warn_of_failure(L, name);
    return;
  }
  lua_pop(L, 1);
}

/* Called with the event, its task, its detail. */
static int deliver(lua_State *L) {
  const char *name = names[lua_tointeger(L, EVENT)];
  luaL_checkstack(L, LUA_MINSTACK, "not enough memory");
  if (lua_islightuserdata(L, DETAIL)) {
    lua_pushstring(L, lua_touserdata(L, DETAIL));
    lua_replace(L, DETAIL);
  }
  cs_push_anchor(L, CS_INSTRUMENTS);
  lua_Integer n = (lua_Integer)lua_rawlen(L, LIST);
  for (lua_Integer i = 1; i <= n; i++) {
    if (lua_rawgeti(L, LIST, i) == LUA_TTABLE) call_instrument(L, i, name);
    lua_settop(L, LIST);
  }
  return 0;
}

void cs_tell(lua_State *L, cs_runtime *rt, cs_event event,
             const cs_task *task) {
  if (rt->telling || !lua_checkstack(L, LUA_MINSTACK)) {
    lua_pop(L, 1);
    return;
  }
  rt->telling = true;
  lua_Integer number = (lua_Integer)event;
  cs_push_anchor(L, CS_DELIVER);
  lua_pushinteger(L, number);
  if (task != NULL)
    cs_push_task(L, task);
  else
    lua_pushnil(L);
  lua_rotate(L, -4, 3); /* the detail comes last */
  if (lua_pcall(L, 3, 0, 0) != LUA_OK) lua_pop(L, 1);
  rt->telling = false;
}

static void tell_of(lua_State *L, cs_event event, const cs_task *task) {
  lua_pushnil(L);
  cs_tell(L, task->rt, event, task);
}

/* }=== */

/* {=== steps === */

static cs_link *first_unannounced(cs_runtime *rt) {
  cs_link *first = &rt->ready;
  while (first->prev != &rt->ready &&
         !CS_OWNER(first->prev, cs_task, wait.link)->announced)
    first = first->prev;
  return first;
}

/* Of those that have become ready since it was last called. An instrument may
 * kill the task that it is told of. */
static void tell_scheduled(lua_State *L, cs_runtime *rt) {
  cs_link *each = first_unannounced(rt);
  while (each != &rt->ready) {
    cs_task *task = CS_OWNER(each, cs_task, wait.link);
    task->announced = true;
    tell_of(L, CS_TASK_SCHEDULED, task);
    each = task->state == CS_TASK_READY ? each->next : first_unannounced(rt);
  }
}

void cs_tell_step_begins(lua_State *L, cs_task *task) {
  tell_scheduled(L, task->rt);
  if (!task->announced) tell_of(L, CS_TASK_SCHEDULED, task);
  task->announced = false;
  if (task->waited) tell_of(L, CS_WAIT_END, task);
  task->waited = false;
  if (task->wait.status == UV_ECANCELED) tell_of(L, CS_CANCEL, task);
  tell_of(L, CS_BEFORE_STEP, task);
  cs_push_task(L, task); /* keeps it, and tells whose step it was */
  lua_setiuservalue(L, lua_upvalueindex(1), CS_STEPPING);
}

void cs_tell_step_ended(lua_State *L, cs_runtime *rt) {
  cs_push_anchor(L, CS_STEPPING);
  cs_task *task = lua_touserdata(L, -1);
  if (task == NULL) { /* the instrument came during the step */
    lua_pop(L, 1);
    return;
  }
  if (task->state != CS_TASK_DONE) {
    tell_of(L, CS_AFTER_STEP, task);
    if (task->state == CS_TASK_PARKED) {
      task->waited = true;
      lua_pushlightuserdata(L, (void *)task->wait.ops->name);
      cs_tell(L, rt, CS_WAIT_BEGIN, task);
    }
  }
  lua_pop(L, 1);
  lua_pushnil(L);
  lua_setiuservalue(L, lua_upvalueindex(1), CS_STEPPING);
}

/* }=== */

/* {=== rows === */

/* add_instrument(table): its number */
static int sys_add(lua_State *L, cs_task *self) {
  (void)self;
  luaL_checktype(L, 1, LUA_TTABLE);
  cs_push_anchor(L, CS_INSTRUMENTS);
  lua_Integer i = 1;
  while (lua_rawgeti(L, -1, i) == LUA_TTABLE) {
    lua_pop(L, 1);
    i++;
  }
  lua_pop(L, 1);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, i);
  count(cs_runtime_of(L), 1);
  lua_pushinteger(L, i);
  return 1;
}

/* remove_instrument(number, table): true if it was still there */
static int sys_remove(lua_State *L, cs_task *self) {
  (void)self;
  lua_Integer i = luaL_checkinteger(L, 1);
  lua_settop(L, 2);
  cs_push_anchor(L, CS_INSTRUMENTS);
  lua_pushboolean(L, remove_from(L, 3, i, 2));
  return 1;
}

static const cs_syscall syscalls[] = {
    {.name = "add_instrument", .handler = sys_add, .instant = true},
    {.name = "remove_instrument", .handler = sys_remove, .instant = true},
    {.name = NULL},
};

static void open_instrument(lua_State *L) {
  lua_newtable(L);
  lua_setiuservalue(L, lua_upvalueindex(1), CS_INSTRUMENTS);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushcclosure(L, deliver, 1);
  lua_setiuservalue(L, lua_upvalueindex(1), CS_DELIVER);
}

const cs_module cs_module_instrument = {syscalls, open_instrument, NULL};

/* }=== */
