/* io.h - what the files of io/ share in one runtime. */
#ifndef CS_IO_H
#define CS_IO_H

#include "poll.h"

typedef struct cs_io {
  cs_polls polls;
  char *scratch;   /* CS_SCRATCH bytes, for whoever reads now */
  uv_async_t wake; /* process.c: a signal has come */
} cs_io;

enum { CS_SCRATCH = 64 * 1024 };

/* Anchors of the metatables of io/. */
enum { CS_STREAM_META = CS_FIRST_TYPE, CS_LISTENER_META };

#endif
