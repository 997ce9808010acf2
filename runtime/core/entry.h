/* entry.h - what runs on a task's own thread around its body. */
#ifndef CS_ENTRY_H
#define CS_ENTRY_H

#include "syscall.h"

/* Makes the first function of all tasks and its message handler. */
void cs_entry_open(lua_State *L);

#endif
