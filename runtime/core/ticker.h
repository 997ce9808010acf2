/* ticker.h - a thread that notices steps that take too long.
 *
 * It runs while a run with a slice or a watchdog does. Each tick it looks at
 * the number of the step; if that is still the same, it sends SIGURG to the
 * thread that runs the tasks, whose handler arms the hook (hook.h). Only a
 * handler on that very thread may touch its Lua state. */
#ifndef CS_TICKER_H
#define CS_TICKER_H

#include "runtime.h"

typedef struct cs_ticker cs_ticker;

/* Starts it, for the calling thread; 0, or a negative code. */
int cs_ticker_start(cs_runtime *rt, uint64_t slice, uint64_t watchdog);

/* Stops it; harmless when it was not started. */
void cs_ticker_stop(cs_runtime *rt);

/* Around each step. */
void cs_ticker_step_begins(cs_ticker *ticker);
void cs_ticker_step_ended(cs_ticker *ticker);

#endif
