/* stream_read.c - recv, read, read_until.
 *
 * A read looks for what it wants in the buffer, from the start each time, and
 * takes it out only when all of it is there: interrupted, it has taken nothing.
 * recv is the short way: bytes as they come, past the buffer. */
#include "match.h"

#include <errno.h>

/* {=== the kernel === */

/* Reads once from the kernel: bytes, 0 at the end of the data, UV_EAGAIN when
 * the task must wait, or an error. */
static ssize_t receive(cs_stream *stream, char *to, size_t size) {
  ssize_t n;
  do n = recv(stream->poll.fd, to, size, 0);
  while (n < 0 && errno == EINTR);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    cs_poll_blocked(&stream->poll, CS_READ);
    return UV_EAGAIN;
  }
  if (n < 0) return -errno;
  if (n > 0 && (size_t)n < size) cs_poll_drained(&stream->poll);
  return n;
}

/* A try in vain is a wasted system call: only when the descriptor is known to
 * be readable, or there will be no second one. */
static bool worth_a_try(const cs_stream *stream) {
  return cs_poll_ready(&stream->poll, CS_READ) ||
         cs_stream_is_hasty(stream, CS_READ);
}

static ssize_t fill(cs_stream *stream) {
  if (!worth_a_try(stream)) return UV_EAGAIN;
  int status = cs_buffer_reserve(stream->poll.rt, &stream->buffer);
  if (status != 0) return status;
  cs_buffer *buffer = stream->buffer;
  ssize_t n = receive(stream, buffer->data + buffer->end,
                      buffer->capacity - buffer->end);
  if (n > 0) buffer->end += (size_t)n;
  stream->poll.read_ahead = cs_buffer_count(buffer) > 0;
  return n;
}

/* A stream that waits with an empty buffer needs none. */
static int wait_for_data(cs_task *self, cs_stream *stream,
                         const cs_wait_ops *ops) {
  if (cs_buffer_count(stream->buffer) == 0)
    cs_buffer_free(stream->poll.rt, &stream->buffer);
  return cs_stream_wait(self, stream, CS_READ, ops);
}

static void consume(cs_stream *stream, size_t count) {
  cs_buffer_consume(stream->buffer, count);
  stream->poll.read_ahead = cs_buffer_count(stream->buffer) > 0;
}

/* }=== */

/* {=== recv === */

static int recv_finish(lua_State *L, cs_task *self);

static const cs_wait_ops recv_ops = {.name = "data on a socket",
                                     .finish = recv_finish,
                                     .cancel = cs_poll_cancel,
                                     .outside = true};

static size_t check_size(lua_State *L) {
  if (lua_isnoneornil(L, 2)) return CS_SCRATCH;
  lua_Integer max = luaL_checkinteger(L, 2);
  luaL_argcheck(L, max > 0, 2, "at least one byte must be asked for");
  return max < CS_SCRATCH ? (size_t)max : CS_SCRATCH;
}

static int try_recv(lua_State *L, cs_task *self, cs_stream *stream,
                    size_t max) {
  ssize_t n = UV_EAGAIN;
  char *scratch = self->rt->io->scratch;
  if (worth_a_try(stream)) n = receive(stream, scratch, max);
  if (n > 0) {
    lua_pushlstring(L, scratch, (size_t)n);
    return 1;
  }
  if (n == UV_EAGAIN) n = wait_for_data(self, stream, &recv_ops);
  if (n == CS_PARKED) return CS_PARKED;
  return cs_fail(L, n == 0 ? UV_EOF : (int)n);
}

static int recv_finish(lua_State *L, cs_task *self) {
  cs_stream *stream = lua_touserdata(L, 1);
  cs_poll_collect(self, &stream->poll);
  return try_recv(L, self, stream, check_size(L));
}

/* s:recv([max]): what is there, at least a byte; nil, message, code */
static int stream_recv(lua_State *L, cs_task *self) {
  cs_stream *stream = cs_check_stream(L);
  size_t max = check_size(L), n = cs_buffer_count(stream->buffer);
  int status = cs_stream_begin(stream, CS_READ);
  if (status != 0) return cs_fail(L, status);
  if (n == 0) return try_recv(L, self, stream, max);
  if (n > max) n = max;
  lua_pushlstring(L, stream->buffer->data + stream->buffer->start, n);
  if (stream->buffer != NULL) consume(stream, n); /* a finalizer may close it */
  return 1;
}

/* }=== */

/* {=== read, read_until === */

/* One of the two calls: how it reads its arguments, and how it waits. */
typedef struct reader {
  cs_want (*get)(lua_State *L, const cs_stream *stream, int index);
  bool single; /* one want, whatever the count of arguments */
  const cs_wait_ops *ops;
} reader;

/* A search that was in vain need not look at the same bytes again, but for the
 * beginning of a delimiter. */
