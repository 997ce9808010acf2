/* results.h - the outcome of a task, as its joiners see it. */
#ifndef CS_RESULTS_H
#define CS_RESULTS_H

#include "errors.h"

/* Pushes the results of the done task at `task` and returns their count; raises
 * Errors or TaskCancelled if it has none. */
int cs_push_results(lua_State *L, int task);

#endif
