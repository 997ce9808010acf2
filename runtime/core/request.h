/* request.h - one libuv request and the task that wants it.
 *
 * A request has two owners: a box, which Lua collects, and the loop. The task
 * may give up before libuv does; the last to let go frees. While it waits, the
 * task holds the box (cs_hold). */
#ifndef CS_REQUEST_H
#define CS_REQUEST_H

#include "task.h"

typedef struct cs_request cs_request;
struct cs_request {
  cs_runtime *rt;
  cs_task *task; /* to be woken; NULL: it gave up */
  size_t size;   /* of the struct that begins with this */
  bool in_lua, in_loop;
  /* Frees what came back; the struct itself is freed by the last owner. */
  void (*release)(cs_request *request);
};

/* Pushes the box of a new request, a struct of `size` bytes that begins with a
 * cs_request and is zero otherwise. Raises. */
cs_request *cs_request_new(lua_State *L, size_t size,
                           void (*release)(cs_request *request));

/* libuv has it from now on, for the task. */
void cs_request_started(cs_request *request, cs_task *task);

/* libuv has called back: wakes the task, if that still waits. */
void cs_request_arrived(cs_request *request);

/* Makes the metatable of the boxes. */
void cs_request_open(lua_State *L);

#endif
