/* sys_lock.c - cosched.lock([name]): one task at a time.
 *
 * acquire returns the lock itself as the guard: closing it releases it, if the
 * task still owns it. So a guard costs nothing, and one that was kept from
 * earlier does no harm in another task. */
#include "lock.h"

#include "boundary.h"
#include "module.h"

/* {=== making === */

/* Replaces the argument at 1 by the lock's name: without one it is called by
 * its place, as tasks are. */
static const char *name_lock(lua_State *L) {
  lua_Debug info;
  lua_settop(L, 1);
  if (!lua_isnil(L, 1)) return luaL_checkstring(L, 1);
  bool known = lua_getstack(L, 1, &info) && lua_getinfo(L, "Sl", &info) &&
               info.currentline > 0;
  if (known)
    lua_pushfstring(L, "%s:%d", info.short_src, info.currentline);
  else
    lua_pushliteral(L, "without a name");
  lua_replace(L, 1);
  return lua_tostring(L, 1);
}

/* lock([name]): a new lock, which nobody owns */
static int new_lock(lua_State *L) {
  const char *name = name_lock(L);
  cs_lock *lock = lua_newuserdatauv(L, sizeof *lock, 1);
  *lock = (cs_lock){.name = name};
  cs_link_init(&lock->held);
  lua_insert(L, 1);
  lua_setiuservalue(L, 1, 1);
  cs_push_anchor(L, CS_LOCK_META);
  lua_setmetatable(L, 1);
  return 1;
}

static cs_lock *check_lock(lua_State *L) {
  return cs_check_type(L, 1, CS_LOCK_META, "cosched.Lock");
}

/* }=== */

/* {=== acquiring === */

static void push_broken(lua_State *L, const cs_lock *lock) {
  lua_pushfstring(L, "lock '%s' is broken: task %I ended holding it",
                  lock->name, (LUAI_UACINT)lock->broken_by);
}

static int raise_broken(lua_State *L, const cs_lock *lock) {
  push_broken(L, lock);
  return luaL_error(L, "%s", lua_tostring(L, -1));
}

/* Raises unless the task may wait for the lock at 1. */
static cs_lock *check_acquire(lua_State *L, const cs_task *self) {
  cs_lock *lock = check_lock(L);
  if (lock->broken_by != 0) raise_broken(L, lock);
  if (lock->owner == self)
    luaL_error(L,
               "lock '%s' is held by this task already, and is not reentrant",
               lock->name);
  return lock;
}

static void describe_lock(lua_State *L, const cs_task *task) {
  const cs_lock *lock = task->wait.on;
  lua_pushfstring(L, "lock '%s' held by task %I", lock->name,
                  (LUAI_UACINT)lock->owner->tid);
}

static int acquire_finish(lua_State *L, cs_task *self) {
  if (self->wait.on == NULL) return raise_broken(L, check_lock(L));
  lua_pushvalue(L, 1);
  return 1;
}

static const cs_wait_ops acquire_ops = {.name = "a lock",
                                        .finish = acquire_finish,
                                        .cancel = cs_lock_cancel,
                                        .describe = describe_lock};

/* lock:acquire(): the lock, for `local guard <close> =` */
static int sys_acquire(lua_State *L, cs_task *self) {
  cs_lock *lock = check_acquire(L, self);
  if (lock->owner != NULL) return cs_lock_await(lock, self, &acquire_ops);
  cs_lock_take(lock, self);
  if (cs_in_loop(L)) return cs_requeue_taken(self, &acquire_ops, lock);
  lua_pushvalue(L, 1);
  return 1;
}

/* lock:try_acquire(): the lock; or nil, "busy", "EBUSY" */
static int sys_try_acquire(lua_State *L, cs_task *self) {
  if (self == NULL)
    return luaL_error(L, "lock '%s' can be owned by a task only",
                      check_lock(L)->name);
  cs_lock *lock = check_acquire(L, self);
  if (lock->owner != NULL) return cs_fail(L, UV_EBUSY);
  cs_lock_take(lock, self);
  lua_pushvalue(L, 1);
  return 1;
}

static int reacquired(lua_State *L, const cs_lock *lock) {
  if (lock->broken_by == 0) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  push_broken(L, lock);
  return 2;
}

static int reacquire_finish(lua_State *L, cs_task *self) {
  (void)self;
  return reacquired(L, check_lock(L));
}

static const cs_wait_ops reacquire_ops = {.name = "a lock",
                                          .finish = reacquire_finish,
                                          .cancel = cs_lock_cancel,
                                          .describe = describe_lock,
                                          .shielded = true};

