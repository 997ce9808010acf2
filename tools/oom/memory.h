/* memory.h - an allocator that counts what it gives, and fails when told to. */
#ifndef OOM_MEMORY_H
#define OOM_MEMORY_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum policy {
  NEVER,     /* every request is granted */
  ONCE,      /* the n-th is refused, and Lua's second try of it */
  FROM_THEN, /* the n-th is refused, and all that follow */
  FIRST_TRY, /* Lua's first try of each is refused: it collects, tries again */
} policy;

typedef struct memory {
  policy policy;
  long n;        /* which request to refuse, from 1; counted while armed */
  long requests; /* seen while armed */
  long refused;
  bool armed;
  bool retry;  /* the last one that was refused was Lua's own: */
  void *block; /* if this comes again, it is the second try */
  size_t old_size, size;
  size_t used; /* bytes that are lent out */
  long blocks;
} memory;

/* lua_Alloc, for lua_newstate; data is the memory. */
void *memory_for_lua(void *data, void *block, size_t old_size, size_t size);

/* From now on requests are counted from 1, and the n-th is refused. */
void memory_arm(memory *m, policy how, long n);
void memory_disarm(memory *m);

#endif
