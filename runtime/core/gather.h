/* gather.h - what the body of a nursery and its children have come to.
 *
 * For both kinds, the implicit one of a task and one that was entered: the
 * frame of the C function that runs the body has the message handler, or what
 * is gathered, at `errors`, and the body's results, or its error, behind it. */
#ifndef CS_GATHER_H
#define CS_GATHER_H

#include "syscall.h"

typedef enum cs_body_end {
  CS_BODY_OK,
  CS_BODY_CUT,
  CS_BODY_FAILED,
  CS_CHILDREN_FAILED, /* and not the body; the Errors are made */
} cs_body_end;

/* Message handler of bodies: writes an error down as the leaf of its task,
 * before the stack unwinds, and leaves it as it is. */
int cs_take_leaf(lua_State *L);

/* Raises, unless it is the scheduler who has resumed the task. */
void cs_check_not_stolen(lua_State *L, cs_task *self);

/* After the protected call of any body, whose error is at `index`: true if it
 * has failed, and there is room on the stack. Allocates nothing else. Puts
 * there the error that a cancellation has hidden while the stack unwound, and
 * one that a raw yield had no chance to raise. */
bool cs_body_failed(lua_State *L, cs_task *self, int status, int index);

/* The body of a nursery is done: writes down how, and cancels the children if
 * it has failed. */
cs_body_end cs_gather_body(lua_State *L, cs_task *self, cs_nursery *nursery,
                           int errors, int status);

/* The children are done: true if there are errors, then at `errors`. */
bool cs_gather_children(lua_State *L, cs_task *self, cs_nursery *nursery,
                        int errors, cs_body_end body);

/* Suspends the task until the nursery's last child is done; `k` goes on. */
int cs_await_children(lua_State *L, cs_task *self, cs_nursery *nursery,
                      lua_KFunction k);

/* Makes what gathers errors under protection. */
void cs_gather_open(lua_State *L);

#endif
