/* stream.h - a socket: what reading, writing, accepting and closing share.
 *
 * A stream is connected, or a listener, which differs by its metatable. It is a
 * userdata with its poll inside. Its buffer holds bytes that were read from the
 * kernel but not yet taken by a call: what an interrupted read has found so far
 * stays there for the next. */
#ifndef CS_STREAM_H
#define CS_STREAM_H

#include "buffer.h"
#include "io.h"
#include "module.h"

/* Of a stream with a timeout. */
typedef struct cs_limits {
  uint64_t timeout;     /* ns for each call */
  uint64_t deadline[2]; /* of the call that waits now, by direction */
} cs_limits;

typedef struct cs_stream {
  const void *type; /* &cs_socket_type or &cs_listener_type */
  cs_poll poll;
  cs_buffer *buffer;   /* NULL: nothing is buffered */
  cs_limits *limits;   /* NULL: none */
  uint32_t line_limit; /* the longest line that read accepts */
  bool poisoned;       /* a send ended midway: what follows makes no sense */
} cs_stream;

/* Their addresses tell the two apart, and from all other userdata: comparing
 * the first word is cheaper than comparing metatables. */
extern const char cs_socket_type, cs_listener_type;

/* Pushes a stream of the type (CS_STREAM_META, CS_LISTENER_META) without a
 * descriptor. May raise. */
cs_stream *cs_stream_new(lua_State *L, int type);

/* Gives it one, which it owns from now on. 0, or an error; then the descriptor
 * is closed. */
int cs_stream_adopt(cs_stream *stream, cs_runtime *rt, int fd);

/* Wakes whoever waits, with ECLOSED, and closes the descriptor. */
void cs_stream_close(cs_stream *stream);

/* The argument at 1 as a connected stream, a listener, or one of both; raises
 * when it is none. */
cs_stream *cs_check_stream(lua_State *L);
cs_stream *cs_check_listener(lua_State *L);
cs_stream *cs_check_socket(lua_State *L);

/* Why a call in this direction cannot begin (an error code), or 0: then its
 * deadline is set. */
int cs_stream_begin(cs_stream *stream, cs_direction direction);

/* Whether the call in this direction must not wait at all. */
static inline bool cs_stream_is_hasty(const cs_stream *stream,
                                      cs_direction direction) {
  return stream->limits != NULL && stream->limits->deadline[direction] == 0;
}

/* When the call in this direction must end; CS_NEVER. */
static inline uint64_t cs_stream_deadline(const cs_stream *stream,
                                          cs_direction direction) {
  return stream->limits != NULL ? stream->limits->deadline[direction]
                                : CS_NEVER;
}

/* Waits until the descriptor is ready, within the call's deadline. */
int cs_stream_wait(cs_task *self, cs_stream *stream, cs_direction direction,
                   const cs_wait_ops *ops);

/* Makes a metatable with the methods that all sockets have and, as syscalls,
 * the rows; the table of methods becomes a field of the module. For open. */
void cs_stream_type(lua_State *L, int type, const char *name,
                    const cs_syscall *rows, const cs_syscall *more_rows);

/* stream_read.c, stream_write.c, options.c */
extern const cs_syscall cs_stream_reads[];
extern const cs_syscall cs_stream_writes[];
extern const luaL_Reg cs_socket_options[];

#endif
