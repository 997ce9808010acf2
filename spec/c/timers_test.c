/* timers_test.c - the heap of deadlines, against a sorted array, on a clock of
 * its own. */
#include "check.h"
#include "timers.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { COUNT = 500, ROUNDS = 60000, MANY = 100000 };

/* {=== memory that counts itself === */

static size_t allocated;
static bool memory_fails;

static void *counting_alloc(void *data, void *block, size_t old_size,
                            size_t size) {
  (void)data;
  if (size > 0 && memory_fails) return NULL;
  allocated += size - old_size;
  if (size > 0) return realloc(block, size);
  free(block);
  return NULL;
}

/* }=== */

static uint32_t seed = 4711;

static uint32_t draw(uint32_t limit) {
  seed = seed * 1664525u + 1013904223u;
  return (seed >> 8) % limit;
}

/* {=== the model: an array, sorted by time, then by age === */

typedef struct entry {
  uint64_t at;
  cs_timer *timer;
} entry;

static entry model[COUNT];
static int length;

static void model_insert(uint64_t at, cs_timer *timer) {
  int place = length++;
  while (place > 0 && model[place - 1].at > at) {
    model[place] = model[place - 1];
    place--;
  }
  model[place] = (entry){at, timer};
}

static void model_remove(const cs_timer *timer) {
  int place = 0;
  while (model[place].timer != timer) place++;
  length--;
  memmove(model + place, model + place + 1,
          (size_t)(length - place) * sizeof *model);
}

/* }=== */

static bool next_is_model(const cs_timers *heap) {
  uint64_t first = length > 0 ? model[0].at : CS_NEVER;
  return heap->count == (uint32_t)length && cs_timers_next(heap) == first;
}

static bool expire_all(cs_timers *heap, uint64_t now) {
  cs_timer *timer;
  while ((timer = cs_timers_expire(heap, now)) != NULL) {
    if (length == 0 || model[0].timer != timer || model[0].at > now)
      return false;
    if (timer->place != 0) return false;
    model_remove(timer);
  }
  return length == 0 || model[0].at > now;
}

/* Starts, stops and expires at random; times are drawn from `range`, so that a
 * small one makes most of them equal. */
static bool random_operations(uint32_t range, uint32_t first_age) {
  static cs_timer timers[COUNT];
  cs_timers heap;
  uint64_t now = 0;
  bool good = true;
  memset(timers, 0, sizeof timers);
  length = 0;
  cs_timers_open(&heap, counting_alloc, NULL);
  heap.next_age = first_age;
  for (int round = 0; good && round < ROUNDS; round++) {
    cs_timer *timer = &timers[draw(COUNT)];
    if (draw(10) == 0) {
      now += draw(range);
      good = expire_all(&heap, now);
    } else if (timer->place != 0) {
      cs_timer_stop(&heap, timer);
      model_remove(timer);
    } else {
      good = cs_timers_reserve(&heap) == 0;
      uint64_t at = now + draw(range);
      cs_timer_start(&heap, timer, at);
      model_insert(at, timer);
    }
    good = good && next_is_model(&heap);
  }
  good = good && expire_all(&heap, UINT64_MAX - 1) && heap.count == 0;
  cs_timers_close(&heap);
  return good;
}

static bool equal_deadlines(void) {
  cs_timer *timers = calloc(MANY, sizeof *timers);
  cs_timers heap;
  bool good = true;
  cs_timers_open(&heap, counting_alloc, NULL);
  for (int i = 0; i < MANY; i++) {
    cs_timers_reserve(&heap);
    cs_timer_start(&heap, &timers[i], 7);
  }
  good = cs_timers_expire(&heap, 6) == NULL;
  for (int i = 0; good && i < MANY; i++)
    good = cs_timers_expire(&heap, 7) == &timers[i];
  good = good && cs_timers_expire(&heap, 7) == NULL;
  cs_timers_close(&heap);
  free(timers);
  return good;
}

static bool stopping_twice(void) {
  cs_timer timer = {0}, other = {0};
  cs_timers heap;
  cs_timers_open(&heap, counting_alloc, NULL);
  cs_timer_stop(&heap, &timer); /* never started */
  cs_timers_reserve(&heap);
  cs_timer_start(&heap, &timer, 1);
  cs_timers_reserve(&heap);
  cs_timer_start(&heap, &other, 2);
  cs_timer_stop(&heap, &timer);
  cs_timer_stop(&heap, &timer);
  bool good = heap.count == 1 && cs_timers_next(&heap) == 2;
  cs_timers_close(&heap);
  return good;
}

static bool out_of_memory(void) {
  cs_timer *timers = calloc(MANY, sizeof *timers);
  cs_timers heap;
  int started = 0;
  cs_timers_open(&heap, counting_alloc, NULL);
  while (started < 100 && cs_timers_reserve(&heap) == 0) {
    cs_timer_start(&heap, &timers[started], (uint64_t)(1000 - started));
    started++;
  }
  memory_fails = true;
  while (cs_timers_reserve(&heap) == 0) {
    cs_timer_start(&heap, &timers[started], (uint64_t)(1000 - started));
    started++;
  }
  bool refused = cs_timers_reserve(&heap) == UV_ENOMEM;
  bool whole = heap.count == (uint32_t)started;
  for (int i = started - 1; whole && i >= 0; i--)
    whole = cs_timers_expire(&heap, 1000) == &timers[i];
  memory_fails = false;
  cs_timers_close(&heap);
  free(timers);
  return refused && whole;
}

int main(void) {
  check(random_operations(1000000, 0), "random deadlines expire in order");
  check(random_operations(5, 0), "mostly equal deadlines expire in order");
  check(random_operations(1, 0),
        "equal deadlines expire in order of their age");
  check(random_operations(5, UINT32_MAX - 20000),
        "the order holds while the ages wrap around");
  check(equal_deadlines(), "100,000 equal deadlines are first in, first out");
  check(stopping_twice(), "a timer that is not started can be stopped");
  check(out_of_memory(), "without memory, reserve says so and nothing is lost");
  check(allocated == 0, "all memory was given back");
  return check_status();
}
