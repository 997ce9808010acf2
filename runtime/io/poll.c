/* poll.c - the table of polls, and the calls that wait for any descriptor. */
#include "poll.h"

#include "io.h"
#include "module.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

static cs_polls *polls_of(const cs_runtime *rt) { return &rt->io->polls; }

/* {=== the table === */

static int grow_table(cs_runtime *rt, cs_polls *polls, int fd) {
  if (fd < polls->capacity) return 0;
  int capacity = polls->capacity > 0 ? polls->capacity : 32;
  while (capacity <= fd) capacity *= 2;
  size_t old_size = (size_t)polls->capacity * sizeof(cs_poll *);
  size_t size = (size_t)capacity * sizeof(cs_poll *);
  cs_poll **table = cs_realloc(rt, polls->by_fd, old_size, size);
  if (table == NULL) return UV_ENOMEM;
  memset(table + polls->capacity, 0, size - old_size);
  polls->by_fd = table;
  polls->capacity = capacity;
  return 0;
}

static cs_poll *find_poll(const cs_polls *polls, int fd) {
  return fd >= 0 && fd < polls->capacity ? polls->by_fd[fd] : NULL;
}

int cs_poll_open(cs_poll *poll, cs_runtime *rt, int fd) {
  cs_polls *polls = polls_of(rt);
  int status = grow_table(rt, polls, fd);
  if (status != 0) return status;
  /* the kernel gave this number anew, so whoever had it has closed it */
  if (polls->by_fd[fd] != NULL) cs_poll_close(polls->by_fd[fd], CS_ECLOSED);
  *poll = (cs_poll){.rt = rt, .fd = fd};
  polls->by_fd[fd] = poll;
  return 0;
}

void cs_poll_close(cs_poll *poll, int status) {
  cs_task *reader = poll->waiter[CS_READ], *writer = poll->waiter[CS_WRITE];
  cs_backend_forget(poll);
  polls_of(poll->rt)->by_fd[poll->fd] = NULL;
  poll->fd = -1;
  /* the last waiter of a foreign descriptor frees the poll */
  if (reader != NULL) cs_revoke(reader, status);
  if (writer != NULL) cs_revoke(writer, status);
}

/* }=== */

/* {=== waiting === */

int cs_poll_park(cs_task *self, cs_poll *poll, cs_direction direction,
                 const cs_wait_ops *ops, uint64_t deadline) {
  int status = 0;
  /* asking again about a foreign descriptor makes the kernel report it again */
  if (poll->foreign || (poll->watched >> direction & 1) == 0)
    status = cs_backend_watch(poll, 1 << direction | 1 << CS_READ);
  if (status != 0 && status != UV_EPERM) return status;
  if (deadline != CS_NEVER && cs_timers_reserve(&self->rt->timers) != 0)
    return UV_ENOMEM;
  poll->waiter[direction] = self;
  cs_park_until(self, ops, poll, deadline);
  if (status == UV_EPERM) cs_poll_event(poll, 1 << direction, false);
  return CS_PARKED;
}

static void release(cs_task *self, cs_poll *poll) {
  for (int i = CS_READ; i <= CS_WRITE; i++)
    if (poll->waiter[i] == self) poll->waiter[i] = NULL;
}

void cs_poll_collect(cs_task *self, cs_poll *poll) { release(self, poll); }

void cs_poll_cancel(cs_task *self) { release(self, self->wait.on); }

void cs_poll_event(cs_poll *poll, int ready, bool try_again) {
  poll->ready |= (uint8_t)ready;
  if (try_again) poll->try_again = true;
  for (int i = CS_READ; i <= CS_WRITE; i++) {
    cs_task *task = poll->waiter[i];
    if ((ready >> i & 1) != 0 && task != NULL &&
        task->state == CS_TASK_PARKED && task->wait.ops->outside)
      cs_wake(task); /* not an acceptor that backs off */
  }
}

/* }=== */

/* {=== any descriptor: read_wait, write_wait === */

/* A descriptor of a socket has a poll already. Any other gets one for as long
 * as somebody waits for it. */
static cs_poll *foreign_poll(cs_runtime *rt, int fd, int *status) {
  cs_poll *poll = find_poll(polls_of(rt), fd);
  if (poll != NULL) return poll;
  poll = cs_alloc(rt, sizeof *poll);
  *status = poll != NULL ? cs_poll_open(poll, rt, fd) : UV_ENOMEM;
  if (*status == 0) {
    poll->foreign = true;
    return poll;
  }
  cs_free(rt, poll, sizeof *poll);
  return NULL;
}

