/* join.h - waiting for the end of a task. */
#ifndef CS_JOIN_H
#define CS_JOIN_H

#include "errors.h"

/* join(task): its results; raises Errors or TaskCancelled */
int cs_join(lua_State *L, cs_task *self);

/* wait(task): "ok", "error" or "cancelled", once it is done */
int cs_wait_end(lua_State *L, cs_task *self);

/* Parks until `task`, which is not done, has ended; answers like wait. */
int cs_await_end(lua_State *L, cs_task *self, cs_task *task);

/* Raises if `task` could not end before `self`, which is to wait for that: it
 * is the same, an ancestor, or waits for `self` itself. */
void cs_check_join(lua_State *L, const cs_task *self, const cs_task *task);

#endif
