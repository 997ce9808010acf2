/* queue.c - a merge sort of runs: a queue that is in order already, or in two
 * or three pieces, is sorted in one pass or two. */
#include "queue.h"

#include <stdbool.h>

/* Moves the first run of `from`, links that are in order, to `run`. */
static void take_run(cs_link *from, cs_link *run,
                     int (*before)(const cs_link *, const cs_link *)) {
  cs_queue_append(run, cs_queue_take(from));
  while (!cs_queue_empty(from) && !before(from->next, run->prev))
    cs_queue_append(run, cs_queue_take(from));
}

/* Appends two runs to `to` as one. */
static void merge(cs_link *to, cs_link *a, cs_link *b,
                  int (*before)(const cs_link *, const cs_link *)) {
  while (!cs_queue_empty(a) && !cs_queue_empty(b))
    cs_queue_append(to, cs_queue_take(before(b->next, a->next) ? b : a));
  cs_queue_append_all(to, a);
  cs_queue_append_all(to, b);
}

/* Merges neighbouring runs; true if there was only one. */
static bool pass(cs_link *queue,
                 int (*before)(const cs_link *, const cs_link *)) {
  cs_link sorted;
  cs_link_init(&sorted);
  int merged = 0;
  for (; !cs_queue_empty(queue); merged++) {
    cs_link a, b;
    cs_link_init(&a);
    cs_link_init(&b);
    take_run(queue, &a, before);
    if (!cs_queue_empty(queue)) take_run(queue, &b, before);
    merge(&sorted, &a, &b, before);
  }
  cs_queue_append_all(queue, &sorted);
  return merged <= 1;
}

void cs_queue_sort(cs_link *queue,
                   int (*before)(const cs_link *, const cs_link *)) {
  while (!pass(queue, before)) continue;
}
