/* tcp.c - listening, connecting, socket pairs. */
#include "address.h"
#include "clock.h"
#include "descriptor.h"
#include "keep.h"
#include "stream.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 511 };

/* A connected or listening TCP socket sends small messages at once; on Linux
 * and BSD, accepted sockets inherit that from their listener. */
static int open_tcp(int family) {
  int fd = cs_descriptor_tame(socket(family, SOCK_STREAM | CS_TAME, 0)),
      one = 1;
  if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

/* {=== listen === */

typedef struct listen_options {
  int backlog, reuseport;
} listen_options;

static listen_options check_listen_options(lua_State *L) {
  listen_options o = {BACKLOG, 0};
  if (lua_isnoneornil(L, 3)) return o;
  luaL_checktype(L, 3, LUA_TTABLE);
  if (lua_getfield(L, 3, "backlog") != LUA_TNIL) {
    lua_Integer backlog = luaL_checkinteger(L, -1);
    luaL_argcheck(L, backlog > 0 && backlog <= INT_MAX, 3,
                  "backlog must be a positive integer");
    o.backlog = (int)backlog;
  }
  lua_getfield(L, 3, "reuseport");
  o.reuseport = lua_toboolean(L, -1);
  lua_settop(L, 3);
  return o;
}

/* A descriptor, or an error code. */
static int open_listener(const cs_address *address, const listen_options *o) {
  int fd = open_tcp(address->any.sa_family), one = 1;
  if (fd < 0) return fd;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
#ifdef SO_REUSEPORT
  if (o->reuseport &&
      setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0)
    return cs_descriptor_fail(fd);
#endif
  if (bind(fd, &address->any, cs_address_size(address)) != 0 ||
      listen(fd, o->backlog) != 0)
    return cs_descriptor_fail(fd);
  return fd;
}

/* listen(address, port[, {backlog=, reuseport=}]): a listener on a numeric
 * address; nil, message, code */
static int sys_listen(lua_State *L, cs_task *self) {
  cs_runtime *rt = cs_runtime_of(L);
  cs_address address;
  const char *host = cs_check_host(L, 1);
  int port = cs_check_port(L, 2);
  listen_options o = check_listen_options(L);
  (void)self;
  if (!rt->open) return luaL_error(L, "the runtime is closed");
  if (cs_address_parse(&address, host, port) != 0)
    return cs_fail(L, CS_EADDRESS);
  cs_stream *listener = cs_stream_new(L, CS_LISTENER_META);
  int fd = open_listener(&address, &o);
  int status = fd < 0 ? fd : cs_stream_adopt(listener, rt, fd);
  return status == 0 ? 1 : cs_fail(L, status);
}

/* }=== */

/* {=== connect === */

static int connect_finish(lua_State *L, cs_task *self);

/* The stream is nobody's yet: whoever gives up closes it. */
static void connect_cancel(cs_task *self) {
  cs_stream *stream = CS_OWNER(self->wait.on, cs_stream, poll);
  cs_poll_cancel(self);
  cs_stream_close(stream);
}

static const cs_wait_ops connect_ops = {.name = "a connection",
                                        .finish = connect_finish,
                                        .cancel = connect_cancel,
                                        .outside = true};

/* What became of the attempt; the stream is on top of the stack. */
static int connected(lua_State *L, cs_stream *stream) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(stream->poll.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
    error = errno;
  if (error == 0) return 1;
  cs_stream_close(stream);
  return cs_fail(L, -error);
}

static int connect_finish(lua_State *L, cs_task *self) {
  cs_stream *stream = CS_OWNER(self->wait.on, cs_stream, poll);
  cs_poll_collect(self, &stream->poll);
  cs_take_held(L, self);
  return connected(L, stream);
}

static int start_connect(int fd, const cs_address *to, const cs_address *from) {
  if (from != NULL && bind(fd, &from->any, cs_address_size(from)) != 0)
    return -errno;
  if (connect(fd, &to->any, cs_address_size(to)) == 0) return 0;
  return errno == EINTR ? -EINPROGRESS : -errno; /* the attempt goes on */
}

/* Parks until the attempt has ended; the stream is on top of the stack. */
static int await_connect(lua_State *L, cs_task *self, cs_stream *stream,
                         uint64_t deadline) {
  cs_hold(L, self);
  int status =
      cs_poll_park(self, &stream->poll, CS_WRITE, &connect_ops, deadline);
  if (status == CS_PARKED) return CS_PARKED;
  cs_take_held(L, self);
  cs_stream_close(stream);
  return cs_fail(L, status);
}

/* connect(address, port[, local address[, seconds]]): a connected socket;
 * nil, message, code. Both addresses are numeric. */
static int sys_connect(lua_State *L, cs_task *self) {
  cs_address to, from;
  const char *host = cs_check_host(L, 1);
  int port = cs_check_port(L, 2);
  bool bound = !lua_isnoneornil(L, 3);
  uint64_t delay = lua_isnoneornil(L, 4) ? CS_NEVER : cs_check_delay(L, 4);
  if (cs_address_parse(&to, host, port) != 0 ||
      (bound && cs_address_parse(&from, cs_check_host(L, 3), 0) != 0))
    return cs_fail(L, CS_EADDRESS);
  cs_stream *stream = cs_stream_new(L, CS_STREAM_META);
  int fd = open_tcp(to.any.sa_family);
  int status = fd < 0 ? fd : cs_stream_adopt(stream, self->rt, fd);
  if (status != 0) return cs_fail(L, status);
  status = start_connect(fd, &to, bound ? &from : NULL);
  if (status == 0) return 1;
  if (status == -EINPROGRESS)
    return await_connect(L, self, stream, cs_deadline_after(self->rt, delay));
  cs_stream_close(stream);
  return cs_fail(L, status);
}

/* }=== */

/* socketpair(): two connected sockets; nil, message, code */
static int sys_socketpair(lua_State *L, cs_task *self) {
  cs_runtime *rt = cs_runtime_of(L);
  (void)self;
  if (!rt->open) return luaL_error(L, "the runtime is closed");
  cs_stream *a = cs_stream_new(L, CS_STREAM_META);
  cs_stream *b = cs_stream_new(L, CS_STREAM_META);
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | CS_TAME, 0, fds) != 0)
    return cs_fail(L, -errno);
  int status = cs_descriptor_tame(fds[0]);
  if (status >= 0) status = cs_stream_adopt(a, rt, fds[0]);
  if (status < 0) close(fds[1]);
  if (status == 0) status = cs_descriptor_tame(fds[1]);
  if (status >= 0) status = cs_stream_adopt(b, rt, fds[1]);
  if (status == 0) return 2;
  cs_stream_close(a);
  return cs_fail(L, status);
}

static const cs_syscall syscalls[] = {
    {.name = "listen", .handler = sys_listen, .instant = true},
    {.name = "connect", .handler = sys_connect},
    {.name = "socketpair", .handler = sys_socketpair, .instant = true},
    {.name = NULL},
};

const cs_module cs_module_tcp = {syscalls, NULL, NULL};
