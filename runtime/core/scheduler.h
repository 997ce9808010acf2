/* scheduler.h - the turn of the loop. */
#ifndef CS_SCHEDULER_H
#define CS_SCHEDULER_H

#include "call.h"

/* run([opts,] fn, ...): results of fn. The C function of the module. */
int cs_run(lua_State *L);

/* Makes the loop that run runs. */
void cs_scheduler_open(lua_State *L);

/* Debug builds (COSCHED_CHECK): asserts that each task is linked where its
 * state says. */
void cs_check(cs_runtime *rt);

#endif
