/* match.c - lines, counts, delimiters. */
#include "match.h"

#include <string.h>

cs_want cs_check_want(lua_State *L, const cs_stream *stream, int index) {
  if (lua_isnoneornil(L, index))
    return (cs_want){CS_LINE, stream->line_limit, "\n", 1};
  if (lua_type(L, index) == LUA_TNUMBER) {
    lua_Integer n = luaL_checkinteger(L, index);
    luaL_argcheck(L, n >= 0, index, "the count must not be negative");
    return (cs_want){CS_BYTES, (size_t)n, NULL, 0};
  }
  const char *format = luaL_checkstring(L, index);
  format += *format == '*';
  switch (format[0] != '\0' && format[1] == '\0' ? format[0] : '?') {
  case 'l':
    return (cs_want){CS_LINE, stream->line_limit, "\n", 1};
  case 'L':
    return (cs_want){CS_LINE_WITH_END, stream->line_limit, "\n", 1};
  case 'a':
    return (cs_want){CS_ALL, 0, NULL, 0};
  default:
    break;
  }
  luaL_argerror(L, index, "the format is none of 'l', 'L', 'a', a count");
  return (cs_want){CS_ALL, 0, NULL, 0};
}

/* The delimiter of read_until is at 2, its limit at 3. */
cs_want cs_check_delimiter(lua_State *L, const cs_stream *stream, int index) {
  cs_want w = {.kind = CS_DELIMITED, .size = stream->line_limit};
  (void)index;
  w.delimiter = luaL_checklstring(L, 2, &w.delimiter_size);
  luaL_argcheck(L, w.delimiter_size > 0, 2, "the delimiter is empty");
  if (!lua_isnoneornil(L, 3)) {
    lua_Integer max = luaL_checkinteger(L, 3);
    luaL_argcheck(L, max > 0, 3, "the limit must be at least one byte");
    w.size = (size_t)max;
  }
  return w;
}

/* Where the delimiter begins in data[from, size), or NULL. */
static const char *find(const char *data, size_t from, size_t size,
                        const cs_want *w) {
  if (size - from < w->delimiter_size) return NULL;
  const char *at = data + from;
  const char *last = data + size - w->delimiter_size;
  while (at <= last &&
         (at = memchr(at, w->delimiter[0], (size_t)(last - at) + 1)) != NULL) {
    if (memcmp(at, w->delimiter, w->delimiter_size) == 0) return at;
    at++;
  }
  return NULL;
}

static cs_match find_line(const cs_want *w, const char *data, size_t size,
                          size_t scanned, bool ended) {
  const char *end = size > 0 ? find(data, scanned, size, w) : NULL;
  /* what has no end yet may end in the beginning of a delimiter */
  size_t length = end != NULL ? (size_t)(end - data) : size;
  size_t slack = end != NULL || ended ? 0 : w->delimiter_size - 1;
  if (length > w->size + slack) return (cs_match){CS_ELINE, 0, 0};
  if (end != NULL) {
    size_t taken = length + w->delimiter_size;
    return (cs_match){0, w->kind == CS_LINE_WITH_END ? taken : length, taken};
  }
  if (!ended) return (cs_match){UV_EAGAIN, 0, 0};
  if (size == 0 || w->kind == CS_DELIMITED) return (cs_match){UV_EOF, 0, 0};
  return (cs_match){0, size, size}; /* the last line has no end */
}

cs_match cs_look_for(const cs_want *w, const char *data, size_t size,
                     size_t scanned, bool ended) {
  switch (w->kind) {
  case CS_BYTES: /* none at all are there unless the data has ended, as in io */
    if (size >= w->size && size > 0) return (cs_match){0, w->size, w->size};
    if (!ended) return (cs_match){UV_EAGAIN, 0, 0};
    return size > 0 ? (cs_match){0, size, size} : (cs_match){UV_EOF, 0, 0};
  case CS_ALL:
    return (cs_match){ended ? 0 : UV_EAGAIN, size, size};
  default:
    return find_line(w, data, size, scanned, ended);
  }
}
