/* stuck.h - tasks that are cancelled, and go on. */
#ifndef CS_STUCK_H
#define CS_STUCK_H

#include "task.h"

/* A cancellation is about to be raised in the task. When it has swallowed too
 * many, or for too long, it is reported once: to on_stuck(task, traceback), or
 * to stderr. */
void cs_count_delivery(lua_State *L, cs_task *task);

#endif
