/* module.c - puts the runtime together: the list of modules, luaopen, close. */
#include "cosched.h"

#include "entry.h"
#include "gather.h"
#include "module.h"
#include "report.h"
#include "scheduler.h"
#include "stuck.h"

#include <lauxlib.h>

/* clang-format off */
#define MODULES(X)                                                             \
  X(task) X(scope) X(nursery) X(time) X(runtime) X(locals) X(inspect)          \
  X(instrument) X(channel) X(select) X(lock) X(waitlist) X(custom) X(poll)     \
  X(stream) X(accept) X(tcp) X(dns) X(process)
/* clang-format on */

#define DECLARE(name) extern const cs_module cs_module_##name;
MODULES(DECLARE)
#undef DECLARE

static const cs_module *const modules[] = {
#define ADDRESS(name) &cs_module_##name,
    MODULES(ADDRESS)
#undef ADDRESS
        NULL,
};

enum { MODULE = 1, OBJECTS = 2 };

const char *cosched_version(void) { return COSCHED_VERSION_STRING; }

/* Finalizer of the runtime: every descriptor and every handle is closed. */
static int close_runtime(lua_State *L) {
  cs_runtime *rt = lua_touserdata(L, 1);
  if (!rt->open) return 0;
  for (int i = 0; modules[i] != NULL; i++)
    if (modules[i]->close != NULL) modules[i]->close(rt);
  cs_runtime_close(rt);
  return 0;
}

static void make_anchors(lua_State *L) {
  int runtime = lua_upvalueindex(1);
  lua_newtable(L);
  lua_setiuservalue(L, runtime, CS_TASKS);
  cs_runtime_of(L)->pool = lua_newthread(L);
  lua_setiuservalue(L, runtime, CS_POOL);
  lua_newtable(L);
  lua_setiuservalue(L, runtime, CS_CALLBACKS);
  lua_newtable(L);
  lua_setiuservalue(L, runtime, CS_NAMES);
  lua_newtable(L);
  lua_setiuservalue(L, runtime, CS_HELD);
  lua_newtable(L);
  lua_setiuservalue(L, runtime, CS_LOCALS);
}

/* Runs with the runtime as upvalue, as all functions of the module do. */
static int open_modules(lua_State *L) {
  lua_newtable(L);
  lua_newtable(L);
  make_anchors(L);
  cs_errors_open(L);
  cs_call_open(L);
  cs_entry_open(L);
  cs_gather_open(L);
  cs_stuck_open(L);
  cs_report_open(L);
  cs_scheduler_open(L);
  for (int i = 0; modules[i] != NULL; i++) {
    const cs_module *each = modules[i];
    if (each->open != NULL) each->open(L);
    lua_settop(L, OBJECTS);
    if (each->syscalls != NULL)
      cs_set_syscalls(L, each->syscalls, MODULE, OBJECTS, 0);
  }
  lua_setfield(L, MODULE, "sys");
  lua_pushvalue(L, lua_upvalueindex(1));
  luaL_setfuncs(L, cs_error_functions, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushcclosure(L, cs_run, 1);
  lua_setfield(L, MODULE, "run");
  lua_pushstring(L, COSCHED_VERSION_STRING);
  lua_setfield(L, MODULE, "version");
  lua_pushstring(L, uv_version_string());
  lua_setfield(L, MODULE, "uv_version");
  return 1;
}

static void set_finalizer(lua_State *L) {
  lua_createtable(L, 0, 3);
  lua_pushcfunction(L, close_runtime);
  lua_setfield(L, -2, "__gc");
  lua_pushliteral(L, "cosched.Runtime");
  lua_setfield(L, -2, "__name");
  lua_pushliteral(L, "cosched.Runtime");
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
}

/* The module's table, kept in the registry under this address. */
static const char module_key = 0;

int luaopen_cosched_core(lua_State *L) {
  luaL_checkversion(L);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &module_key) == LUA_TTABLE) return 1;
  cs_runtime *rt = cs_runtime_new(L);
  set_finalizer(L);
  cs_runtime_start(L, rt);
  lua_pushcclosure(L, open_modules, 1);
  lua_call(L, 0, 1);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &module_key);
  return 1;
}
