/* sys_waitlist.c - cosched.waitlist([name]): where tasks wait for one another,
 * to build other things with.
 *
 * A task that is woken has been given something: its turn, or a permit. Until
 * it collects, it may be killed; then what it was given goes to the next. */
#include "lock.h"
#include "module.h"

/* How a waiter was woken (its wait.progress), which says what is to become of
 * it if the waiter never collects. */
enum {
  BY_WAKE = 1, /* another one's turn, if there is another */
  BY_GIVE,     /* a permit, which is kept if nobody waits */
  BY_ALL,      /* all others had theirs */
};

typedef struct wait_list {
  cs_ring waiters;     /* by wait.link; their wait.on is the list */
  lua_Integer waiting; /* how many */
  lua_Integer permits; /* kept for those who come; then nobody waits */
  lua_Integer woken;   /* waiters that have not collected yet */
  bool open;           /* nobody waits, whether there are permits or not */
  const char *name;    /* a string that the userdata keeps */
} wait_list;

static wait_list *check_list(lua_State *L) {
  return cs_check_type(L, 1, CS_WAIT_LIST_META, "cosched.WaitList");
}

/* {=== waking === */

static cs_task *first_waiter(const wait_list *list) {
  return CS_OWNER(list->waiters->next, cs_task, wait.link);
}

static void wake_first(wait_list *list, size_t how) {
  cs_task *first = first_waiter(list);
  cs_ring_take(&list->waiters);
  list->waiting--;
  list->woken++;
  first->wait.progress = how;
  cs_wake(first);
}

/* Wakes up to n; returns how many. */
static lua_Integer wake(wait_list *list, lua_Integer n, size_t how) {
  lua_Integer count = n < list->waiting ? n : list->waiting;
  for (lua_Integer i = 0; i < count; i++) wake_first(list, how);
  return count;
}

static lua_Integer check_count(lua_State *L) {
  lua_Integer n = luaL_optinteger(L, 2, 1);
  luaL_argcheck(L, n >= 0, 2, "must not be negative");
  return n;
}

/* list:wake([n=1]): wakes the n that wait longest; returns how many did */
static int list_wake(lua_State *L) {
  wait_list *list = check_list(L);
  lua_pushinteger(L, wake(list, check_count(L), BY_WAKE));
  return 1;
}

/* list:wake_all(): wakes all that wait now; returns how many did */
static int list_wake_all(lua_State *L) {
  wait_list *list = check_list(L);
  lua_pushinteger(L, wake(list, list->waiting, BY_ALL));
  return 1;
}

/* list:open(): wakes all; until list:shut(), nobody waits */
static int list_open(lua_State *L) {
  wait_list *list = check_list(L);
  wake(list, list->waiting, BY_ALL);
  list->open = true;
  return 0;
}

/* list:shut() */
static int list_shut(lua_State *L) {
  check_list(L)->open = false;
  return 0;
}

/* list:is_open() */
static int list_is_open(lua_State *L) {
  lua_pushboolean(L, check_list(L)->open);
  return 1;
}

/* list:give([n=1]): the same as wake, but what finds nobody is kept */
static int list_give(lua_State *L) {
  wait_list *list = check_list(L);
  lua_Integer n = check_count(L);
  luaL_argcheck(L, n <= LUA_MAXINTEGER - list->permits - list->woken, 2,
                "too many permits");
  lua_Integer woken = wake(list, n, BY_GIVE);
  list->permits += n - woken;
  lua_pushinteger(L, woken);
  return 1;
}

/* }=== */

/* {=== waiting === */

static int wait_finish(lua_State *L, cs_task *self) {
  ((wait_list *)self->wait.on)->woken--;
  lua_pushboolean(L, 1);
  return 1;
}

static void wait_cancel(cs_task *self) {
  wait_list *list = self->wait.on;
  if (self->state == CS_TASK_PARKED) {
    cs_ring_remove(&list->waiters, &self->wait.link);
    list->waiting--;
    return;
  }
  list->woken--;
  if (self->wait.progress == BY_ALL) return;
  bool passed = wake(list, 1, self->wait.progress) == 1;
  if (!passed && self->wait.progress == BY_GIVE) list->permits++;
}

static void wait_describe(lua_State *L, const cs_task *task) {
  lua_pushstring(L, ((const wait_list *)task->wait.on)->name);
}

static const cs_wait_ops wait_ops = {.name = "a waiting list",
                                     .finish = wait_finish,
                                     .cancel = wait_cancel,
                                     .describe = wait_describe};

/* A permit is there. */
static int take_permit(lua_State *L, cs_task *self, wait_list *list) {
  list->permits--;
  if (cs_in_loop(L)) {
    list->woken++;
    self->wait.progress = BY_GIVE;
    return cs_requeue_taken(self, &wait_ops, list);
  }
  lua_pushboolean(L, 1);
  return 1;
}

