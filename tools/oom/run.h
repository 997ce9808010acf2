/* run.h - one run of a scenario while memory fails, and what must hold then. */
#ifndef OOM_RUN_H
#define OOM_RUN_H

#include "memory.h"

typedef struct plan {
  const char *scenario; /* a Lua file that returns a function */
  const char *lua_path; /* package.path */
  policy policy;
  bool from_start; /* fail from lua_newstate on, not from the scenario on */
  bool at_close;   /* fail in lua_close only */
} plan;

typedef struct outcome {
  bool refused; /* did the failure take place */
  long runs;    /* of the scenario, with those that checked the aftermath */
  char complaint[512]; /* what did not hold; empty: all did */
} outcome;

/* To be called once, before libuv is used. */
void run_begin(void);

/* Refuses the n-th request (0: none), and looks at the aftermath. */
outcome run_point(const plan *p, long n);

#endif
