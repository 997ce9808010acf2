/* queue.h - an intrusive first-in, first-out list.
 *
 * A link is a member of what it links, so queuing allocates nothing and
 * leaving a queue needs no search. A link that is in no queue points to
 * itself: removing it again does nothing. */
#ifndef CS_QUEUE_H
#define CS_QUEUE_H

#include <stddef.h>

typedef struct cs_link {
  struct cs_link *next, *prev;
} cs_link;

/* The struct that holds `link` as its member. */
#define CS_OWNER(link, type, member)                                           \
  ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void cs_link_init(cs_link *link) {
  link->next = link->prev = link;
}

static inline int cs_queue_empty(const cs_link *queue) {
  return queue->next == queue;
}

static inline void cs_queue_append(cs_link *queue, cs_link *link) {
  link->next = queue;
  link->prev = queue->prev;
  queue->prev->next = link;
  queue->prev = link;
}

static inline void cs_link_remove(cs_link *link) {
  link->next->prev = link->prev;
  link->prev->next = link->next;
  cs_link_init(link);
}

/* The first link, removed; the queue must not be empty. */
static inline cs_link *cs_queue_take(cs_link *queue) {
  cs_link *first = queue->next;
  cs_link_remove(first);
  return first;
}

/* Moves all links to the end of another queue. */
static inline void cs_queue_append_all(cs_link *queue, cs_link *from) {
  if (cs_queue_empty(from)) return;
  from->next->prev = queue->prev;
  queue->prev->next = from->next;
  from->prev->next = queue;
  queue->prev = from->prev;
  cs_link_init(from);
}

/* Sorts a queue, stably, without allocating. */
void cs_queue_sort(cs_link *queue,
                   int (*before)(const cs_link *, const cs_link *));

/* The same with a head of one pointer, to the last link; NULL: empty. A link
 * that leaves elsewhere than at the front must leave by cs_ring_remove. */
typedef cs_link *cs_ring;

static inline void cs_ring_append(cs_ring *ring, cs_link *link) {
  if (*ring != NULL) cs_queue_append((*ring)->next, link);
  *ring = link;
}

static inline void cs_ring_remove(cs_ring *ring, cs_link *link) {
  if (*ring == link) *ring = link->prev != link ? link->prev : NULL;
  cs_link_remove(link);
}

/* The first link, removed; the ring must not be empty. */
static inline cs_link *cs_ring_take(cs_ring *ring) {
  cs_link *first = (*ring)->next;
  cs_ring_remove(ring, first);
  return first;
}

#endif
