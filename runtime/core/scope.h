/* scope.h - the cancel tree.
 *
 * Each task has a scope of its own, whose parent is the scope of the nursery
 * that owns the task. Cancelling a scope marks it and all below it; the mark
 * stays (level-triggered): a task below it is told at each of its waits until
 * it has left. */
#ifndef CS_SCOPE_H
#define CS_SCOPE_H

#include <stdbool.h>
#include <stdint.h>

/* Who asked for a cancellation. */
typedef enum cs_cancel_source {
  CS_NOT_CANCELLED,
  CS_BY_CALL,     /* task:cancel() */
  CS_BY_NURSERY,  /* a sibling, a child or the body failed */
  CS_BY_DEADLOCK, /* nothing could wake the remaining tasks */
  CS_BY_SIGNAL,   /* SIGINT or SIGTERM under the command */
  CS_BY_KILL,     /* the parent was killed */
} cs_cancel_source;

typedef struct cs_scope {
  struct cs_scope *parent;
  struct cs_scope *newest;        /* child */
  struct cs_scope *older, *newer; /* siblings */
  uint8_t source;                 /* cs_cancel_source of its own cancel */
  bool cancelled;                 /* it or a parent was cancelled */
  bool of_task;                   /* it is a task's own */
} cs_scope;

/* Opens a scope as the newest child of `parent` (NULL: a root), cancelled from
 * the start if that one is. */
void cs_scope_open(cs_scope *scope, cs_scope *parent, bool of_task);

/* Takes a scope without children out of the tree. */
void cs_scope_close(cs_scope *scope);

/* Moves a scope, with all below it, under another parent. */
void cs_scope_move(cs_scope *scope, cs_scope *parent);

/* The scope that was cancelled, at or above a cancelled one. */
cs_scope *cs_scope_cause(cs_scope *scope);

/* Walks a tree without recursion: children before parents, newest first. The
 * last is `root` itself, then NULL. */
cs_scope *cs_scope_first(cs_scope *root);
cs_scope *cs_scope_next(cs_scope *root, cs_scope *scope);

#endif
