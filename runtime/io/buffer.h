/* buffer.h - bytes that were read ahead of the calls that want them.
 *
 * Most connections never need one, so a buffer is allocated with its first byte
 * and freed when its stream waits with nothing in it. */
#ifndef CS_BUFFER_H
#define CS_BUFFER_H

#include "runtime.h"

typedef struct cs_buffer {
  size_t start, end; /* what is buffered, in data */
  size_t capacity;
  size_t scanned; /* of it, without what the waiting read looks for */
  char data[];
} cs_buffer;

static inline size_t cs_buffer_count(const cs_buffer *buffer) {
  return buffer != NULL ? buffer->end - buffer->start : 0;
}

/* Makes room behind the data, in a new buffer if there is none. 0, or
 * UV_ENOMEM. */
int cs_buffer_reserve(cs_runtime *rt, cs_buffer **buffer);

void cs_buffer_consume(cs_buffer *buffer, size_t count);

void cs_buffer_free(cs_runtime *rt, cs_buffer **buffer);

#endif
