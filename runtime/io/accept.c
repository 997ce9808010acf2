/* accept.c - listeners, and taking connections from them. */
#include "clock.h"
#include "descriptor.h"
#include "stream.h"

#include <errno.h>
#include <sys/socket.h>

enum { BACK_OFF = 100000000 /* ns */ };

static int accept_finish(lua_State *L, cs_task *self);

static const cs_wait_ops accept_ops = {.name = "a connection",
                                       .finish = accept_finish,
                                       .cancel = cs_poll_cancel,
                                       .outside = true};
static const cs_wait_ops back_off_ops = {.name = "free descriptors",
                                         .finish = accept_finish,
                                         .cancel = cs_poll_cancel,
                                         .timer_wakes = true};

/* The connection was given up, or broke, while it waited in the backlog: not an
 * error of the listener. Linux reports those of the network, too. */
static bool is_of_the_connection(int error) {
  switch (error) {
  case EINTR:
  case ECONNABORTED:
  case EPROTO:
  case EPERM:
  case ENOPROTOOPT:
  case EOPNOTSUPP:
  case ENETDOWN:
  case ENETUNREACH:
  case EHOSTDOWN:
  case EHOSTUNREACH:
#ifdef ENONET
  case ENONET:
#endif
    return true;
  default:
    return false;
  }
}

/* A descriptor, UV_EAGAIN, or an error. */
static int accept_one(int listener) {
  for (;;) {
#ifdef __linux__
    int fd = accept4(listener, NULL, NULL, CS_TAME);
#else
    int fd = accept(listener, NULL, NULL);
#endif
    if (fd >= 0) return cs_descriptor_tame(fd);
    if (errno == EWOULDBLOCK) return UV_EAGAIN;
    if (!is_of_the_connection(errno)) return -errno;
  }
}

/* Out of descriptors or memory: the connection stays in the backlog, and a try
 * at once would fail again. */
static bool is_exhausted(int status) {
  return status == UV_EMFILE || status == UV_ENFILE || status == UV_ENOBUFS ||
         status == UV_ENOMEM;
}

static int back_off(cs_task *self, cs_stream *listener) {
  uint64_t again = cs_now(self->rt) + BACK_OFF;
  if (cs_stream_deadline(listener, CS_READ) <= again)
    return cs_stream_wait(self, listener, CS_READ, &accept_ops);
  if (cs_timers_reserve(&self->rt->timers) != 0) return UV_ENOMEM;
  listener->poll.waiter[CS_READ] = self; /* so that close wakes it */
  return cs_park_until(self, &back_off_ops, &listener->poll, again);
}

static int try_accept(lua_State *L, cs_task *self, cs_stream *listener) {
  int fd = UV_EAGAIN;
  if (cs_poll_ready(&listener->poll, CS_READ) ||
      cs_stream_is_hasty(listener, CS_READ)) {
    cs_stream *stream = cs_stream_new(L, CS_STREAM_META);
    if (listener->poll.fd < 0) return cs_fail(L, CS_ECLOSED); /* just now */
    fd = accept_one(listener->poll.fd);
    if (fd >= 0) {
      int status = cs_stream_adopt(stream, self->rt, fd);
      return status == 0 ? 1 : cs_fail(L, status);
    }
    lua_pop(L, 1);
  }
  int status = fd;
  if (fd == UV_EAGAIN) {
    cs_poll_blocked(&listener->poll, CS_READ);
    status = cs_stream_wait(self, listener, CS_READ, &accept_ops);
  } else if (is_exhausted(fd)) {
    status = back_off(self, listener);
  }
  return status == CS_PARKED ? CS_PARKED : cs_fail(L, status);
}

static int accept_finish(lua_State *L, cs_task *self) {
  cs_stream *listener = lua_touserdata(L, 1);
  cs_poll_collect(self, &listener->poll);
  if (listener->poll.fd < 0) return cs_fail(L, CS_ECLOSED);
  return try_accept(L, self, listener);
}

/* server:accept(): the socket of the next client; nil, message, code */
static int sys_accept(lua_State *L, cs_task *self) {
  cs_stream *listener = cs_check_listener(L);
  lua_settop(L, 1);
  int status = cs_stream_begin(listener, CS_READ);
  if (status != 0) return cs_fail(L, status);
  return try_accept(L, self, listener);
}

static const cs_syscall listener_rows[] = {
    {.name = "accept", .handler = sys_accept, .kept = true},
    {.name = NULL},
};

static void open_accept(lua_State *L) {
  cs_stream_type(L, CS_LISTENER_META, "Listener", listener_rows, NULL);
}

const cs_module cs_module_accept = {NULL, open_accept, NULL};
