/* match.h - what a read looks for in its buffer. Knows no descriptor. */
#ifndef CS_MATCH_H
#define CS_MATCH_H

#include "stream.h"

typedef enum cs_want_kind {
  CS_LINE,
  CS_LINE_WITH_END,
  CS_BYTES,
  CS_ALL,
  CS_DELIMITED
} cs_want_kind;

typedef struct cs_want {
  cs_want_kind kind;
  size_t size;           /* CS_BYTES: how many; a line: at most */
  const char *delimiter; /* what ends it */
  size_t delimiter_size;
} cs_want;

typedef struct cs_match {
  int status;   /* 0: found; UV_EAGAIN: needs more; or why there is none */
  size_t size;  /* of the result */
  size_t taken; /* of the buffer, with the delimiter */
} cs_match;

/* The format at `index` ("l", "L", "a", a count; a line without any); raises
 * when it is none. */
cs_want cs_check_want(lua_State *L, const cs_stream *stream, int index);

/* The delimiter of read_until at 2, with its limit at 3. */
cs_want cs_check_delimiter(lua_State *L, const cs_stream *stream, int index);

/* Looks for it at the beginning of the data. `scanned` bytes are known not to
 * begin a delimiter; `ended`: no more will come. */
cs_match cs_look_for(const cs_want *w, const char *data, size_t size,
                     size_t scanned, bool ended);

#endif
