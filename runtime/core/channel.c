/* channel.c - who gives what to whom. What allocates comes first, and runs
 * finalizers, which may use the same channel: so after it all is looked at
 * again. */
#include "channel.h"

enum {
  FIRST_SLOTS = 4,
  KEPT_SLOTS = 1024, /* of a buffer that was emptied */
};

static const char channel_type = 0;

cs_channel *cs_channel_new(lua_State *L, uint32_t capacity) {
  cs_channel *channel =
      lua_newuserdatauv(L, sizeof *channel, CS_CHANNEL_VALUES);
  *channel = (cs_channel){
      .type = &channel_type, .rt = cs_runtime_of(L), .capacity = capacity};
  cs_push_anchor(L, CS_CHANNEL_META);
  lua_setmetatable(L, -2);
  return channel;
}

cs_channel *cs_to_channel(lua_State *L, int index) {
  cs_channel *channel = lua_touserdata(L, index);
  if (channel == NULL || lua_rawlen(L, index) < sizeof *channel) return NULL;
  return channel->type == &channel_type ? channel : NULL;
}

cs_channel *cs_check_channel(lua_State *L, int index) {
  cs_channel *channel = cs_to_channel(L, index);
  if (channel == NULL) cs_type_error(L, index, "cosched.Channel");
  return channel;
}

/* {=== the buffer === */

static void grow_buffer(lua_State *L, cs_channel *channel, int at) {
  uint32_t slots = channel->slots, more = FIRST_SLOTS;
  if (slots > 0) more = slots < channel->capacity / 2 ? 2 * slots : UINT32_MAX;
  if (more > channel->capacity) more = channel->capacity;
  lua_createtable(L, (int)more, 0);
  if (channel->slots == slots) { /* no finalizer has done it */
    lua_getiuservalue(L, at, CS_BUFFER);
    for (uint32_t i = 0; i < channel->count; i++) {
      lua_rawgeti(L, -1, 1 + (channel->head + i) % slots);
      lua_rawseti(L, -3, 1 + i);
    }
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, at, CS_BUFFER);
    channel->head = 0;
    channel->slots = more;
  }
  lua_pop(L, 1);
}

/* Appends the value at `value`, an absolute index; there is a free slot. Leaves
 * the table on the stack. */
static void push_item(lua_State *L, cs_channel *channel, int at, int value) {
  uint32_t slot = channel->head + channel->count;
  if (slot >= channel->slots) slot -= channel->slots;
  lua_getiuservalue(L, at, CS_BUFFER);
  lua_pushvalue(L, value);
  lua_rawseti(L, -2, 1 + slot);
  channel->count++;
}

/* Pushes the first item, above its table. */
static void pop_item(lua_State *L, cs_channel *channel, int at) {
  lua_getiuservalue(L, at, CS_BUFFER);
  lua_rawgeti(L, -1, 1 + channel->head);
  lua_pushnil(L);
  lua_rawseti(L, -3, 1 + channel->head);
  if (++channel->head == channel->slots) channel->head = 0;
  if (--channel->count > 0 || channel->slots <= KEPT_SLOTS) return;
  lua_pushnil(L);
  lua_setiuservalue(L, at, CS_BUFFER);
  channel->slots = channel->head = 0;
}

/* }=== */

/* {=== returned items: pairs of number and value, in a ring === */

/* Where the number of the i-th is, in the table; its value is next to it. */
static lua_Integer place(const cs_channel *channel, uint32_t i) {
  return 2 * (lua_Integer)((channel->first + i) % channel->room) + 1;
}

static void move_pair(lua_State *L, lua_Integer from, int to_table,
                      lua_Integer to) {
  for (int i = 0; i < 2; i++) {
    lua_rawgeti(L, -1, from + i);
    lua_rawseti(L, to_table - (to_table < 0), to + i);
  }
}