static void drop_if_unused(cs_poll *poll) {
  if (!poll->foreign || poll->waiter[CS_READ] != NULL ||
      poll->waiter[CS_WRITE] != NULL)
    return;
  if (poll->fd >= 0) cs_poll_close(poll, 0);
  cs_free(poll->rt, poll, sizeof *poll);
}

static int foreign_finish(lua_State *L, cs_task *self) {
  cs_poll *poll = self->wait.on;
  release(self, poll);
  drop_if_unused(poll);
  lua_pushboolean(L, 1);
  return 1;
}

static void foreign_cancel(cs_task *self) {
  cs_poll *poll = self->wait.on;
  release(self, poll);
  drop_if_unused(poll);
}

static const cs_wait_ops foreign_ops = {.name = "a descriptor",
                                        .finish = foreign_finish,
                                        .cancel = foreign_cancel,
                                        .outside = true};

/* The descriptor of a number, or of an object that has a method fd. */
static int check_descriptor(lua_State *L) {
  lua_settop(L, 1);
  if (!lua_isnumber(L, 1) && luaL_getmetafield(L, 1, "__index") != LUA_TNIL &&
      lua_getfield(L, 1, "fd") == LUA_TFUNCTION) {
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    if (lua_isnil(L, -1)) return -1;
    lua_replace(L, 1);
  }
  lua_settop(L, 1);
  lua_Integer fd = luaL_checkinteger(L, 1);
  luaL_argcheck(L, fd >= 0 && fd < 1 << 24, 1, "not a descriptor");
  return (int)fd;
}

/* What is remembered of a socket's state is only worth a try: asks the kernel.
 */
static bool is_ready_now(cs_poll *known, cs_direction direction) {
  short wanted = direction == CS_READ ? POLLIN : POLLOUT;
  struct pollfd query = {.fd = known->fd, .events = wanted};
  if (direction == CS_READ && known->read_ahead) return true;
  bool ready = poll(&query, 1, 0) > 0;
  if (!ready) cs_poll_blocked(known, direction);
  return ready;
}

static int wait_for(lua_State *L, cs_task *self, cs_direction direction) {
  int status = 0, fd = check_descriptor(L);
  if (fd < 0) return cs_fail(L, CS_ECLOSED);
  if (fcntl(fd, F_GETFD) < 0) return cs_fail(L, -errno);
  cs_poll *poll = foreign_poll(self->rt, fd, &status);
  if (poll == NULL) return cs_fail(L, status);
  if (poll->waiter[direction] != NULL) return cs_fail(L, UV_EBUSY);
  if (!poll->foreign && is_ready_now(poll, direction)) {
    lua_pushboolean(L, 1);
    return 1;
  }
  status = cs_poll_park(self, poll, direction, &foreign_ops, CS_NEVER);
  if (status == CS_PARKED) return CS_PARKED;
  drop_if_unused(poll);
  return cs_fail(L, status);
}

/* read_wait(fd or socket): true, once it can be read */
static int sys_read_wait(lua_State *L, cs_task *self) {
  return wait_for(L, self, CS_READ);
}

/* write_wait(fd or socket): true, once it can be written */
static int sys_write_wait(lua_State *L, cs_task *self) {
  return wait_for(L, self, CS_WRITE);
}

/* }=== */

static void open_poll(lua_State *L) {
  cs_runtime *rt = cs_runtime_of(L);
  cs_io *io = cs_alloc(rt, sizeof *io);
  if (io == NULL) luaL_error(L, "not enough memory");
  *io = (cs_io){.polls = {.backend = -1}};
  rt->io = io;
  io->scratch = cs_alloc(rt, CS_SCRATCH);
  if (io->scratch == NULL) luaL_error(L, "not enough memory");
  int status = cs_backend_open(rt, &io->polls);
  if (status != 0)
    luaL_error(L, "cannot open the poller: %s", uv_strerror(status));
}

static void close_poll(cs_runtime *rt) {
  cs_io *io = rt->io;
  if (io == NULL) return;
  for (int fd = 0; fd < io->polls.capacity; fd++)
    if (io->polls.by_fd[fd] != NULL)
      cs_poll_close(io->polls.by_fd[fd], CS_ECLOSED);
  cs_backend_close(rt, &io->polls);
  cs_free(rt, io->polls.by_fd, (size_t)io->polls.capacity * sizeof(cs_poll *));
  cs_free(rt, io->scratch, CS_SCRATCH);
  cs_free(rt, io, sizeof *io);
  rt->io = NULL;
}

static const cs_syscall syscalls[] = {
    {.name = "read_wait", .handler = sys_read_wait},
    {.name = "write_wait", .handler = sys_write_wait},
    {.name = NULL},
};

const cs_module cs_module_poll = {syscalls, open_poll, close_poll};
