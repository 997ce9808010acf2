/* memory.c - decides which request is refused.
 *
 * Lua answers a refusal by a full collection and a second try. So refusing one
 * request only is no failure at all (that is FIRST_TRY's purpose); a failure is
 * to refuse the second try, too. The runtime, and luaL_Buffer, ask the same
 * allocator but try once. They get it from lua_getallocf, which the linker
 * replaces by ours (--wrap), so that the two can be told apart. */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

lua_Alloc __wrap_lua_getallocf(lua_State *L, void **data);
lua_Alloc __real_lua_getallocf(lua_State *L, void **data);

/* {=== refusing === */

static bool is_second_try(const memory *m, const void *block, size_t old_size,
                          size_t size) {
  return m->retry && m->block == block && m->old_size == old_size &&
         m->size == size;
}

static bool refuses(memory *m, bool by_lua, bool second_try) {
  if (second_try) return m->policy != FIRST_TRY;
  m->requests++;
  switch (m->policy) {
  case ONCE:
    return m->requests == m->n;
  case FROM_THEN:
    return m->requests >= m->n;
  case FIRST_TRY:
    return by_lua;
  default:
    return false;
  }
}

/* Only growth can fail: Lua relies on that. */
static bool is_refused(memory *m, bool by_lua, void *block, size_t old_size,
                       size_t size) {
  if (!m->armed || (block != NULL && size <= old_size)) return false;
  bool refused =
      refuses(m, by_lua, by_lua && is_second_try(m, block, old_size, size));
  m->refused += refused;
  m->retry = refused && by_lua && !is_second_try(m, block, old_size, size);
  m->block = block;
  m->old_size = old_size;
  m->size = size;
  return refused;
}

/* }=== */

/* {=== giving === */

/* A block always moves, so a pointer into the old one is found out. */
static void *move(void *block, size_t old_size, size_t size) {
  void *moved = malloc(size);
  if (moved == NULL) return NULL;
  if (block != NULL) {
    memcpy(moved, block, old_size < size ? old_size : size);
    free(block);
  }
  return moved;
}

static void *serve(memory *m, bool by_lua, void *block, size_t old_size,
                   size_t size) {
  if (block == NULL) old_size = 0; /* it was a tag */
  if (size == 0) {
    m->used -= old_size;
    m->blocks -= block != NULL;
    free(block);
    return NULL;
  }
  if (is_refused(m, by_lua, block, old_size, size)) return NULL;
  void *moved = move(block, old_size, size);
  if (moved == NULL) return NULL;
  m->used += size - old_size;
  m->blocks += block == NULL;
  return moved;
}

void *memory_for_lua(void *data, void *block, size_t old_size, size_t size) {
  return serve(data, true, block, old_size, size);
}

static void *for_others(void *data, void *block, size_t old_size, size_t size) {
  return serve(data, false, block, old_size, size);
}

lua_Alloc __wrap_lua_getallocf(lua_State *L, void **data) {
  __real_lua_getallocf(L, data);
  return for_others;
}

/* }=== */

void memory_arm(memory *m, policy how, long n) {
  m->policy = how;
  m->n = n;
  m->requests = m->refused = 0;
  m->retry = false;
  m->armed = true;
}

void memory_disarm(memory *m) { m->armed = false; }
