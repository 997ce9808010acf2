/* sys_runtime.c - calls about the runtime itself: shutdown, external, stats. */
#include "clock.h"
#include "module.h"

enum { GRACE = 5 }; /* seconds, unless shutdown is told */

/* {=== shutdown === */

static uint64_t read_grace(lua_State *L) {
  static const char *const known[] = {"grace", NULL};
  if (lua_isnoneornil(L, 1)) lua_newtable(L);
  lua_settop(L, 1);
  luaL_checktype(L, 1, LUA_TTABLE);
  cs_check_fields(L, 1, known);
  if (lua_getfield(L, 1, "grace") == LUA_TNIL) lua_pushinteger(L, GRACE);
  luaL_argcheck(L, lua_type(L, -1) == LUA_TNUMBER && lua_tonumber(L, -1) >= 0,
                1, "grace: seconds, not negative and not NaN, expected");
  return cs_check_delay(L, lua_gettop(L));
}

/* The shortest of all that were asked for counts. */
static void shorten_grace(cs_runtime *rt, uint64_t end) {
  if (rt->grace.place != 0 && rt->grace_end <= end) return;
  cs_timer_stop(&rt->timers, &rt->grace);
  if (end == CS_NEVER) return;
  rt->grace_end = end;
  rt->grace.kind = CS_TIMER_GRACE;
  cs_timer_start(&rt->timers, &rt->grace, end);
}

/* shutdown{grace=}: cancels all tasks, and kills those that are left when the
 * grace is over. Returns at once: true, or false if all were cancelled before
 */
static int shutdown_all(lua_State *L) {
  cs_runtime *rt = cs_runtime_of(L);
  uint64_t grace = read_grace(L);
  if (rt->L == NULL)
    return luaL_error(L, "nothing to shut down: no scheduler is running");
  if (cs_timers_reserve(&rt->timers) != 0)
    return luaL_error(L, "not enough memory");
  lua_pushboolean(L, cs_cancel(rt, &rt->root.scope, CS_BY_SHUTDOWN));
  shorten_grace(rt, cs_deadline_after(rt, grace));
  return 1;
}

/* }=== */

/* {=== external === */

/* A promise that something outside will wake a task. */
typedef struct token {
  bool held;
} token;

/* external(): a token; as long as it is held, a runtime where all wait is not
 * deadlocked */
static int sys_external(lua_State *L, cs_task *self) {
  (void)self;
  token *made = lua_newuserdatauv(L, sizeof *made, 0);
  made->held = false;
  cs_push_anchor(L, CS_EXTERNAL_META);
  lua_setmetatable(L, -2);
  made->held = true;
  cs_runtime_of(L)->waiting_outside++;
  return 1;
}

/* token:release(): true the first time */
static int token_release(lua_State *L) {
  token *self = cs_check_type(L, 1, CS_EXTERNAL_META, "cosched.External");
  if (self->held) cs_runtime_of(L)->waiting_outside--;
  lua_pushboolean(L, self->held);
  self->held = false;
  return 1;
}

static const luaL_Reg token_methods[] = {{"release", token_release},
                                         {NULL, NULL}};

static const luaL_Reg token_meta[] = {
    {"__close", token_release}, {"__gc", token_release}, {NULL, NULL}};

/* }=== */

/* stats(): a table of what the runtime has done and has */
static int sys_stats(lua_State *L, cs_task *self) {
  (void)self;
  const cs_runtime *rt = cs_runtime_of(L);
  const struct {
    const char *name;
    lua_Integer value;
  } fields[] = {
      {"tasks", rt->live},
      {"spawned", rt->last_tid},
      {"steps", (lua_Integer)rt->steps},
      {"polls", (lua_Integer)rt->polls},
      {"timers", rt->timers.count},
      {"waiting_outside", rt->waiting_outside},
      {"pooled_threads", rt->pooled},
  };
  lua_createtable(L, 0, 8);
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    lua_pushinteger(L, fields[i].value);
    lua_setfield(L, -2, fields[i].name);
  }
  return 1;
}

static const cs_syscall syscalls[] = {
    {.name = "external", .handler = sys_external, .instant = true},
    {.name = "stats", .handler = sys_stats, .instant = true},
    {.name = NULL},
};

/* No row: that name is the socket's. */
static const luaL_Reg functions[] = {{"shutdown", shutdown_all}, {NULL, NULL}};

static void open_runtime(lua_State *L) {
  cs_set_functions(L, 1, functions);
  cs_push_type(L, "cosched.External", token_meta);
  cs_set_methods(L, "cosched.External", token_methods, NULL);
  lua_pop(L, 1);
  lua_setiuservalue(L, lua_upvalueindex(1), CS_EXTERNAL_META);
}

const cs_module cs_module_runtime = {syscalls, open_runtime, NULL};
