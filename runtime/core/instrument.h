/* instrument.h - what happens in the runtime, told to functions in Lua.
 *
 * Each place asks `rt->instruments` first, so without instruments nothing is
 * paid. An event is delivered under protection, on the stack at hand: an
 * instrument cannot wait, and one that raises is removed. Events that happen
 * while one is delivered are not. */
#ifndef CS_INSTRUMENT_H
#define CS_INSTRUMENT_H

#include "task.h"

typedef enum cs_event {
  CS_TASK_SPAWNED,   /* task */
  CS_TASK_SCHEDULED, /* task: it is ready */
  CS_BEFORE_STEP,    /* task */
  CS_AFTER_STEP,     /* task */
  CS_TASK_EXITED,    /* task, outcome */
  CS_WAIT_BEGIN,     /* task, what for */
  CS_WAIT_END,       /* task */
  CS_CANCEL,         /* task: it is about to be told */
  CS_IO_BEFORE,      /* how long it may sleep, in seconds; nil: for ever */
  CS_IO_AFTER,
  CS_DEADLOCK, /* the report */
} cs_event;

/* Tells all instruments. The task is NULL, or not forgotten yet; the value on
 * top of the stack is the detail (nil: none; a light userdata: that C string),
 * and is popped. Raises nothing. */
void cs_tell(lua_State *L, cs_runtime *rt, cs_event event, const cs_task *task);

/* Around a step of a task, which may be gone afterwards. */
void cs_tell_step_begins(lua_State *L, cs_task *task);
void cs_tell_step_ended(lua_State *L, cs_runtime *rt);

#endif
