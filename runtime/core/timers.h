/* timers.h - deadlines: a heap ordered by time, then by age.
 *
 * A timer is a member of what waits. It only remembers where in the heap it
 * stands; the heap keeps the times side by side, so that finding the next one
 * touches few cache lines. Times are nanoseconds of uv_hrtime. */
#ifndef CS_TIMERS_H
#define CS_TIMERS_H

#include <lua.h>
#include <stdint.h>

#define CS_NEVER UINT64_MAX

/* What expires: the heap does not care. */
typedef enum cs_timer_kind {
  CS_TIMER_WAIT,  /* a task's wait */
  CS_TIMER_BLOCK, /* the deadline of a scope */
  CS_TIMER_GRACE, /* the end of a shutdown's grace */
} cs_timer_kind;

typedef struct cs_timer {
  uint32_t place : 30; /* in the heap, from 1; 0: not started */
  uint32_t kind : 2;   /* cs_timer_kind */
  uint32_t age;        /* started earlier, expires earlier at the same time */
} cs_timer;

typedef struct cs_timer_entry {
  uint64_t at;
  cs_timer *timer;
} cs_timer_entry;

typedef struct cs_timers {
  cs_timer_entry *entries; /* entries[0] is the next to expire */
  uint32_t count, capacity;
  uint32_t next_age;
  lua_Alloc alloc; /* where the heap's memory comes from */
  void *alloc_data;
} cs_timers;

void cs_timers_open(cs_timers *timers, lua_Alloc alloc, void *alloc_data);
void cs_timers_close(cs_timers *timers);

/* Makes room for one more timer: 0, or UV_ENOMEM. Called before anything is
 * committed, so that starting a timer cannot fail. */
int cs_timers_reserve(cs_timers *timers);

/* Starts a timer that is not started; room was reserved. */
void cs_timer_start(cs_timers *timers, cs_timer *timer, uint64_t at);

/* Stops a timer; one that is not started is left alone. */
void cs_timer_stop(cs_timers *timers, cs_timer *timer);

/* When the next timer expires, or CS_NEVER. */
static inline uint64_t cs_timers_next(const cs_timers *timers) {
  return timers->count > 0 ? timers->entries[0].at : CS_NEVER;
}

/* Stops and returns the next timer that has expired at `now`, or NULL. */
cs_timer *cs_timers_expire(cs_timers *timers, uint64_t now);

#endif
