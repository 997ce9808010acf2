/* run.c - one run of a scenario while memory fails.
 *
 * What must hold afterwards: the scenario has succeeded or has raised an error
 * that says "not enough memory"; the same Lua state runs it again, in full; and
 * when that is closed, no block, no descriptor and no memory of libuv is left.
 */
#include "run.h"

#include "cosched.h"

#include <dirent.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { DEPTH = 8 }; /* of errors inside errors that are looked into */

/* {=== libuv's memory, and descriptors === */

static long uv_blocks;

static void *uv_malloc(size_t size) {
  __atomic_add_fetch(&uv_blocks, 1, __ATOMIC_RELAXED);
  return malloc(size);
}

static void *uv_realloc(void *block, size_t size) {
  if (block == NULL) return uv_malloc(size);
  return realloc(block, size);
}

static void *uv_calloc(size_t count, size_t size) {
  __atomic_add_fetch(&uv_blocks, 1, __ATOMIC_RELAXED);
  return calloc(count, size);
}

static void uv_free(void *block) {
  if (block != NULL) __atomic_sub_fetch(&uv_blocks, 1, __ATOMIC_RELAXED);
  free(block);
}

static int count_descriptors(void) {
  int n = 0;
  DIR *all = opendir("/proc/self/fd");
  if (all == NULL) return 0;
  while (readdir(all) != NULL) n++;
  closedir(all);
  return n;
}

void run_begin(void) {
  uv_replace_allocator(uv_malloc, uv_realloc, uv_calloc, uv_free);
}

/* }=== */

static void complain(outcome *o, const char *format, ...) {
  size_t length = strlen(o->complaint);
  va_list arguments;
  va_start(arguments, format);
  if (length > 0 && length + 2 < sizeof o->complaint) {
    strcpy(o->complaint + length, "; ");
    length += 2;
  }
  vsnprintf(o->complaint + length, sizeof o->complaint - length, format,
            arguments);
  va_end(arguments);
}

/* {=== errors === */

static int text_of(lua_State *L) {
  luaL_tolstring(L, 1, NULL);
  return 1;
}

/* Replaces the error on top by what it says. */
static const char *push_text(lua_State *L) {
  lua_pushcfunction(L, text_of);
  lua_insert(L, -2);
  lua_pcall(L, 1, 1, 0);
  const char *text = lua_tostring(L, -1);
  return text != NULL ? text : "?";
}

/* Replaces the error on top by its first leaf. */
static void push_first_leaf(lua_State *L) {
  for (int i = 0; i < DEPTH && lua_istable(L, -1); i++) {
    lua_pushliteral(L, "error");
    if (lua_rawget(L, -2) == LUA_TNIL) {
      lua_pop(L, 1);
      return;
    }
    lua_remove(L, -2);
  }
}

static bool says_out_of_memory(lua_State *L, int status) {
  if (status == LUA_ERRMEM) return true;
  lua_pushvalue(L, -1);
  push_first_leaf(L);
  bool says = strstr(push_text(L), "not enough memory") != NULL;
  lua_pop(L, 1);
  return says;
}

/* }=== */

/* {=== a Lua state === */

enum { WARNINGS = 200 };

static void note_warning(void *data, const char *message, int more) {
  char *noted = data;
  size_t length = strlen(noted);
  snprintf(noted + length, WARNINGS - length, "%s%s", message,
           more ? "" : ". ");
}

static void load_modules(lua_State *L) {
  static const char *const names[] = {"cosched", "cosched.net", NULL};
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, luaopen_cosched_core);
  lua_setfield(L, -2, "cosched.core");
  for (int i = 0; names[i] != NULL; i++) {
    lua_getglobal(L, "require");
    lua_pushstring(L, names[i]);
    lua_call(L, 1, 0);
  }
}

