/* stream.c - making, closing and collecting streams. */
#include "stream.h"

#include "address.h"
#include "clock.h"

#include <errno.h>
#include <unistd.h>

enum { LINE_LIMIT = 64 * 1024 };

/* {=== life === */

cs_stream *cs_stream_new(lua_State *L, int type) {
  cs_stream *stream = lua_newuserdatauv(L, sizeof *stream, 1);
  *stream = (cs_stream){.line_limit = LINE_LIMIT};
  stream->type = type == CS_LISTENER_META ? &cs_listener_type : &cs_socket_type;
  stream->poll.fd = -1;
  cs_push_anchor(L, (cs_anchor)type);
  lua_setmetatable(L, -2);
  return stream;
}

int cs_stream_adopt(cs_stream *stream, cs_runtime *rt, int fd) {
  int status = cs_poll_open(&stream->poll, rt, fd);
  if (status != 0) close(fd);
  return status;
}

void cs_stream_close(cs_stream *stream) {
  int fd = stream->poll.fd;
  if (fd < 0) return;
  cs_poll_close(&stream->poll, CS_ECLOSED);
  close(fd); /* Linux releases the number even when this is interrupted */
  cs_buffer_free(stream->poll.rt, &stream->buffer);
  cs_free(stream->poll.rt, stream->limits, sizeof *stream->limits);
  stream->limits = NULL;
}

const char cs_socket_type = 0, cs_listener_type = 0;

static const void *type_of(lua_State *L) {
  const cs_stream *stream = lua_touserdata(L, 1);
  if (stream == NULL || lua_rawlen(L, 1) < sizeof *stream) return NULL;
  return stream->type;
}

cs_stream *cs_check_stream(lua_State *L) {
  if (type_of(L) != &cs_socket_type) cs_type_error(L, 1, "cosched.Socket");
  return lua_touserdata(L, 1);
}

cs_stream *cs_check_listener(lua_State *L) {
  if (type_of(L) != &cs_listener_type) cs_type_error(L, 1, "cosched.Listener");
  return lua_touserdata(L, 1);
}

cs_stream *cs_check_socket(lua_State *L) {
  const void *type = type_of(L);
  if (type != &cs_socket_type && type != &cs_listener_type)
    cs_type_error(L, 1, "cosched.Socket");
  return lua_touserdata(L, 1);
}

/* }=== */

/* {=== waiting === */

int cs_stream_begin(cs_stream *stream, cs_direction direction) {
  if (stream->poll.fd < 0) return CS_ECLOSED;
  if (stream->poll.waiter[direction] != NULL) return UV_EBUSY;
  cs_limits *limits = stream->limits;
  if (limits != NULL) /* a timeout of 0 makes a deadline of 0 */
    limits->deadline[direction] =
        limits->timeout > 0
            ? cs_deadline_after(stream->poll.rt, limits->timeout)
            : 0;
  return 0;
}

int cs_stream_wait(cs_task *self, cs_stream *stream, cs_direction direction,
                   const cs_wait_ops *ops) {
  if (cs_stream_is_hasty(stream, direction)) return CS_EDEADLINE;
  return cs_poll_park(self, &stream->poll, direction, ops,
                      cs_stream_deadline(stream, direction));
}

/* }=== */

/* {=== methods that do not wait === */

/* s:close(): true; whoever waits on it gets nil, "closed", "ECLOSED" */
static int stream_close(lua_State *L) {
  cs_stream_close(cs_check_socket(L));
  lua_pushboolean(L, 1);
  return 1;
}

/* An open socket that nobody holds any more was forgotten. */
static int stream_gc(lua_State *L) {
  cs_stream *stream = lua_touserdata(L, 1);
  if (stream->poll.fd < 0 || !cs_runtime_of(L)->open) return 0;
  cs_stream_close(stream);
  lua_warning(L,
              "cosched: a socket was collected while open; close it, or "
              "declare it <close>",
              0);
  return 0;
}

/* A limit that begins or ends does not touch the calls that wait now. */
static int set_timeout(cs_stream *stream, uint64_t timeout) {
  if (stream->limits == NULL) {
    if (timeout == CS_NEVER) return 0;
    stream->limits = cs_alloc(stream->poll.rt, sizeof *stream->limits);
    if (stream->limits == NULL) return UV_ENOMEM;
    *stream->limits = (cs_limits){.deadline = {CS_NEVER, CS_NEVER}};
  }
  stream->limits->timeout = timeout;
  return 0;
}

