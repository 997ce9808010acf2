/* stream_write.c - send, write, shutdown.
 *
 * The system call comes first; only what the kernel does not take makes the
 * task wait. The string stays where it is, on the task's stack. A call that
 * ends after some of its bytes have left poisons the stream: what a later one
 * sent would be garbage to the peer. */
#include "stream.h"

#include <errno.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* then SO_NOSIGPIPE is set on the socket */
#endif

static void send_cancel(cs_task *self) {
  cs_stream *stream = CS_OWNER(self->wait.on, cs_stream, poll);
  if (self->wait.progress > 0) stream->poisoned = true;
  cs_poll_cancel(self);
}

/* Sends from data + *progress on. 0 when all is sent, UV_EAGAIN, or an error.
 */
static int send_some(cs_stream *stream, const char *data, size_t size,
                     size_t *progress) {
  if (stream->poll.fd < 0) return CS_ECLOSED; /* by a finalizer, just now */
  while (*progress < size) {
    ssize_t n =
        send(stream->poll.fd, data + *progress, size - *progress, MSG_NOSIGNAL);
    if (n >= 0) {
      *progress += (size_t)n;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      cs_poll_blocked(&stream->poll, CS_WRITE);
      return UV_EAGAIN;
    } else if (errno != EINTR) {
      return -errno;
    }
  }
  return 0;
}

/* 0: all is sent; CS_PARKED; or an error code. */
static int try_send(cs_task *self, cs_stream *stream, const char *data,
                    size_t size, const cs_wait_ops *ops) {
  int status = send_some(stream, data, size, &self->wait.progress);
  if (status != UV_EAGAIN) return status;
  status = cs_stream_wait(self, stream, CS_WRITE, ops);
  if (status != CS_PARKED && self->wait.progress > 0) stream->poisoned = true;
  return status;
}

/* Whether a send may begin: 0 or an error code. */
static int begin_send(cs_task *self, cs_stream *stream) {
  int status = cs_stream_begin(stream, CS_WRITE);
  self->wait.progress = 0;
  return status == 0 && stream->poisoned ? CS_EPOISONED : status;
}

/* {=== send === */

static int send_finish(lua_State *L, cs_task *self);

static const cs_wait_ops send_ops = {.name = "room in a socket",
                                     .finish = send_finish,
                                     .cancel = send_cancel,
                                     .outside = true};

/* The part of the string at 2 that i and j, at 3 and 4, name as in string.sub.
 */
static const char *check_range(lua_State *L, size_t *size) {
  size_t length;
  const char *data = luaL_checklstring(L, 2, &length);
  *size = length;
  if (lua_isnoneornil(L, 3) && lua_isnoneornil(L, 4)) return data;
  lua_Integer i = luaL_optinteger(L, 3, 1), n = (lua_Integer)length;
  lua_Integer j = luaL_optinteger(L, 4, -1);
  if (i < 0) i = i < -n ? 1 : n + i + 1;
  if (i == 0) i = 1;
  if (j < 0) j = j < -n ? 0 : n + j + 1;
  if (j > n) j = n;
  *size = i <= j ? (size_t)(j - i + 1) : 0;
  return *size > 0 ? data + i - 1 : data;
}

static int do_send(lua_State *L, cs_task *self, cs_stream *stream) {
  size_t size;
  const char *data = check_range(L, &size);
  int status = try_send(self, stream, data, size, &send_ops);
  if (status == CS_PARKED) return CS_PARKED;
  if (status != 0) return cs_fail(L, status);
  lua_pushinteger(L, (lua_Integer)size);
  return 1;
}

static int send_finish(lua_State *L, cs_task *self) {
  cs_stream *stream = lua_touserdata(L, 1);
  cs_poll_collect(self, &stream->poll);
  return do_send(L, self, stream);
}

/* s:send(data[, i[, j]]): the count of bytes, once the kernel has all of them
 */
static int stream_send(lua_State *L, cs_task *self) {
  cs_stream *stream = cs_check_stream(L);
  luaL_checktype(L, 2, LUA_TSTRING);
  int status = begin_send(self, stream);
  if (status != 0) return cs_fail(L, status);
  return do_send(L, self, stream);
}

/* }=== */

/* {=== write === */

static int write_finish(lua_State *L, cs_task *self);

static const cs_wait_ops write_ops = {.name = "room in a socket",
                                      .finish = write_finish,
                                      .cancel = send_cancel,
                                      .outside = true};

/* The arguments as one string, at 2. */
static const char *join_arguments(lua_State *L, size_t *size) {
  lua_concat(L, lua_gettop(L) - 1);
  return lua_tolstring(L, 2, size);
}

static int do_write(lua_State *L, cs_task *self, cs_stream *stream) {
  size_t size;
  const char *data = join_arguments(L, &size);
  int status = try_send(self, stream, data, size, &write_ops);
  if (status == CS_PARKED) return CS_PARKED;
  if (status != 0) return cs_fail(L, status);
  lua_pushvalue(L, 1);
  return 1;
}

static int write_finish(lua_State *L, cs_task *self) {
  cs_stream *stream = lua_touserdata(L, 1);
  cs_poll_collect(self, &stream->poll);
  return do_write(L, self, stream);
}

/* s:write(...): the socket, once the kernel has all strings and numbers */
static int stream_write(lua_State *L, cs_task *self) {
  cs_stream *stream = cs_check_stream(L);
  for (int i = 2; i <= lua_gettop(L); i++) luaL_checkstring(L, i);
  int status = begin_send(self, stream);
  if (status != 0) return cs_fail(L, status);
  return do_write(L, self, stream);
}

/* }=== */

/* s:shutdown([how]): the socket; "write" (the default) tells the peer that no
 * more will come, "read", "both" */
static int stream_shutdown(lua_State *L, cs_task *self) {
  static const char *const names[] = {"write", "read", "both", NULL};
  static const int hows[] = {SHUT_WR, SHUT_RD, SHUT_RDWR};
  cs_stream *stream = cs_check_stream(L);
  int how = hows[luaL_checkoption(L, 2, "write", names)];
  (void)self;
  if (stream->poll.fd < 0) return cs_fail(L, CS_ECLOSED);
  if (shutdown(stream->poll.fd, how) != 0) return cs_fail(L, -errno);
  lua_pushvalue(L, 1);
  return 1;
}

const cs_syscall cs_stream_writes[] = {
    {.name = "send", .handler = stream_send},
    {.name = "write", .handler = stream_write},
    {.name = "shutdown", .handler = stream_shutdown},
    {.name = NULL},
};
