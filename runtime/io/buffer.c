/* buffer.c - grows by doubling; what was consumed is room, too. */
#include "buffer.h"

#include <string.h>

enum { FIRST_CAPACITY = 4096 - sizeof(cs_buffer) };

static size_t size_of(const cs_buffer *buffer) {
  return buffer != NULL ? sizeof *buffer + buffer->capacity : 0;
}

static int grow(cs_runtime *rt, cs_buffer **buffer) {
  size_t capacity = *buffer != NULL ? (*buffer)->capacity * 2 : FIRST_CAPACITY;
  cs_buffer *grown =
      cs_realloc(rt, *buffer, size_of(*buffer), sizeof *grown + capacity);
  if (grown == NULL) return UV_ENOMEM;
  if (*buffer == NULL) *grown = (cs_buffer){.start = 0};
  grown->capacity = capacity;
  *buffer = grown;
  return 0;
}

int cs_buffer_reserve(cs_runtime *rt, cs_buffer **buffer) {
  cs_buffer *old = *buffer;
  if (old == NULL) return grow(rt, buffer);
  if (old->end < old->capacity) return 0;
  if (old->start <= old->capacity / 2) return grow(rt, buffer);
  memmove(old->data, old->data + old->start, cs_buffer_count(old));
  old->end -= old->start;
  old->start = 0;
  return 0;
}

void cs_buffer_consume(cs_buffer *buffer, size_t count) {
  buffer->start += count;
  buffer->scanned = 0;
  if (buffer->start == buffer->end) buffer->start = buffer->end = 0;
}

void cs_buffer_free(cs_runtime *rt, cs_buffer **buffer) {
  cs_free(rt, *buffer, size_of(*buffer));
  *buffer = NULL;
}
