/* scope.h - the cancel tree.
 *
 * Each task has a scope of its own, whose parent is the scope of the nursery
 * that owns the task. A block of code may have one, too (block.h). Cancelling a
 * scope marks it and all below it, but for what a shield hides; the mark stays
 * (level-triggered): who is below it is told at each wait until it has left. */
#ifndef CS_SCOPE_H
#define CS_SCOPE_H

#include <stdbool.h>
#include <stdint.h>

/* Who asked for a cancellation. */
typedef enum cs_cancel_source {
  CS_NOT_CANCELLED,
  CS_BY_CALL,     /* cancel was called */
  CS_BY_DEADLINE, /* the scope's time is up */
  CS_BY_NURSERY,  /* a sibling, a child or the body failed */
  CS_BY_DAEMON,   /* only daemons are left in the nursery */
  CS_BY_DEADLOCK, /* nothing could wake the remaining tasks */
  CS_BY_SIGNAL,   /* SIGINT or SIGTERM under the command */
  CS_BY_SHUTDOWN, /* shutdown was called */
  CS_BY_KILL,     /* the parent was killed */
} cs_cancel_source;

/* Cancellations without a reason are known by their source, others by numbers
 * from here on. */
enum { CS_FIRST_REASON = 16 };

typedef enum cs_scope_kind {
  CS_SCOPE_ROOT,  /* of `run` */
  CS_SCOPE_TASK,  /* a task's own */
  CS_SCOPE_BLOCK, /* one that a task has entered */
} cs_scope_kind;

typedef struct cs_scope {
  struct cs_scope *parent;
  struct cs_scope *newest;        /* child */
  struct cs_scope *older, *newer; /* siblings */
  uint8_t kind : 4;               /* cs_scope_kind */
  uint8_t source : 4;             /* cs_cancel_source of its own cancel */
  bool owns_reason;               /* forgets its cancellation when it closes */
  bool cancelled;                 /* it, or a parent that it sees, was */
  bool shield;           /* it does not see the cancellation of its parent */
  uint32_t cancellation; /* what is raised: its key in CS_CANCELLED */
} cs_scope;

/* Makes a scope that is in no tree yet. */
void cs_scope_init(cs_scope *scope, cs_scope_kind kind);

/* Puts it in, as the newest child of `parent` (NULL: a root); it is cancelled
 * from the start if that one is, unless it is a shield. */
void cs_scope_open(cs_scope *scope, cs_scope *parent);

/* Takes a scope without children out of the tree. */
void cs_scope_close(cs_scope *scope);

/* Moves a scope, with all below it, under another parent. */
void cs_scope_move(cs_scope *scope, cs_scope *parent);

/* Forgets its own cancellation; its parent's, if it sees that, stays. What is
 * below it stays as it is. */
void cs_scope_renew(cs_scope *scope);

/* True if a cancellation that leaves the scope's code ends there: it came from
 * the scope itself, and nothing further up asks for the same. */
static inline bool cs_scope_absorbs(const cs_scope *scope) {
  return scope->cancelled && (scope->shield || !scope->parent->cancelled);
}

/* Walks a tree without recursion: children before parents, newest first. The
 * last is `root` itself, then NULL. */
cs_scope *cs_scope_first(cs_scope *root);
cs_scope *cs_scope_next(cs_scope *root, cs_scope *scope);

/* The same for those that a cancellation of `root` reaches: neither what a
 * shield hides nor what lies below a scope that is cancelled already. The
 * hidden and the cancelled themselves are visited, and nothing below them. */
cs_scope *cs_scope_first_reached(cs_scope *root);
cs_scope *cs_scope_next_reached(cs_scope *root, cs_scope *scope);

#endif