/* reacquire(lock): true, or nil and a message when it is broken. For what has
 * released a lock and must not come back without it: waits even in a task that
 * was cancelled, which is told later */
static int sys_reacquire(lua_State *L, cs_task *self) {
  if (self == NULL) return cs_raise_cannot_wait(L, "acquire");
  cs_lock *lock = check_lock(L);
  if (lock->broken_by != 0 || lock->owner == self) return reacquired(L, lock);
  if (lock->owner != NULL) {
    if (self->thread != L || !lua_isyieldable(L))
      return cs_raise_cannot_wait(L, "acquire");
    return cs_lock_await(lock, self, &reacquire_ops);
  }
  cs_lock_take(lock, self);
  return reacquired(L, lock);
}

/* }=== */

/* {=== giving it back === */

static int raise_not_owner(lua_State *L, const cs_lock *lock) {
  if (lock->broken_by != 0) return raise_broken(L, lock);
  if (lock->owner == NULL)
    return luaL_error(L, "lock '%s' is held by nobody", lock->name);
  return luaL_error(L,
                    "lock '%s' is held by task %I, and only that task can "
                    "release it",
                    lock->name, (LUAI_UACINT)lock->owner->tid);
}

/* lock:release() */
static int sys_release(lua_State *L, cs_task *self) {
  cs_lock *lock = check_lock(L);
  if (self == NULL || lock->owner != self) return raise_not_owner(L, lock);
  cs_lock_hand_on(lock);
  return 0;
}

/* The end of a guard. */
static int lock_close(lua_State *L) {
  cs_lock *lock = check_lock(L);
  const cs_task *self = cs_runtime_of(L)->current;
  if (self != NULL && lock->owner == self) cs_lock_hand_on(lock);
  return 0;
}

static int lock_gc(lua_State *L) {
  cs_lock_forget(check_lock(L));
  return 0;
}

/* }=== */

/* {=== looking at it === */

/* lock:owner(): the task that owns it, or nil */
static int lock_owner(lua_State *L) {
  const cs_lock *lock = check_lock(L);
  if (lock->owner != NULL)
    cs_push_task(L, lock->owner);
  else
    lua_pushnil(L);
  return 1;
}

static int lock_tostring(lua_State *L) {
  const cs_lock *lock = check_lock(L);
  if (lock->owner != NULL)
    lua_pushfstring(L, "cosched.Lock: %s (held by task %I)", lock->name,
                    (LUAI_UACINT)lock->owner->tid);
  else
    lua_pushfstring(L, "cosched.Lock: %s (%s)", lock->name,
                    lock->broken_by != 0 ? "broken" : "free");
  return 1;
}

/* }=== */

static const cs_syscall acquire = {.name = "acquire", .handler = sys_acquire};
static const cs_syscall try_acquire = {
    .name = "try_acquire", .handler = sys_try_acquire, .instant = true};
static const cs_syscall release = {
    .name = "release", .handler = sys_release, .instant = true};
/* For condition.lua alone: it waits also in a cancelled task, and may be called
 * while that cancellation unwinds. */
static const cs_syscall reacquire = {
    .name = "reacquire", .handler = sys_reacquire, .instant = true};

static void add(lua_State *L, const cs_syscall *row) {
  cs_push_direct(L, row);
  lua_setfield(L, -2, row->name);
}

static void push_methods(lua_State *L) {
  static const luaL_Reg looks[] = {{"owner", lock_owner}, {NULL, NULL}};
  lua_createtable(L, 0, 4);
  lua_pushvalue(L, lua_upvalueindex(1));
  luaL_setfuncs(L, looks, 1);
  add(L, &acquire);
  add(L, &try_acquire);
  add(L, &release);
  cs_name_methods(L, lua_gettop(L), "cosched.Lock");
}

static void open_lock(lua_State *L) {
  static const luaL_Reg fields[] = {{"__tostring", lock_tostring},
                                    {"__close", lock_close},
                                    {"__gc", lock_gc},
                                    {NULL, NULL}};
  static const luaL_Reg functions[] = {{"lock", new_lock}, {NULL, NULL}};
  cs_push_type(L, "cosched.Lock", fields);
  push_methods(L);
  lua_setfield(L, -2, "__index");
  lua_setiuservalue(L, lua_upvalueindex(1), CS_LOCK_META);
  cs_push_constructor(L, &acquire, 0);
  lua_setfield(L, 2, "acquire");
  lua_settop(L, 2);
  lua_pushvalue(L, 1);
  add(L, &reacquire);
  lua_pushvalue(L, lua_upvalueindex(1));
  luaL_setfuncs(L, functions, 1);
}

const cs_module cs_module_lock = {NULL, open_lock, NULL};
