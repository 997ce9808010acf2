/* timers.c - a 4-ary heap: half as deep as a binary one, and the four children
 * of an entry share a cache line. */
#include "timers.h"

#include <assert.h>
#include <uv.h>

enum { ARITY = 4, FIRST_CAPACITY = 64 };

void cs_timers_open(cs_timers *timers, lua_Alloc alloc, void *alloc_data) {
  *timers = (cs_timers){.alloc = alloc, .alloc_data = alloc_data};
}

static cs_timer_entry *resize(cs_timers *timers, uint32_t capacity) {
  return timers->alloc(timers->alloc_data, timers->entries,
                       timers->capacity * sizeof(cs_timer_entry),
                       capacity * sizeof(cs_timer_entry));
}

void cs_timers_close(cs_timers *timers) {
  for (uint32_t i = 0; i < timers->count; i++)
    timers->entries[i].timer->place = 0; /* its task may outlive the heap */
  if (timers->entries != NULL) resize(timers, 0);
  timers->entries = NULL;
  timers->count = timers->capacity = 0;
}

int cs_timers_reserve(cs_timers *timers) {
  if (timers->count < timers->capacity) return 0;
  uint32_t capacity = timers->capacity ? timers->capacity * 2 : FIRST_CAPACITY;
  cs_timer_entry *entries = resize(timers, capacity);
  if (entries == NULL) return UV_ENOMEM;
  timers->entries = entries;
  timers->capacity = capacity;
  return 0;
}

/* Ages wrap around, so they are compared by their distance. */
static int earlier(const cs_timer_entry *a, const cs_timer_entry *b) {
  if (a->at != b->at) return a->at < b->at;
  return (int32_t)(a->timer->age - b->timer->age) < 0;
}

static void put(cs_timers *timers, uint32_t i, cs_timer_entry entry) {
  timers->entries[i] = entry;
  entry.timer->place = i + 1;
}

static void sift_up(cs_timers *timers, uint32_t i, cs_timer_entry entry) {
  while (i > 0) {
    uint32_t parent = (i - 1) / ARITY;
    if (!earlier(&entry, &timers->entries[parent])) break;
    put(timers, i, timers->entries[parent]);
    i = parent;
  }
  put(timers, i, entry);
}

static uint32_t earliest_child(const cs_timers *timers, uint32_t i) {
  uint32_t first = i * ARITY + 1, end = first + ARITY, best = first;
  if (end > timers->count) end = timers->count;
  for (uint32_t child = first + 1; child < end; child++)
    if (earlier(&timers->entries[child], &timers->entries[best])) best = child;
  return best;
}

static void sift_down(cs_timers *timers, uint32_t i, cs_timer_entry entry) {
  while (i * ARITY + 1 < timers->count) {
    uint32_t child = earliest_child(timers, i);
    if (!earlier(&timers->entries[child], &entry)) break;
    put(timers, i, timers->entries[child]);
    i = child;
  }
  put(timers, i, entry);
}

void cs_timer_start(cs_timers *timers, cs_timer *timer, uint64_t at) {
  assert(timer->place == 0 && timers->count < timers->capacity);
  timer->age = timers->next_age++;
  sift_up(timers, timers->count++, (cs_timer_entry){at, timer});
}

void cs_timer_stop(cs_timers *timers, cs_timer *timer) {
  if (timer->place == 0) return;
  uint32_t i = timer->place - 1;
  timer->place = 0;
  cs_timer_entry last = timers->entries[--timers->count];
  if (i == timers->count) return;
  uint32_t parent = i > 0 ? (i - 1) / ARITY : 0;
  if (i > 0 && earlier(&last, &timers->entries[parent]))
    sift_up(timers, i, last);
  else
    sift_down(timers, i, last);
}

cs_timer *cs_timers_expire(cs_timers *timers, uint64_t now) {
  if (cs_timers_next(timers) > now) return NULL;
  cs_timer *timer = timers->entries[0].timer;
  cs_timer_stop(timers, timer);
  return timer;
}