/* The lock at 2, which the caller owns; NULL: none is given. */
static cs_lock *check_own_lock(lua_State *L, const cs_task *self) {
  if (lua_isnoneornil(L, 2)) return NULL;
  cs_lock *lock = cs_check_type(L, 2, CS_LOCK_META, "cosched.Lock");
  luaL_argcheck(L, lock->owner == self, 2, "must be held by the caller");
  return lock;
}

/* list:wait([lock]): true, once it was woken or has a permit; the lock is
 * released at the moment when the task waits */
static int sys_wait(lua_State *L, cs_task *self) {
  wait_list *list = check_list(L);
  cs_lock *lock = check_own_lock(L, self);
  if (list->permits > 0) return take_permit(L, self, list);
  if (list->open) {
    lua_pushboolean(L, 1);
    return 1;
  }
  cs_park(self, &wait_ops, list);
  cs_ring_append(&list->waiters, &self->wait.link);
  list->waiting++;
  if (lock != NULL) cs_lock_hand_on(lock);
  return CS_PARKED;
}

/* list:try([n=1]): takes n permits at once; false if there are not as many */
static int list_try(lua_State *L) {
  wait_list *list = check_list(L);
  lua_Integer n = check_count(L);
  bool can = n <= list->permits;
  if (can) list->permits -= n;
  lua_pushboolean(L, can);
  return 1;
}

/* }=== */

/* {=== the userdata === */

/* waitlist([name]): a new list; the name says what is waited for, in reports */
static int new_list(lua_State *L) {
  const char *name = luaL_optstring(L, 1, wait_ops.name);
  lua_settop(L, 1);
  wait_list *list = lua_newuserdatauv(L, sizeof *list, 1);
  *list = (wait_list){.name = name};
  lua_insert(L, 1);
  lua_setiuservalue(L, 1, 1);
  cs_push_anchor(L, CS_WAIT_LIST_META);
  lua_setmetatable(L, 1);
  return 1;
}

/* list:count(): permits */
static int list_count(lua_State *L) {
  lua_pushinteger(L, check_list(L)->permits);
  return 1;
}

/* list:waiting(): tasks that wait */
static int list_waiting(lua_State *L) {
  lua_pushinteger(L, check_list(L)->waiting);
  return 1;
}

static int list_tostring(lua_State *L) {
  const wait_list *list = check_list(L);
  lua_pushfstring(L, "cosched.WaitList: %s (%I waiting)", list->name,
                  (LUAI_UACINT)list->waiting);
  return 1;
}

/* Whoever still has to do with it is a task whose stack a stranger has closed;
 * one that was woken is in the ready queue. */
static int list_gc(lua_State *L) {
  wait_list *list = check_list(L);
  cs_runtime *rt = cs_runtime_of(L);
  while (list->waiters != NULL) cs_revoke(first_waiter(list), CS_ECLOSED);
  for (cs_link *l = rt->ready.next; list->woken > 0 && l != &rt->ready;
       l = l->next) {
    cs_task *task = CS_OWNER(l, cs_task, wait.link);
    if (task->uncollected && task->wait.on == list) cs_revoke(task, CS_ECLOSED);
  }
  return 0;
}

/* }=== */

static const cs_syscall wait_row = {.name = "wait", .handler = sys_wait};
/* As an object: sys.wait is that of tasks. */
static const cs_syscall wait_on_row = {.name = "wait_on", .handler = sys_wait};

static const luaL_Reg methods[] = {
    {"wake", list_wake}, {"wake_all", list_wake_all}, {"open", list_open},
    {"shut", list_shut}, {"is_open", list_is_open},   {"give", list_give},
    {"try", list_try},   {"count", list_count},       {"waiting", list_waiting},
    {NULL, NULL},
};

static void open_waitlist(lua_State *L) {
  static const luaL_Reg fields[] = {
      {"__tostring", list_tostring}, {"__gc", list_gc}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"waitlist", new_list}, {NULL, NULL}};
  cs_push_type(L, "cosched.WaitList", fields);
  lua_newtable(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  luaL_setfuncs(L, methods, 1);
  cs_push_direct(L, &wait_row);
  lua_setfield(L, -2, wait_row.name);
  cs_name_methods(L, lua_gettop(L), "cosched.WaitList");
  lua_setfield(L, -2, "__index");
  lua_setiuservalue(L, lua_upvalueindex(1), CS_WAIT_LIST_META);
  cs_push_constructor(L, &wait_on_row, 0);
  lua_setfield(L, 2, wait_on_row.name);
  lua_settop(L, 2);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  luaL_setfuncs(L, functions, 1);
}

const cs_module cs_module_waitlist = {NULL, open_waitlist, NULL};
