/* modes — what a load can do. Each takes the numbers after HOST and PORT, zero
 * where they were left out, prints one line, and leaves errors in `self`. */
#ifndef BENCH_LOAD_MODES_H
#define BENCH_LOAD_MODES_H

#include "client.h"

typedef void load_mode(load *self, const double *numbers);

load_mode mode_echo, mode_churn, mode_count; /* echo.c */
load_mode mode_hold, mode_idle, mode_pieces; /* hold.c */
load_mode mode_abort, mode_stall, mode_wait; /* rude.c */

/* Ends the line of results: the errors, then the newline. */
void print_errors(const load *self);

#endif
