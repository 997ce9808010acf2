/* module.h - what a file of syscalls exports: one constant. */
#ifndef CS_MODULE_H
#define CS_MODULE_H

#include "call.h"

typedef struct cs_module {
  const cs_syscall *syscalls; /* rows, up to one without a name; or NULL */
  /* Makes types and shared state; the module's table is at 1, the table of
   * constructors (sys) at 2, the runtime is upvalue 1. NULL: nothing to do. */
  void (*open)(lua_State *L);
  /* Releases them, before the loop is closed. May run after a failed open. */
  void (*close)(cs_runtime *rt);
} cs_module;

#endif
