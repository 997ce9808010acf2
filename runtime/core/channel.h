/* channel.h - a queue of values between tasks, and of the tasks that wait for
 * it.
 *
 * Receivers wait only while there is no item and no sender, senders only while
 * the buffer is full; so whoever comes either finds its counterpart, hands over
 * at once and wakes it, or joins its own kind at the tail.
 *
 * Values stay where the collector sees them: in the buffer, a table that grows
 * up to the capacity; on the stack of the sender that waits, as its argument;
 * on the stack of the receiver that was woken and has not collected. If that
 * one is killed first, its item goes to the next receiver, or back: to the
 * returned items, which come before those of the buffer and are kept in the
 * order in which they were sent. For each receiver that waits there is room to
 * return an item, since that may not fail. */
#ifndef CS_CHANNEL_H
#define CS_CHANNEL_H

#include "call.h"
#include "waiter.h"

typedef struct cs_channel {
  const void *type; /* cheaper to compare than a metatable */
  cs_runtime *rt;
  cs_ring receivers, senders;
  uint32_t capacity;
  uint32_t count, head, slots;    /* the buffer: items, the first, its size */
  uint32_t returned, first, room; /* the returned items, likewise */
  uint32_t receiving; /* who waits to receive, or was woken and has not */
  uint32_t wanted;    /* how many arms of one select are to wait to receive */
  size_t handed;      /* numbers the items that waiting receivers were given */
  bool closed;
} cs_channel;

/* User values of a channel. */
enum { CS_BUFFER = 1, CS_RETURNED, CS_REASON, CS_CHANNEL_VALUES = CS_REASON };

typedef enum cs_transfer {
  CS_TRANSFERRED,
  CS_MUST_WAIT, /* there is no counterpart, and no room or no item */
  CS_IS_CLOSED,
} cs_transfer;

/* Pushes a new channel. Raises. */
cs_channel *cs_channel_new(lua_State *L, uint32_t capacity);

/* The argument at `index` as a channel; raises when it is none. */
cs_channel *cs_check_channel(lua_State *L, int index);

/* The same, NULL when it is none. */
cs_channel *cs_to_channel(lua_State *L, int index);

/* Sends the value at `value` into the channel at `at`, if that needs no wait.
 * Raises when memory is short; then nothing has changed. */
cs_transfer cs_channel_put(lua_State *L, cs_channel *channel, int at,
                           int value);

/* Pushes the next item of the channel at `at`, if that needs no wait; the item
 * is on top, and there may be others below it. */
cs_transfer cs_channel_take(lua_State *L, cs_channel *channel, int at);

/* Whether they would not have to wait. */
bool cs_channel_can_put(cs_channel *channel);
bool cs_channel_can_take(cs_channel *channel);

/* Makes sure that n more receivers may wait. Raises, or runs finalizers: what
 * was known of the channel may not hold afterwards. */
static inline bool cs_channel_has_room(const cs_channel *channel, uint32_t n) {
  return channel->room - channel->returned >= channel->receiving + n;
}
void cs_channel_make_room(lua_State *L, cs_channel *channel, int at,
                          uint32_t n);

/* Raises when it is nil, which cannot be an item. */
void cs_check_item(lua_State *L, int index);

/* Pushes the item that a woken receiver was given, on its own stack or, for a
 * yielded call, on the loop's. */
void cs_channel_collect(lua_State *L, cs_task *self);

/* A receiver that was woken will never collect. Its channel is on top of its
 * thread, and stays there. */
void cs_channel_give_back(cs_task *self, cs_channel *channel);

/* Pushes nil and why the channel was closed; returns 2. */
int cs_channel_reason(lua_State *L, int at);

/* Closes it, whose reason is set: wakes all receivers. */
void cs_channel_close(cs_channel *channel);

/* Nobody has it any more: who still stands in a queue was closed by a stranger,
 * and must not look for it. */
void cs_channel_abandon(cs_channel *channel);

static inline uint32_t cs_channel_items(const cs_channel *channel) {
  return channel->count + channel->returned;
}

#endif
