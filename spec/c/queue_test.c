/* queue_test.c - the intrusive lists, against a plain array. */
#include "check.h"
#include "queue.h"

#include <stdint.h>
#include <string.h>

enum { COUNT = 50, ROUNDS = 20000 };

typedef struct item {
  int before;
  cs_link link;
  int after;
} item;

static item items[COUNT];
static int model[COUNT], length;

static uint32_t seed = 12345;

static uint32_t draw(uint32_t limit) {
  seed = seed * 1664525u + 1013904223u;
  return (seed >> 8) % limit;
}

static int index_of(const cs_link *link) {
  return (int)(CS_OWNER(link, item, link) - items);
}

static int place_of(int i) {
  for (int place = 0; place < length; place++)
    if (model[place] == i) return place;
  return -1;
}

static void model_remove(int place) {
  length--;
  memmove(model + place, model + place + 1,
          (size_t)(length - place) * sizeof *model);
}

static void start(void) {
  length = 0;
  for (int i = 0; i < COUNT; i++) cs_link_init(&items[i].link);
}

/* {=== queue === */

static bool queue_is_model(const cs_link *queue) {
  const cs_link *each = queue->next;
  for (int place = 0; place < length; place++, each = each->next)
    if (each == queue || index_of(each) != model[place] ||
        each->next->prev != each)
      return false;
  return each == queue && cs_queue_empty(queue) == (length == 0);
}

static bool random_queue(void) {
  cs_link queue;
  start();
  cs_link_init(&queue);
  for (int round = 0; round < ROUNDS; round++) {
    int i = (int)draw(COUNT), place = place_of(i);
    if (length > 0 && draw(4) == 0) {
      if (index_of(cs_queue_take(&queue)) != model[0]) return false;
      model_remove(0);
    } else if (place >= 0) {
      cs_link_remove(&items[i].link);
      model_remove(place);
    } else {
      cs_queue_append(&queue, &items[i].link);
      model[length++] = i;
    }
    if (!queue_is_model(&queue)) return false;
  }
  return true;
}

static bool removal_twice(void) {
  cs_link queue;
  start();
  cs_link_init(&queue);
  for (int i = 0; i < 3; i++) {
    cs_queue_append(&queue, &items[i].link);
    model[length++] = i;
  }
  cs_link_remove(&items[1].link);
  cs_link_remove(&items[1].link);
  model_remove(1);
  return queue_is_model(&queue) && cs_queue_empty(&items[1].link);
}

static bool insertion_before(void) {
  cs_link queue;
  start();
  cs_link_init(&queue);
  cs_queue_append(&queue, &items[0].link);
  cs_queue_append(&queue, &items[2].link);
  cs_queue_append(&items[2].link, &items[1].link); /* before 2 */
  for (int i = 0; i < 3; i++) model[length++] = i;
  return queue_is_model(&queue);
}

/* }=== */

/* {=== ring === */

static bool ring_is_model(cs_ring ring) {
  if (length == 0) return ring == NULL;
  if (ring == NULL || index_of(ring) != model[length - 1]) return false;
  const cs_link *each = ring->next;
  for (int place = 0; place < length; place++, each = each->next)
    if (index_of(each) != model[place] || each->next->prev != each)
      return false;
  return each == ring->next;
}

static bool random_ring(void) {
  cs_ring ring = NULL;
  start();
  for (int round = 0; round < ROUNDS; round++) {
    int i = (int)draw(COUNT), place = place_of(i);
    if (length > 0 && draw(4) == 0) {
      if (index_of(cs_ring_take(&ring)) != model[0]) return false;
      model_remove(0);
    } else if (place >= 0) {
      cs_ring_remove(&ring, &items[i].link);
      model_remove(place);
    } else {
      cs_ring_append(&ring, &items[i].link);
      model[length++] = i;
    }
    if (!ring_is_model(ring)) return false;
  }
  return true;
}

static bool ring_of_one(void) {
  cs_ring ring = NULL;
  start();
  cs_ring_append(&ring, &items[0].link);
  bool linked = ring == &items[0].link && ring->next == ring;
  cs_ring_remove(&ring, &items[0].link);
  return linked && ring == NULL;
}

/* }=== */

int main(void) {
  check(random_queue(), "a queue keeps its order through random changes");
  check(removal_twice(), "a link that is in no queue can be removed again");
  check(insertion_before(), "a link goes before the one it is appended to");
  check(random_ring(), "a ring keeps its order through random changes");
  check(ring_of_one(), "a ring of one is empty without it");
  bool untouched = true;
  for (int i = 0; i < COUNT; i++)
    untouched = untouched && items[i].before == 0 && items[i].after == 0;
  check(untouched, "the neighbours of a link are left alone");
  return check_status();
}
