/* check.h - what a C test needs: `ok` lines, and an exit status. */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stdio.h>

static int check_failures;

/* Says how one behaviour went, as a sentence. */
static inline void check(bool good, const char *what) {
  printf("%s - %s\n", good ? "ok" : "not ok", what);
  fflush(stdout);
  check_failures += !good;
}

static inline int check_status(void) { return check_failures > 0; }

#endif
