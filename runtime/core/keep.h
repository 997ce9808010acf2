/* keep.h - Lua values that C keeps for later: what a wait needs when it ends,
 * the callbacks of nurseries and rows. */
#ifndef CS_KEEP_H
#define CS_KEEP_H

#include "task.h"

/* Keeps the value on top of the stack, which stays there, for the wait that the
 * running task is about to begin. May raise. */
void cs_hold(lua_State *L, cs_task *self);

/* Pushes the value that was kept, and keeps it no longer. */
void cs_take_held(lua_State *L, cs_task *self);

/* Keeps the value at `index` as the callback of a nursery or a row, under its
 * address; a negative index forgets it, and then nothing is allocated. */
void cs_set_callback(lua_State *L, const void *key, int index);

/* The same for the name of a block. */
void cs_set_name(lua_State *L, const void *block, int index);
void cs_push_block_name(lua_State *L, const void *block);

/* Keeps a cancellation: its source, with the reason at `index` or none. Returns
 * its key in CS_CANCELLED. May raise. */
uint32_t cs_keep_reason(lua_State *L, const char *source, int index);

/* Forgets it, if the key is that of one that was kept. */
void cs_drop_reason(lua_State *L, uint32_t key);

/* Cancels a scope, with the reason at `index` or none. May raise. */
void cs_cancel_by_call(lua_State *L, cs_runtime *rt, cs_scope *scope,
                       int index);

/* Forgets the reason that a scope was cancelled with by itself. */
void cs_forget_reason(lua_State *L, cs_scope *scope);

/* Gives a new task the task-local values of another one. May raise. */
void cs_locals_inherit(lua_State *L, cs_task *task, const cs_task *from);

/* Forgets them. */
void cs_locals_forget(lua_State *L, cs_task *task);

/* Replaces the n values on top by a table of them, which knows n. */
void cs_pack(lua_State *L, int n);

/* Replaces such a table on top by its values; returns their count. Raises when
 * they are too many for the stack. */
int cs_unpack(lua_State *L);

#endif