void cs_channel_make_room(lua_State *L, cs_channel *channel, int at,
                          uint32_t n) {
  while (!cs_channel_has_room(channel, n)) {
    uint32_t room = channel->room;
    uint32_t more = 2 * room + n;
    if (more > INT32_MAX / 2) luaL_error(L, "too many receivers wait");
    lua_createtable(L, (int)(2 * more), 0);
    if (channel->room == room) {
      lua_getiuservalue(L, at, CS_RETURNED);
      for (uint32_t i = 0; i < channel->returned; i++)
        move_pair(L, place(channel, i), -2, 2 * (lua_Integer)i + 1);
      lua_pop(L, 1);
      lua_pushvalue(L, -1);
      lua_setiuservalue(L, at, CS_RETURNED);
      channel->first = 0;
      channel->room = more;
    }
    lua_pop(L, 1);
  }
}

static size_t number_of(lua_State *L, const cs_channel *channel, uint32_t i) {
  lua_rawgeti(L, -1, place(channel, i));
  size_t number = (size_t)lua_tointeger(L, -1);
  lua_pop(L, 1);
  return number;
}

/* Keeps the value below the channel, which is on top; both stay there. Mostly
 * it is the newest or the oldest of them. */
static void keep_returned(lua_State *L, cs_channel *channel, size_t number) {
  uint32_t i = channel->returned++;
  lua_getiuservalue(L, -1, CS_RETURNED);
  if (i > 0 && number < number_of(L, channel, 0)) {
    channel->first = (channel->first + channel->room - 1) % channel->room;
    i = 0;
  }
  for (; i > 0 && number_of(L, channel, i - 1) > number; i--)
    move_pair(L, place(channel, i - 1), -1, place(channel, i));
  lua_pushinteger(L, (lua_Integer)number);
  lua_rawseti(L, -2, place(channel, i));
  lua_pushvalue(L, -3);
  lua_rawseti(L, -2, place(channel, i) + 1);
  lua_pop(L, 1);
}

/* Pushes the oldest, above its table. */
static void take_returned(lua_State *L, cs_channel *channel, int at) {
  lua_getiuservalue(L, at, CS_RETURNED);
  lua_rawgeti(L, -1, place(channel, 0) + 1);
  lua_pushnil(L);
  lua_rawseti(L, -3, place(channel, 0) + 1);
  channel->first = (channel->first + 1) % channel->room;
  channel->returned--;
}

/* }=== */

/* {=== handing over === */

/* Gives the value on top of `from`, which is popped, to a receiver that waits:
 * onto its stack, below the object if it has yielded one. False, nothing
 * popped, if a stranger has closed its thread; it was woken all the same. */
static bool hand_over(lua_State *from, cs_channel *channel, cs_link *link,
                      size_t number) {
  cs_task *task = cs_waiter_wake(&channel->receivers, link);
  if (!cs_call_intact(task)) return false;
  lua_xmove(from, task->thread, 1);
  if (task->raw) lua_insert(task->thread, -2);
  task->wait.progress = number;
  return true;
}

void cs_channel_collect(lua_State *L, cs_task *self) {
  if (!self->raw) return; /* it is on top */
  lua_insert(self->thread, -2);
  lua_xmove(self->thread, L, 1);
}

void cs_channel_give_back(cs_task *self, cs_channel *channel) {
  lua_State *thread = self->thread;
  size_t number = self->wait.progress;
  lua_pushvalue(thread, self->raw ? -3 : -2);
  for (cs_link *link; (link = cs_waiters_first(&channel->receivers)) != NULL;)
    if (hand_over(thread, channel, link, number)) return;
  lua_insert(thread, -2);
  keep_returned(thread, channel, number);
  lua_remove(thread, -2);
}

/* Pushes the value of a sender that waits, which is woken. False, nothing
 * pushed, if a stranger has closed its thread. */