/* prepare(plan): the scenario's function */
static int prepare(lua_State *L) {
  const plan *p = lua_touserdata(L, 1);
  luaL_openlibs(L);
  lua_getglobal(L, "package");
  lua_pushstring(L, p->lua_path);
  lua_setfield(L, -2, "path");
  load_modules(L);
  if (luaL_loadfilex(L, p->scenario, "t") != LUA_OK) return lua_error(L);
  lua_call(L, 0, 1);
  luaL_checktype(L, -1, LUA_TFUNCTION);
  return 1;
}

/* Leaves the scenario's function on the stack, or an error. */
static int call_prepare(lua_State *L, const plan *p) {
  lua_pushcfunction(L, prepare);
  lua_pushlightuserdata(L, (void *)p);
  return lua_pcall(L, 1, 1, 0);
}

/* Leaves nothing or an error above the scenario's function. */
static int call_scenario(lua_State *L) {
  lua_pushvalue(L, -1);
  return lua_pcall(L, 0, 0, 0);
}

/* }=== */

/* {=== a point === */

static void check_error(outcome *o, lua_State *L, int status) {
  if (!says_out_of_memory(L, status))
    complain(o, "another error: %s", push_text(L));
}

/* What failed when memory was short is done again when it is not. */
static void run_again(outcome *o, lua_State *L, const plan *p, char *warnings) {
  o->runs++;
  lua_settop(L, 0);
  lua_gc(L, LUA_GCCOLLECT); /* what was left open then may be warned of */
  *warnings = '\0';
  int status = call_prepare(L, p);
  if (status == LUA_OK) status = call_scenario(L);
  if (status != LUA_OK)
    complain(o, "the same state fails afterwards: %s", push_text(L));
  lua_gc(L, LUA_GCCOLLECT);
}

static void run_failing(outcome *o, lua_State *L, const plan *p, memory *m,
                        long n) {
  int status = LUA_OK;
  o->runs++;
  if (!p->from_start) {
    status = call_prepare(L, p);
    if (status != LUA_OK) complain(o, "does not start: %s", push_text(L));
    if (status == LUA_OK && !p->at_close) memory_arm(m, p->policy, n);
  } else {
    status = call_prepare(L, p);
  }
  if (status == LUA_OK) status = call_scenario(L);
  memory_disarm(m);
  o->refused = m->refused > 0;
  if (status == LUA_OK) return;
  if (!o->refused || p->policy == FIRST_TRY)
    complain(o, "fails: %s", push_text(L));
  else
    check_error(o, L, status);
}

static void close_state(outcome *o, lua_State *L, const plan *p, memory *m,
                        long n) {
  if (p->at_close) memory_arm(m, p->policy, n);
  lua_close(L);
  if (p->at_close) o->refused = m->refused > 0;
  memory_disarm(m);
  if (m->used != 0 || m->blocks != 0)
    complain(o, "%zu bytes in %ld blocks are left", m->used, m->blocks);
}

outcome run_point(const plan *p, long n) {
  outcome o = {.refused = false};
  memory m = {.policy = NEVER};
  char warnings[WARNINGS] = "";
  int descriptors = count_descriptors();
  long blocks = uv_blocks;
  if (p->from_start) memory_arm(&m, p->policy, n);
  lua_State *L = lua_newstate(memory_for_lua, &m);
  if (L == NULL) {
    o.refused = m.refused > 0;
    if (m.blocks != 0) complain(&o, "%ld blocks are left", m.blocks);
    return o;
  }
  lua_setwarnf(L, note_warning, warnings);
  lua_warning(L, "@on", 0);
  run_failing(&o, L, p, &m, n);
  if (!p->at_close) run_again(&o, L, p, warnings);
  close_state(&o, L, p, &m, n);
  /* short of memory, a finalizer may say that it was */
  if (*warnings != '\0' && !p->at_close) complain(&o, "warns: %s", warnings);
  int more = count_descriptors() - descriptors;
  if (more != 0) complain(&o, "%d more descriptors are open", more);
  if (uv_blocks != blocks)
    complain(&o, "libuv keeps %ld blocks", uv_blocks - blocks);
  return o;
}

/* }=== */