/* s:settimeout(seconds or nil): true; for each later call, nil: no limit */
static int stream_settimeout(lua_State *L) {
  cs_stream *stream = cs_check_socket(L);
  luaL_checkany(L, 2);
  uint64_t timeout = lua_isnil(L, 2) ? CS_NEVER : cs_check_delay(L, 2);
  int status = stream->poll.fd >= 0 ? set_timeout(stream, timeout) : 0;
  if (status != 0) return cs_fail(L, status);
  lua_pushboolean(L, 1);
  return 1;
}

/* s:setlinelimit(bytes): true; the longest line that read accepts */
static int stream_setlinelimit(lua_State *L) {
  cs_stream *stream = cs_check_socket(L);
  lua_Integer limit = luaL_checkinteger(L, 2);
  luaL_argcheck(L, limit > 0, 2, "the limit must be at least one byte");
  stream->line_limit = limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
  lua_pushboolean(L, 1);
  return 1;
}

/* s:fd(): the descriptor, or nil, "closed", "ECLOSED" */
static int stream_fd(lua_State *L) {
  cs_stream *stream = cs_check_socket(L);
  if (stream->poll.fd < 0) return cs_fail(L, CS_ECLOSED);
  lua_pushinteger(L, stream->poll.fd);
  return 1;
}

static int stream_tostring(lua_State *L) {
  cs_stream *stream = cs_check_socket(L);
  if (stream->poll.fd < 0)
    lua_pushfstring(L, "%s (closed)", lua_tostring(L, lua_upvalueindex(2)));
  else
    lua_pushfstring(L, "%s (%d)", lua_tostring(L, lua_upvalueindex(2)),
                    stream->poll.fd);
  return 1;
}

typedef int name_of(int fd, struct sockaddr *address, socklen_t *size);

static int push_name(lua_State *L, name_of *get) {
  cs_stream *stream = cs_check_socket(L);
  cs_address address;
  socklen_t size = sizeof address;
  if (stream->poll.fd < 0) return cs_fail(L, CS_ECLOSED);
  if (get(stream->poll.fd, &address.any, &size) != 0) return cs_fail(L, -errno);
  return cs_push_address(L, &address);
}

/* s:getsockname(), s:getpeername(): host, port, "inet" or "inet6" or "unix" */
static int stream_getsockname(lua_State *L) {
  return push_name(L, getsockname);
}
static int stream_getpeername(lua_State *L) {
  return push_name(L, getpeername);
}

/* }=== */

static const luaL_Reg methods[] = {
    {"close", stream_close},
    {"settimeout", stream_settimeout},
    {"setlinelimit", stream_setlinelimit},
    {"fd", stream_fd},
    {"getsockname", stream_getsockname},
    {"getpeername", stream_getpeername},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__close", stream_close},
    {"__gc", stream_gc},
    {"__tostring", stream_tostring},
    {NULL, NULL},
};

void cs_stream_type(lua_State *L, int type, const char *name,
                    const cs_syscall *rows, const cs_syscall *more_rows) {
  lua_createtable(L, 0, 6);
  int meta = lua_gettop(L);
  lua_pushfstring(L, "cosched.%s", name);
  lua_setfield(L, meta, "__name");
  lua_getfield(L, meta, "__name");
  lua_setfield(L, meta, "__metatable"); /* scripts cannot reach __gc */
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_getfield(L, meta, "__name");
  luaL_setfuncs(L, metamethods, 2);
  lua_createtable(L, 0, 24);
  int index = lua_gettop(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  luaL_setfuncs(L, methods, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  luaL_setfuncs(L, cs_socket_options, 1);
  cs_set_syscalls(L, rows, index, 2, meta);
  if (more_rows != NULL) cs_set_syscalls(L, more_rows, index, 2, meta);
  lua_pushvalue(L, index);
  lua_setfield(L, 1, name); /* other layers may add methods to it */
  lua_getfield(L, meta, "__name");
  cs_name_methods(L, index, lua_tostring(L, -1));
  lua_pop(L, 1);
  lua_setfield(L, meta, "__index");
  lua_setiuservalue(L, lua_upvalueindex(1), type);
}

static void open_stream(lua_State *L) {
  cs_stream_type(L, CS_STREAM_META, "Socket", cs_stream_reads,
                 cs_stream_writes);
}

const cs_module cs_module_stream = {NULL, open_stream, NULL};
