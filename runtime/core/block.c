/* block.c - entering and leaving; nothing here runs Lua. */
#include "block.h"

#include "keep.h"

#include <assert.h>
#include <lauxlib.h>

cs_block *cs_block_new(lua_State *L, bool timed) {
  cs_runtime *rt = cs_runtime_of(L);
  luaL_checkstack(L, LUA_MINSTACK, "not enough memory");
  if (!rt->open) luaL_error(L, "the runtime is closed");
  bool room = !timed || cs_timers_reserve(&rt->timers) == 0;
  cs_block *block = room ? cs_alloc(rt, sizeof *block) : NULL;
  if (block == NULL) luaL_error(L, "not enough memory");
  *block = (cs_block){.rt = rt, .deadline = CS_NEVER};
  cs_queue_append(&rt->blocks, &block->link);
  cs_nursery_init(&block->nursery, CS_SCOPE_BLOCK);
  return block;
}

static void free_block(cs_block *block) {
  cs_link_remove(&block->link);
  cs_free(block->rt, block, sizeof *block);
}

void cs_block_free_if_unowned(lua_State *L, cs_block *block) {
  if (block->handle != NULL || block->task != NULL || block->pinned) return;
  cs_forget_reason(L, &block->nursery.scope);
  if (block->named) cs_set_name(L, block, -1);
  free_block(block);
}

void cs_blocks_close(cs_runtime *rt) {
  while (!cs_queue_empty(&rt->blocks)) {
    cs_block *block = CS_OWNER(rt->blocks.next, cs_block, link);
    if (block->handle != NULL) *block->handle = NULL;
    free_block(block);
  }
}

static void start_timer(cs_block *block) {
  if (block->task == NULL || block->deadline == CS_NEVER) return;
  if (block->nursery.scope.cancelled) return;
  if (block->deadline <= cs_now(block->rt))
    cs_cancel(block->rt, &block->nursery.scope, CS_BY_DEADLINE);
  else
    cs_timer_start(&block->rt->timers, &block->timer, block->deadline);
}

void cs_block_enter(cs_block *block, cs_task *self) {
  block->used = true;
  block->task = self;
  block->timer.kind = CS_TIMER_BLOCK;
  block->outer_failing = self->failing;
  self->failing = self->rethrown = false;
  cs_scope_open(&block->nursery.scope, self->scope);
  self->scope = &block->nursery.scope;
  start_timer(block);
}

void cs_block_leave(lua_State *L, cs_block *block) {
  cs_task *self = block->task;
  assert(self->scope == &block->nursery.scope);
  cs_timer_stop(&block->rt->timers, &block->timer);
  self->scope = block->nursery.scope.parent;
  self->failing = block->outer_failing;
  cs_scope_close(&block->nursery.scope);
  if (block->nursery.reports) cs_set_callback(L, &block->nursery, -1);
  block->closed = true;
  block->task = NULL;
  cs_block_free_if_unowned(L, block);
}

void cs_blocks_abandon(lua_State *L, cs_task *task) {
  while (task->scope != &task->own.scope) {
    cs_block *block = cs_scope_block(task->scope);
    cs_nursery_abandon(task->rt, &block->nursery);
    cs_block_leave(L, block);
  }
}

void cs_block_set_deadline(cs_block *block, uint64_t deadline) {
  cs_timer_stop(&block->rt->timers, &block->timer);
  block->deadline = deadline;
  start_timer(block);
}

void cs_block_expired(cs_timer *timer) {
  cs_block *block = CS_OWNER(timer, cs_block, timer);
  cs_cancel(block->rt, &block->nursery.scope, CS_BY_DEADLINE);
}
