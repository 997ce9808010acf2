/* nursery.h - who owns whom.
 *
 * A nursery is a scope that owns tasks and does not end before they have. Each
 * task has an implicit one for the tasks it spawns; a block may be one
 * (block.h); `run` has the root. A child that fails cancels the nursery's
 * scope, unless the nursery supervises, as only blocks do. */
#ifndef CS_NURSERY_H
#define CS_NURSERY_H

#include "queue.h"
#include "scope.h"

struct cs_task;
struct cs_runtime;

typedef struct cs_nursery {
  cs_scope scope;
  cs_ring failures;    /* done tasks whose error was not taken, by wait.link */
  uint32_t live;       /* children that are not done */
  bool waiting : 1;    /* the owner is parked until the last child is done */
  bool child_cut : 1;  /* a child was cut short from above */
  bool supervises : 1; /* a failing child does not cancel the others */
  bool reports : 1;    /* it hears of an error at once: CS_CALLBACKS has whom to
                          tell */
} cs_nursery;

void cs_nursery_init(cs_nursery *nursery, cs_scope_kind kind);

/* How a child ended, as far as its nursery is concerned. */
typedef enum cs_child_end {
  CS_CHILD_FINE,   /* it returned, or was cancelled by itself alone */
  CS_CHILD_CUT,    /* it was cut short by a cancellation from above */
  CS_CHILD_FAILED, /* its error is to be taken by the owner */
} cs_child_end;

/* A child has ended, its outcome is recorded, its joiners are awake. */
void cs_nursery_child_done(cs_nursery *nursery, struct cs_task *child,
                           cs_child_end end);

/* The owner has children to wait for, and will be woken when the last one is
 * done. Daemons that are left alone are cancelled. */
void cs_nursery_await(cs_nursery *nursery);

/* Gives a task that is not done, with all below it, to another nursery. */
void cs_nursery_adopt(cs_nursery *heir, struct cs_task *child);

/* Gives what is left in a nursery, whose owner was stopped by force, to the
 * root: failures as they are, children cancelled. */
void cs_nursery_abandon(struct cs_runtime *rt, cs_nursery *nursery);

#endif
