/* outcome.h - the end of a task: its thread's last value becomes its outcome,
 * the joiners wake, the nursery hears of it.
 *
 * Nothing here needs memory, so no task can be lost when there is none. All is
 * called by the scheduler, in its loop. */
#ifndef CS_OUTCOME_H
#define CS_OUTCOME_H

#include "task.h"

/* The first function has returned, and has recorded the outcome. */
void cs_end_well(lua_State *L, cs_task *task);

/* The thread died before its first function could record the outcome: it was
 * closed by a stranger, or memory ran out. `message` says why, unless NULL:
 * then the error is on top of the thread. A dead thread has no room for more,
 * so nothing is pushed on it. */
void cs_end_badly(lua_State *L, cs_task *task, const char *message);

/* Somebody has asked for the outcome of a task that is done: a nursery that
 * supervises has not to raise it any more. Allocates nothing. */
void cs_observe(lua_State *L, cs_task *task);

/* Ends the tasks that cs_doom has queued, one after the other: their `<close>`
 * variables run, but may not wait. */
void cs_kill_doomed(lua_State *L, cs_runtime *rt);

#endif
