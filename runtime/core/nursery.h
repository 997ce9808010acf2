/* nursery.h - who owns whom.
 *
 * A nursery is a scope that owns tasks and does not end before they have. Each
 * task has an implicit one for the tasks it spawns; `run` has the root. A child
 * that fails cancels the nursery's scope, unless the nursery supervises. */
#ifndef CS_NURSERY_H
#define CS_NURSERY_H

#include "queue.h"
#include "scope.h"

typedef struct cs_nursery {
  cs_scope scope;
  cs_ring failures;     /* done tasks whose error was not taken, by wait.link */
  uint32_t live;        /* children that are not done */
  bool waiting;         /* the owner is parked until the last child is done */
  bool child_cancelled; /* a child was cut short from above */
  bool supervises;      /* a failing child does not cancel the others */
} cs_nursery;

void cs_nursery_open(cs_nursery *nursery, cs_scope *parent, bool of_task);

/* How a child ended, as far as its nursery is concerned. */
typedef enum cs_child_end {
  CS_CHILD_FINE,   /* it returned, or was cancelled by itself alone */
  CS_CHILD_CUT,    /* it was cut short by a cancellation from above */
  CS_CHILD_FAILED, /* its error is to be taken by the owner */
} cs_child_end;

/* A child has ended, its outcome is recorded, its joiners are awake. A failed
 * one is linked into `failures` by `link`. */
void cs_nursery_child_done(cs_nursery *nursery, cs_link *link,
                           cs_child_end end);

/* Gives what is left in a nursery, whose owner was stopped by force, to another
 * one: failures as they are, children cancelled. */
void cs_nursery_abandon(cs_nursery *nursery, cs_nursery *heir);

#endif
