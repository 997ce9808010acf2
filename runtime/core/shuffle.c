/* shuffle.c - what is ready at the same time runs in an order that only the
 * seed decides. A batch is what was ready when the one before it had run. */
#include "shuffle.h"

#include "random.h"

static uint32_t length(const cs_link *queue) {
  uint32_t n = 0;
  for (const cs_link *l = queue->next; l != queue; l = l->next) n++;
  return n;
}

static bool reserve(cs_runtime *rt, uint32_t n) {
  if (n <= rt->shuffle_room) return true;
  size_t size = sizeof *rt->shuffled;
  cs_link **links =
      cs_realloc(rt, rt->shuffled, rt->shuffle_room * size, n * size);
  if (links == NULL) return false;
  rt->shuffled = links;
  rt->shuffle_room = n;
  return true;
}

static void swap(cs_link **a, cs_link **b) {
  cs_link *saved = *a;
  *a = *b;
  *b = saved;
}

/* Without memory for it the order stays as it is. */
static void permute(cs_runtime *rt, uint32_t n) {
  if (!reserve(rt, n)) return;
  for (uint32_t i = 0; i < n; i++) rt->shuffled[i] = cs_queue_take(&rt->ready);
  for (uint32_t i = n; i > 1; i--)
    swap(&rt->shuffled[i - 1], &rt->shuffled[cs_random(rt, i)]);
  for (uint32_t i = 0; i < n; i++) cs_queue_append(&rt->ready, rt->shuffled[i]);
}

void cs_shuffle(cs_runtime *rt) {
  if (rt->batch == 0) {
    rt->batch = length(&rt->ready);
    permute(rt, rt->batch);
  }
  rt->batch--;
}

void cs_shuffle_end(cs_runtime *rt) {
  if (rt->shuffled == NULL) return;
  cs_free(rt, rt->shuffled, rt->shuffle_room * sizeof *rt->shuffled);
  rt->shuffled = NULL;
  rt->shuffle_room = 0;
}
