/* block.h - a scope that a task has entered for the time of a function.
 *
 * Blocks of one task are nested as its function calls are; the innermost is
 * where it is told of a cancellation. A block may have a deadline, hide the
 * cancellations around it, or own tasks as a nursery.
 *
 * It has two owners, the task that has entered it and its handle in Lua, if
 * there is one; the last to let go frees it. */
#ifndef CS_BLOCK_H
#define CS_BLOCK_H

#include "task.h"

typedef struct cs_block cs_block;

struct cs_block {
  cs_nursery nursery; /* its scope, and its tasks if it is a nursery */
  cs_runtime *rt;
  cs_link link;             /* in the list of all blocks */
  struct cs_block **handle; /* in Lua, holds this address; NULL: none */
  cs_task *task;            /* that has entered it */
  uint64_t deadline;        /* or CS_NEVER */
  cs_timer timer;           /* runs while it is entered and not cancelled */
  uint32_t daemons;         /* children that need not end by themselves */
  bool is_nursery : 1;      /* for reports */
  bool named : 1;           /* CS_NAMES has its name */
  bool pinned : 1;          /* it outlives its leaving: it will get a handle */
  bool used : 1;            /* it was entered once */
  bool closed : 1;          /* it was left */
  bool caught : 1;          /* a cancellation has ended here */
  uint8_t body : 2;         /* how the body of a nursery ended: cs_body_end */
  bool times_out : 1;       /* its deadline raises a Timeout */
  bool outer_failing : 1;   /* of the task, when it was entered */
};

/* A new block; `timed` makes room for its timer. Raises without memory. */
cs_block *cs_block_new(lua_State *L, bool timed);

/* A handle is a userdata that holds the address of its block. This pushes one,
 * with that metatable. Raises; then a block that was not
 * entered yet is freed. */
void cs_block_push_handle(lua_State *L, cs_block *block, cs_anchor meta);

/* Finalizer of handles: the handle lets go of it. */
int cs_block_gc(lua_State *L);

/* Names it by the field `name` of the table at `options`. */
void cs_block_read_name(lua_State *L, cs_block *block, int options);

/* When the runtime is closed: frees all; handles are left empty. */
void cs_blocks_close(cs_runtime *rt);

/* The block of a handle; raises when the runtime is closed. */
cs_block *cs_handle_block(lua_State *L, void *handle);

/* Frees what has no owner any more. */
void cs_block_free_if_unowned(lua_State *L, cs_block *block);

/* What cancel(handle[, reason]) does: false if it was cancelled before, or is
 * over. Returns 1. */
int cs_block_cancel(lua_State *L, cs_block *block);

/* Pushes the field that 2 names (deadline, cancelled, closed, caught,
 * name) of the
 * handle at 1; false if it names none. */
bool cs_block_push_field(lua_State *L, const cs_block *block);

/* Pushes "type: state". */
void cs_block_push_state(lua_State *L, const cs_block *block, const char *type);

/* The running task enters it. Room for a timer was reserved, if it has a
 * deadline. */
void cs_block_enter(cs_block *block, cs_task *self);

/* The running task leaves it, its innermost; it may be freed. */
void cs_block_leave(lua_State *L, cs_block *block);

/* Leaves all blocks of a task that was stopped by force. */
void cs_blocks_abandon(lua_State *L, cs_task *task);

/* Sets the deadline, entered or not; room for a timer was reserved. */
void cs_block_set_deadline(cs_block *block, uint64_t deadline);

/* Its timer has expired. */
void cs_block_expired(cs_timer *timer);

static inline cs_block *cs_scope_block(cs_scope *scope) {
  return CS_OWNER(scope, cs_block, nursery.scope);
}

#endif
