/* options.c - s:setoption, s:getoption: one row for each option. */
#include "stream.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

typedef struct option {
  const char *name;
  int level, number;
  enum { FLAG, SIZE, LINGER } kind;
} option;

static const option options[] = {
    {"nodelay", IPPROTO_TCP, TCP_NODELAY, FLAG},
    {"keepalive", SOL_SOCKET, SO_KEEPALIVE, FLAG},
    {"reuseaddr", SOL_SOCKET, SO_REUSEADDR, FLAG},
#ifdef SO_REUSEPORT
    {"reuseport", SOL_SOCKET, SO_REUSEPORT, FLAG},
#endif
    {"linger", SOL_SOCKET, SO_LINGER, LINGER},
    {"recvbuffer", SOL_SOCKET, SO_RCVBUF, SIZE},
    {"sendbuffer", SOL_SOCKET, SO_SNDBUF, SIZE},
    {NULL, 0, 0, FLAG},
};

static const option *check_option(lua_State *L) {
  const char *name = luaL_checkstring(L, 2);
  for (const option *each = options; each->name != NULL; each++)
    if (strcmp(each->name, name) == 0) return each;
  luaL_argerror(L, 2,
                "the option is none of nodelay, keepalive, reuseaddr, "
                "reuseport, linger, recvbuffer, sendbuffer");
  return NULL;
}

/* SO_LINGER: false, or seconds (0: close resets the connection). */
static struct linger check_linger(lua_State *L) {
  if (lua_isboolean(L, 3)) {
    luaL_argcheck(L, !lua_toboolean(L, 3), 3, "linger is false, or seconds");
    return (struct linger){0, 0};
  }
  lua_Integer seconds = luaL_checkinteger(L, 3);
  luaL_argcheck(L, seconds >= 0 && seconds <= SHRT_MAX, 3,
                "linger is at most 32767 seconds");
  return (struct linger){1, (int)seconds};
}

static int check_int(lua_State *L, const option *o) {
  if (o->kind == FLAG) {
    luaL_checktype(L, 3, LUA_TBOOLEAN);
    return lua_toboolean(L, 3);
  }
  lua_Integer size = luaL_checkinteger(L, 3);
  luaL_argcheck(L, size > 0 && size <= INT_MAX, 3, "not a size in bytes");
  return (int)size;
}

/* s:setoption(name, value): true; nil, message, code */
static int socket_setoption(lua_State *L) {
  cs_stream *stream = cs_check_socket(L);
  const option *o = check_option(L);
  int number = 0, status;
  struct linger linger = {0, 0};
  if (o->kind == LINGER)
    linger = check_linger(L);
  else
    number = check_int(L, o);
  if (stream->poll.fd < 0) return cs_fail(L, CS_ECLOSED);
  if (o->kind == LINGER)
    status = setsockopt(stream->poll.fd, o->level, o->number, &linger,
                        sizeof linger);
  else
    status = setsockopt(stream->poll.fd, o->level, o->number, &number,
                        sizeof number);
  if (status != 0) return cs_fail(L, -errno);
  lua_pushboolean(L, 1);
  return 1;
}

/* s:getoption(name): its value; nil, message, code */
static int socket_getoption(lua_State *L) {
  cs_stream *stream = cs_check_socket(L);
  const option *o = check_option(L);
  union {
    int number;
    struct linger linger;
  } value;
  socklen_t size = o->kind == LINGER ? sizeof value.linger : sizeof(int);
  if (stream->poll.fd < 0) return cs_fail(L, CS_ECLOSED);
  if (getsockopt(stream->poll.fd, o->level, o->number, &value, &size) != 0)
    return cs_fail(L, -errno);
  if (o->kind == SIZE)
    lua_pushinteger(L, value.number);
  else if (o->kind == FLAG)
    lua_pushboolean(L, value.number);
  else if (value.linger.l_onoff != 0)
    lua_pushinteger(L, value.linger.l_linger);
  else
    lua_pushboolean(L, 0);
  return 1;
}

const luaL_Reg cs_socket_options[] = {
    {"setoption", socket_setoption},
    {"getoption", socket_getoption},
    {NULL, NULL},
};
