/* task.h - a task: a Lua coroutine that the scheduler resumes.
 *
 * A task is a userdata. Its first user value is its thread while it runs and
 * its outcome afterwards; the second is its function, then (when it failed) the
 * leaf of its error. The table of tasks keeps it while it is not done.
 *
 * A task is in exactly one state, and the state says where it is linked. */
#ifndef CS_TASK_H
#define CS_TASK_H

#include "wait.h"

typedef enum cs_task_state {
  CS_TASK_READY,   /* in the ready queue */
  CS_TASK_RUNNING, /* rt->current */
  CS_TASK_PARKED,  /* its wait says on what */
  CS_TASK_DOOMED,  /* in the queue of killed tasks */
  CS_TASK_DONE,    /* in no queue, or a failure in its nursery */
} cs_task_state;

typedef enum cs_outcome { CS_OK, CS_ERROR, CS_CANCELLED_OUTCOME } cs_outcome;

/* Its size matters: with 8 bytes more it would take 16 more of malloc's. */
struct cs_task {
  cs_wait wait;
  cs_nursery own; /* its scope, and the nursery of what it spawns */
  cs_runtime *rt;
  lua_State *thread; /* NULL: done */
  cs_scope *scope;   /* the innermost that it has entered */
  cs_ring joiners;   /* tasks that wait for its end, by wait.link */
  int64_t tid;
  int32_t spawn_line : 30; /* where spawn was called; its thread has whose */
  uint32_t locks : 2;      /* that it owns; 3: as many or more, at some time */
  uint8_t state;           /* cs_task_state */
  uint8_t outcome : 2;     /* cs_outcome, once done */
  uint8_t nresults : 2;    /* once done: 0, 1: the value itself, 2: a table */
  bool raw : 1;            /* parked by a yielded object, or by a bare yield */
  bool raises : 1;         /* the value to resume with is an error to raise */
  bool stolen : 1;         /* a stranger has resumed it */
  bool started : 1;        /* it was resumed once */
  bool uncollected : 1;    /* woken, and its wait not finished yet */
  bool holds : 1;          /* its wait keeps a Lua value (cs_hold) */
  bool observed : 1;       /* its error is known, and is not the nursery's */
  bool killed : 1;
  bool daemon : 1;          /* its nursery does not wait for it alone */
  bool unclaimed : 1;       /* done, failed, and among its nursery's failures */
  bool failing : 1;         /* an error unwinds its innermost function scope */
  bool rethrown : 1;        /* that error has its leaf already */
  bool has_leaf : 1;        /* its second user value is a leaf */
  bool has_locals : 1;      /* CS_LOCALS has its task-local values */
  bool stuck : 1;           /* it was reported for swallowing cancellations */
  bool announced : 1;       /* instruments know that it is ready */
  bool waited : 1;          /* they know that it waits */
  bool preempted : 1;       /* its slice is over */
  bool marked : 1;          /* Lua remembers that a hook has yielded in it */
  uint32_t steps;           /* how often it was resumed */
  uint32_t born;            /* in ticks (clock.h) */
  uint64_t cpu_ns : 48;     /* where that is measured */
  uint64_t deliveries : 16; /* of cancellations, up to the most it can count */
};

_Static_assert(sizeof(void *) != 8 || sizeof(cs_task) == 176,
               "a task has grown");

/* Pushes a new task, ready, for the function and the nargs arguments on top of
 * the stack (which are popped), owned by `nursery`. May raise; then nothing
 * has changed. The place where it is spawned is where `from` is. */
cs_task *cs_task_new(lua_State *L, lua_State *from, cs_nursery *nursery,
                     int nargs);

/* Ends a task whose thread was resumed or closed by a stranger, who knows it
 * from coroutine.running. The first looks, and is true if that was so. */
bool cs_task_end_if_stolen(lua_State *L, cs_task *task);
void cs_task_end_stolen(lua_State *L, cs_task *task);

/* Runs a ready task until it parks, yields or ends. Returns the count of values
 * that it yielded by itself, on top of its thread, or -1. Called by the
 * scheduler alone, inside `run`. */
int cs_task_resume(lua_State *L, cs_task *task);

/* The task's userdata, from the table of tasks (nil when it is done). */
void cs_push_task(lua_State *L, const cs_task *task);

/* A failure was taken from its nursery, which kept it until now. */
void cs_claim(lua_State *L, cs_task *task);

/* The argument at `index` as a task; raises when it is none. */
cs_task *cs_check_task(lua_State *L, int index);

/* Pushes a task's name, given its userdata at `index`. */
void cs_push_name(lua_State *L, int index);

/* The task that a scope belongs to; NULL: the root. */
cs_task *cs_scope_task(cs_scope *scope);

/* The nursery that a scope is part of: every scope is. */
static inline cs_nursery *cs_scope_nursery(cs_scope *scope) {
  return CS_OWNER(scope, cs_nursery, scope);
}

/* Who owns a task that is not done, or whose failure is unclaimed. */
static inline cs_nursery *cs_task_nursery(const cs_task *task) {
  return cs_scope_nursery(task->own.scope.parent);
}

/* True if the task must be told of a cancellation at its next wait. */
static inline bool cs_task_cancelled(const cs_task *task) {
  return task->scope->cancelled;
}

/* Errors whose strings the registry keeps under their address, so that they
 * can be raised when memory is short. */
extern const char cs_task_was_stolen[];
extern const char cs_not_a_syscall[];
extern const char cs_no_memory[];

extern const char *const cs_state_names[];
extern const char *const cs_outcome_names[];

#endif
