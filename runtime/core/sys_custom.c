/* sys_custom.c - rows written in Lua: cosched.syscall{name=, start=, cancel=}.
 *
 * start(wait, ...) is called in the caller's place and must not wait itself. It
 * returns results, or keeps `wait` somewhere and returns wait:park(); later,
 * wait:wake(...) gives the call its results. A wait that was given up answers
 * wake with false, so nothing is handed to a task that is gone. */
#include "keep.h"
#include "module.h"

/* One row; its user values are the table it was made of, and its name. */
typedef struct custom_row {
  cs_syscall row;  /* first: rt->row is this */
  cs_wait_ops ops; /* named after the row, for reports */
} custom_row;

/* One call; its user value is the packed results. */
typedef struct custom_wait {
  cs_task *task;
  enum { IDLE, PARKING, WAITING, WOKEN, GIVEN_UP } state;
} custom_wait;

static int custom_finish(lua_State *L, cs_task *self);
static void custom_cancel(cs_task *self);
static void custom_unwind(lua_State *L, cs_task *self);

static int push_woken_results(lua_State *L, int wait) {
  return lua_getiuservalue(L, wait, 1) != LUA_TNIL ? cs_unpack(L) : 0;
}

static int custom_finish(lua_State *L, cs_task *self) {
  cs_take_held(L, self);
  return push_woken_results(L, lua_gettop(L));
}

static void custom_cancel(cs_task *self) {
  ((custom_wait *)self->wait.on)->state = GIVEN_UP;
}

/* Calls cancel(wait), if the row has one. */
static void custom_unwind(lua_State *L, cs_task *self) {
  cs_take_held(L, self);
  lua_getiuservalue(L, -1, 2); /* the row's definition */
  if (lua_getfield(L, -1, "cancel") == LUA_TFUNCTION) {
    lua_pushvalue(L, -3);
    lua_call(L, 1, 0);
  } else {
    lua_pop(L, 1);
  }
  lua_pop(L, 2);
}

static int custom_start(lua_State *L, cs_task *self) {
  const cs_syscall *row = self->rt->row;
  int nargs = lua_gettop(L);
  luaL_checkstack(L, nargs + 8, "not enough memory");
  custom_wait *wait = lua_newuserdatauv(L, sizeof *wait, 2);
  *wait = (custom_wait){self, IDLE};
  cs_push_anchor(L, CS_WAIT_META);
  lua_setmetatable(L, -2);
  cs_push_anchor(L, CS_CALLBACKS);
  lua_rawgetp(L, -1, row);
  lua_getiuservalue(L, -1, 1); /* the definition */
  lua_replace(L, -3);
  lua_pop(L, 1);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, nargs + 1, 2);
  lua_getfield(L, -1, "start");
  lua_pushvalue(L, nargs + 1);
  for (int i = 1; i <= nargs; i++) lua_pushvalue(L, i);
  if (lua_pcall(L, nargs + 1, LUA_MULTRET, 0) != LUA_OK) {
    wait->state = GIVEN_UP; /* nobody will collect what it is woken with */
    self->rt->row = NULL;   /* the error knows its place */
    return lua_error(L);
  }
  if (wait->state == IDLE) {
    wait->state = GIVEN_UP;
    return lua_gettop(L) - nargs - 2;
  }
  if (wait->state == WOKEN) return push_woken_results(L, nargs + 1);
  lua_settop(L, nargs + 1);
  cs_hold(L, self);
  lua_settop(L, nargs);
  wait->state = WAITING;
  return cs_park(self, &((const custom_row *)row)->ops, wait);
}

static custom_wait *check_wait(lua_State *L) {
  return cs_check_type(L, 1, CS_WAIT_META, "cosched.Wait");
}

/* wait:park(): for start to return, when it has kept `wait` */
static int wait_park(lua_State *L) {
  custom_wait *wait = check_wait(L);
  if (wait->state == IDLE) wait->state = PARKING;
  return 0;
}

/* wait:wake(...): true if the call was waiting; these are its results. Without
 * results it needs no memory, and so cannot fail */
static int wait_wake(lua_State *L) {
  custom_wait *wait = check_wait(L);
  int n = lua_gettop(L) - 1;
  bool can = wait->state != WOKEN && wait->state != GIVEN_UP;
  if (can) {
    if (n > 0) {
      cs_pack(L, n);
      lua_setiuservalue(L, 1, 1);
    }
    bool parked = wait->state == WAITING;
    wait->state = WOKEN;
    if (parked) cs_wake(wait->task);
  }
  lua_pushboolean(L, can);
  return 1;
}

static void check_definition(lua_State *L) {
  static const char *const known[] = {"cancel", "name", "start", NULL};
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  cs_check_fields(L, 1, known);
  luaL_argcheck(L, lua_getfield(L, 1, "name") == LUA_TSTRING, 1,
                "name must be a string");
  luaL_argcheck(L, lua_getfield(L, 1, "start") == LUA_TFUNCTION, 1,
                "start must be a function");
  int type = lua_getfield(L, 1, "cancel");
  luaL_argcheck(L, type == LUA_TNIL || type == LUA_TFUNCTION, 1,
                "cancel must be a function");
  lua_settop(L, 1);
}

/* syscall{name=, start=[, cancel=]}: the function that makes the call, and the
 * one that makes objects of it */
static int sys_syscall(lua_State *L, cs_task *self) {
  (void)self;
  check_definition(L);
  custom_row *custom = lua_newuserdatauv(L, sizeof *custom, 2);
  lua_getfield(L, 1, "name");
  custom->row =
      (cs_syscall){.name = lua_tostring(L, -1), .handler = custom_start};
  custom->ops = (cs_wait_ops){.name = custom->row.name,
                              .finish = custom_finish,
                              .cancel = custom_cancel,
                              .unwind = custom_unwind};
  lua_setiuservalue(L, 2, 2);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, 2, 1);
  cs_set_callback(L, &custom->row, 2); /* a row lives as long as its state */
  cs_push_direct(L, &custom->row);
  cs_push_constructor(L, &custom->row, 0);
  return 2;
}

static const luaL_Reg wait_methods[] = {
    {"park", wait_park},
    {"wake", wait_wake},
    {NULL, NULL},
};

static const cs_syscall syscalls[] = {
    {.name = "syscall", .handler = sys_syscall, .instant = true},
    {.name = NULL},
};

static void open_custom(lua_State *L) {
  cs_push_type(L, "cosched.Wait", NULL);
  lua_createtable(L, 0, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  luaL_setfuncs(L, wait_methods, 1);
  lua_setfield(L, -2, "__index");
  lua_setiuservalue(L, lua_upvalueindex(1), CS_WAIT_META);
}

const cs_module cs_module_custom = {syscalls, open_custom, NULL};