static void remember_scan(cs_buffer *buffer, const cs_want *w) {
  size_t overlap = w->delimiter_size > 0 ? w->delimiter_size - 1 : 0;
  size_t count = cs_buffer_count(buffer);
  if (buffer != NULL) buffer->scanned = count > overlap ? count - overlap : 0;
}

/* Looks for one want after the other. The first pass only looks, and is over at
 * UV_EAGAIN: a result that is pushed is copied. The second pushes and consumes,
 * and after the first want that has no result pushes nil, message, code. */
static int pass(lua_State *L, cs_stream *stream, const reader *r, int last,
                bool ended, bool push) {
  cs_buffer *buffer = stream->buffer;
  const char *data = buffer != NULL ? buffer->data + buffer->start : "";
  size_t count = cs_buffer_count(buffer), taken = 0;
  size_t scanned = buffer != NULL ? buffer->scanned : 0;
  int status = 0;
  for (int i = 2; i <= last && status == 0; i++, scanned = 0) {
    cs_want w = r->get(L, stream, i);
    cs_match m = cs_look_for(&w, data + taken, count - taken, scanned, ended);
    status = m.status;
    if (status == UV_EAGAIN && i == 2) remember_scan(buffer, &w);
    if (status == 0 && push) {
      lua_pushlstring(L, data + taken, m.size);
      /* the collector may have run, and a finalizer closed the stream */
      if (stream->buffer != buffer) status = CS_ECLOSED;
    }
    taken += m.taken;
  }
  if (!push) return status;
  if (status != 0) cs_fail(L, status);
  if (taken > 0 && status != CS_ECLOSED) consume(stream, taken);
  return status;
}

/* The count of results, or UV_EAGAIN with nothing pushed and nothing taken. */
static int take_all(lua_State *L, cs_stream *stream, const reader *r, int last,
                    bool ended) {
  int top = lua_gettop(L);
  if (pass(L, stream, r, last, ended, false) == UV_EAGAIN) return UV_EAGAIN;
  luaL_checkstack(L, last + 3, "too many formats");
  pass(L, stream, r, last, ended, true);
  return lua_gettop(L) - top;
}

static int try_read(lua_State *L, cs_task *self, const reader *r) {
  cs_stream *stream = lua_touserdata(L, 1);
  int last = r->single || lua_gettop(L) < 2 ? 2 : lua_gettop(L);
  for (bool ended = false;;) {
    int n = take_all(L, stream, r, last, ended);
    if (n != UV_EAGAIN) return n;
    ssize_t got = fill(stream);
    ended = got == 0;
    if (got == UV_EAGAIN) got = wait_for_data(self, stream, r->ops);
    if (got == CS_PARKED) return CS_PARKED;
    if (got < 0) return cs_fail(L, (int)got);
  }
}

static int begin_read(lua_State *L, cs_task *self, const reader *r) {
  cs_stream *stream = cs_check_stream(L);
  int last = r->single ? 2 : lua_gettop(L);
  for (int i = 2; i <= last; i++) r->get(L, stream, i);
  int status = cs_stream_begin(stream, CS_READ);
  if (status != 0) return cs_fail(L, status);
  if (stream->buffer != NULL) stream->buffer->scanned = 0;
  return try_read(L, self, r);
}

static int read_finish(lua_State *L, cs_task *self);
static int until_finish(lua_State *L, cs_task *self);

static const cs_wait_ops read_ops = {.name = "data on a socket",
                                     .finish = read_finish,
                                     .cancel = cs_poll_cancel,
                                     .outside = true};
static const cs_wait_ops until_ops = {.name = "data on a socket",
                                      .finish = until_finish,
                                      .cancel = cs_poll_cancel,
                                      .outside = true};

static const reader formats = {cs_check_want, false, &read_ops};
static const reader delimited = {cs_check_delimiter, true, &until_ops};

static int read_finish(lua_State *L, cs_task *self) {
  cs_poll_collect(self, self->wait.on);
  return try_read(L, self, &formats);
}

static int until_finish(lua_State *L, cs_task *self) {
  cs_poll_collect(self, self->wait.on);
  return try_read(L, self, &delimited);
}

/* s:read(format...): a string for each of "l", "L", "a", count; without any, a
 * line. nil, message, code from the first that there is none for */
static int stream_read(lua_State *L, cs_task *self) {
  return begin_read(L, self, &formats);
}

/* s:read_until(delimiter[, max]): what comes before the delimiter, which is
 * taken, too */
static int stream_read_until(lua_State *L, cs_task *self) {
  return begin_read(L, self, &delimited);
}

/* }=== */

const cs_syscall cs_stream_reads[] = {
    {.name = "recv", .handler = stream_recv, .kept = true},
    {.name = "read", .handler = stream_read},
    {.name = "read_until", .handler = stream_read_until},
    {.name = NULL},
};
