/* clock.h - seconds in Lua, nanoseconds in C. */
#ifndef CS_CLOCK_H
#define CS_CLOCK_H

#include "runtime.h"

/* The argument at `index`, in seconds, as nanoseconds; CS_NEVER when that is
 * longer than the clock can tell (math.huge). Raises unless it is a number that
 * is not negative and not NaN. */
uint64_t cs_check_delay(lua_State *L, int index);

/* Ticks on the runtime's clock, cheap, and good for ages of up to two years. */
enum { CS_TICKS_PER_SECOND = 64 };
uint32_t cs_ticks(const cs_runtime *rt);

/* Pushes a time as now() gives it, in seconds; CS_NEVER: math.huge. */
void cs_push_time(lua_State *L, uint64_t time);

/* The argument at `index` as such a time. */
uint64_t cs_check_time(lua_State *L, int index);

/* The time on the runtime's clock that is `delay` from now. */
uint64_t cs_deadline_after(const cs_runtime *rt, uint64_t delay);

#endif
