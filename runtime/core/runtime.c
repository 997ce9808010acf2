/* runtime.c - opening and closing. The finalizer is set before there is
 * anything to release, and knows what has been opened. */
#include "runtime.h"

#include "block.h"
#include "random.h"
#include "ticker.h"

#include <assert.h>
#include <lauxlib.h>

static const char registry_key = 0;

cs_runtime *cs_runtime_push(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &registry_key);
  return lua_touserdata(L, -1);
}

void *cs_realloc(cs_runtime *rt, void *block, size_t old_size, size_t size) {
  return rt->alloc(rt->alloc_data, block, old_size, size);
}

void *cs_alloc(cs_runtime *rt, size_t size) {
  return cs_realloc(rt, NULL, 0, size);
}

void cs_free(cs_runtime *rt, void *block, size_t size) {
  if (block != NULL) cs_realloc(rt, block, size, 0);
}

static void close_handle(uv_handle_t *handle, void *data) {
  (void)data;
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

void cs_runtime_close(cs_runtime *rt) {
  if (!rt->open) return;
  rt->open = false;
  cs_ticker_stop(rt);
  uv_walk(&rt->loop, close_handle, NULL);
  uv_run(&rt->loop, UV_RUN_DEFAULT);
  int status = uv_loop_close(&rt->loop);
  assert(status == 0); /* every handle was closed, every request is back */
  (void)status;
  cs_timers_close(&rt->timers);
  cs_blocks_close(rt);
}

static void open_loop(lua_State *L, cs_runtime *rt) {
  int status = uv_loop_init(&rt->loop);
  if (status != 0)
    luaL_error(L, "cannot open the event loop: %s", uv_strerror(status));
  rt->loop.data = rt;
  uv_timer_init(&rt->loop, &rt->alarm);
  rt->open = true;
}

cs_runtime *cs_runtime_new(lua_State *L) {
  cs_runtime *rt = lua_newuserdatauv(L, sizeof *rt, CS_ANCHORS);
  *rt = (cs_runtime){.live = 0};
  rt->alloc = lua_getallocf(L, &rt->alloc_data);
  cs_link_init(&rt->ready);
  cs_link_init(&rt->killed);
  cs_link_init(&rt->blocks);
  cs_timers_open(&rt->timers, rt->alloc, rt->alloc_data);
  cs_nursery_init(&rt->root, CS_SCOPE_ROOT);
  return rt;
}

void cs_runtime_start(lua_State *L, cs_runtime *rt) {
  open_loop(L, rt);
  cs_random_seed(rt, uv_hrtime());
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &registry_key);
}
