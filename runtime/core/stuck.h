/* stuck.h - tasks that are cancelled, and go on; those that never wait. */
#ifndef CS_STUCK_H
#define CS_STUCK_H

#include "task.h"

/* A cancellation is about to be raised in the task. When it has swallowed too
 * many, or for too long, it is reported once. */
void cs_count_delivery(lua_State *L, cs_task *task);

/* Calls on_stuck(task, traceback, reason), or writes to stderr. Raises nothing.
 * The reason is "cancelled" or "busy". */
void cs_report_stuck(lua_State *L, cs_task *task, const char *reason);

/* Makes what writes the reports. */
void cs_stuck_open(lua_State *L);

#endif