static bool take_sent(lua_State *L, cs_channel *channel, cs_link *link) {
  cs_task *task = cs_waiter_wake(&channel->senders, link);
  if (cs_is_arm(link)) {
    cs_select_push_sent(L, task);
    return true;
  }
  if (!cs_call_intact(task)) return false;
  if (task->raw)
    lua_getiuservalue(task->thread, -1, 2);
  else
    lua_pushvalue(task->thread, 2);
  lua_xmove(task->thread, L, 1);
  return true;
}

/* An item was taken from the buffer: the first sender's moves up. */
static void refill(lua_State *L, cs_channel *channel, int at) {
  cs_link *link;
  while (cs_channel_items(channel) < channel->capacity &&
         channel->count < channel->slots &&
         (link = cs_waiters_first(&channel->senders)) != NULL)
    if (take_sent(L, channel, link)) {
      push_item(L, channel, at, lua_gettop(L));
      lua_pop(L, 2);
    }
}

cs_transfer cs_channel_put(lua_State *L, cs_channel *channel, int at,
                           int value) {
  for (;;) {
    if (channel->closed) return CS_IS_CLOSED;
    cs_link *link = cs_waiters_first(&channel->receivers);
    if (link != NULL) {
      lua_pushvalue(L, value);
      if (hand_over(L, channel, link, ++channel->handed)) return CS_TRANSFERRED;
      lua_pop(L, 1);
    } else if (!cs_channel_can_put(channel)) {
      return CS_MUST_WAIT;
    } else if (channel->count == channel->slots) {
      grow_buffer(L, channel, at);
    } else {
      push_item(L, channel, at, value);
      return CS_TRANSFERRED;
    }
  }
}

cs_transfer cs_channel_take(lua_State *L, cs_channel *channel, int at) {
  if (channel->returned > 0) {
    if (channel->count == channel->slots && channel->slots < channel->capacity)
      grow_buffer(L, channel, at); /* for the sender that moves up */
  }
  if (channel->returned > 0) {
    take_returned(L, channel, at);
  } else if (channel->count > 0) {
    pop_item(L, channel, at);
  } else {
    cs_link *link;
    while ((link = cs_waiters_first(&channel->senders)) != NULL)
      if (take_sent(L, channel, link)) return CS_TRANSFERRED;
    return channel->closed ? CS_IS_CLOSED : CS_MUST_WAIT;
  }
  if (channel->senders != NULL) refill(L, channel, at);
  return CS_TRANSFERRED;
}

bool cs_channel_can_put(cs_channel *channel) {
  if (channel->closed) return false;
  return cs_waiters_first(&channel->receivers) != NULL ||
         (cs_channel_items(channel) < channel->capacity &&
          cs_waiters_first(&channel->senders) == NULL);
}

bool cs_channel_can_take(cs_channel *channel) {
  return cs_channel_items(channel) > 0 ||
         cs_waiters_first(&channel->senders) != NULL;
}

/* }=== */

/* {=== the end === */

int cs_channel_reason(lua_State *L, int at) {
  lua_pushnil(L);
  if (lua_getiuservalue(L, at, CS_REASON) != LUA_TNIL) return 2;
  lua_pop(L, 1);
  lua_pushliteral(L, "closed");
  return 2;
}

void cs_channel_close(cs_channel *channel) {
  channel->closed = true;
  for (cs_link *link; (link = cs_waiters_first(&channel->receivers)) != NULL;)
    cs_waiter_wake(&channel->receivers, link)->wait.progress = 0;
}

static void abandon(cs_ring *queue) {
  while (*queue != NULL) {
    cs_link *link = cs_ring_take(queue);
    if (cs_is_arm(link))
      CS_OWNER(link, cs_arm, link)->queue = NULL;
    else
      cs_waiter_task(link)->wait.on = NULL;
  }
}

void cs_channel_abandon(cs_channel *channel) {
  abandon(&channel->receivers);
  abandon(&channel->senders);
}

/* }=== */
