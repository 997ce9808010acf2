/* sys_channel.c - channels as Lua sees them. */
#include "channel.h"
#include "module.h"

/* {=== receiving === */

static int recv_finish(lua_State *L, cs_task *self) {
  ((cs_channel *)self->wait.on)->receiving--;
  if (self->wait.progress == 0) return cs_channel_reason(L, 1);
  cs_channel_collect(L, self);
  return 1;
}

/* Pushes the channel that a task waits for on its own thread. */
static void push_channel(cs_task *self) {
  if (self->raw)
    lua_getiuservalue(self->thread, -1, 1);
  else
    lua_pushvalue(self->thread, 1);
}

static void recv_cancel(cs_task *self) {
  cs_channel *channel = self->wait.on;
  if (self->state == CS_TASK_PARKED) {
    if (channel == NULL) return;
    cs_ring_remove(&channel->receivers, &self->wait.link);
    channel->receiving--;
  } else if (cs_call_intact(self)) { /* else the channel may be gone */
    channel->receiving--;
    if (self->wait.progress == 0) return;
    push_channel(self);
    cs_channel_give_back(self, channel);
    lua_pop(self->thread, 1);
  }
}

static int park_receiver(cs_task *self, cs_channel *channel,
                         const cs_wait_ops *ops) {
  cs_park(self, ops, channel);
  self->wait.progress = 0;
  cs_ring_append(&channel->receivers, &self->wait.link);
  channel->receiving++;
  return CS_PARKED;
}

/* A yielded call has taken the item on top, but its task goes on later: until
 * then the item lies where that of a woken receiver does. */
static int keep_taken(lua_State *L, cs_task *self, cs_channel *channel,
                      const cs_wait_ops *ops) {
  lua_xmove(L, self->thread, 1);
  lua_insert(self->thread, -2);
  channel->receiving++;
  self->wait.progress = ++channel->handed;
  return cs_requeue_taken(self, ops, channel);
}

static int receive_now(lua_State *L, cs_task *self, cs_channel *channel,
                       const cs_wait_ops *ops) {
  cs_transfer transfer = cs_channel_take(L, channel, 1);
  if (transfer == CS_TRANSFERRED)
    return self->raw ? keep_taken(L, self, channel, ops) : 1;
  if (transfer == CS_IS_CLOSED) return cs_channel_reason(L, 1);
  return park_receiver(self, channel, ops);
}

/* May an item have to be given back? */
static bool needs_room(cs_task *self, cs_channel *channel) {
  if (cs_channel_has_room(channel, 1)) return false;
  return cs_channel_can_take(channel) ? self->raw : !channel->closed;
}

static int receive(lua_State *L, cs_task *self, cs_channel *channel,
                   const cs_wait_ops *ops) {
  while ((channel->count == 0 || self->raw) && needs_room(self, channel))
    cs_channel_make_room(L, channel, 1, 1);
  return receive_now(L, self, channel, ops);
}

static const cs_wait_ops recv_ops = {
    .name = "channel receive", .finish = recv_finish, .cancel = recv_cancel};

/* channel:recv(): the next item; nil and the reason when it is closed and empty
 */
static int channel_recv(lua_State *L, cs_task *self) {
  return receive(L, self, cs_check_channel(L, 1), &recv_ops);
}

static int recv_quick(lua_State *L) {
  cs_channel *channel = cs_to_channel(L, 1);
  if (channel == NULL || !cs_may_call(L, channel->rt)) return cs_trap(L);
  cs_task *self = channel->rt->current;
  return cs_answer(L, self, receive(L, self, channel, &recv_ops));
}

/* channel:try_recv(): the next item; or nil, a message, a code */
static int channel_try_recv(lua_State *L, cs_task *self) {
  (void)self;
  switch (cs_channel_take(L, cs_check_channel(L, 1), 1)) {
  case CS_TRANSFERRED:
    return 1;
  case CS_IS_CLOSED:
    cs_channel_reason(L, 1);
    lua_pushliteral(L, "ECLOSED");
    return 3;
  default:
    lua_pushnil(L);
    lua_pushliteral(L, "empty");
    lua_pushliteral(L, "EAGAIN");
    return 3;
  }
}

/* }=== */

/* {=== sending === */

static int send_finish(lua_State *L, cs_task *self) {
  (void)self;
  lua_pushboolean(L, 1);
  return 1;
}

static void send_cancel(cs_task *self) {
  cs_channel *channel = self->wait.on;
  if (self->state != CS_TASK_PARKED || channel == NULL) return;
  cs_ring_remove(&channel->senders, &self->wait.link);
}

static const cs_wait_ops send_ops = {
    .name = "channel send", .finish = send_finish, .cancel = send_cancel};

void cs_check_item(lua_State *L, int index) {
  if (lua_isnoneornil(L, index))
    luaL_argerror(L, index,
                  "nil cannot be sent, for recv gives nil when the channel is "
                  "closed: send false, or close the channel");
}

static int transmit(lua_State *L, cs_task *self, cs_channel *channel) {
  cs_check_item(L, 2);
  cs_transfer transfer = cs_channel_put(L, channel, 1, 2);
  if (transfer == CS_TRANSFERRED) {
    lua_pushboolean(L, 1);
    return 1;
  }
  if (transfer == CS_IS_CLOSED) return luaL_error(L, "channel is closed");
  cs_park(self, &send_ops, channel);
  cs_ring_append(&channel->senders, &self->wait.link);
  return CS_PARKED;
}

/* channel:send(value): true, when it is received or in the buffer */
static int channel_send(lua_State *L, cs_task *self) {
  return transmit(L, self, cs_check_channel(L, 1));
}

static int send_quick(lua_State *L) {
  cs_channel *channel = cs_to_channel(L, 1);
  if (channel == NULL || !cs_may_call(L, channel->rt)) return cs_trap(L);
  cs_task *self = channel->rt->current;
  return cs_answer(L, self, transmit(L, self, channel));
}

/* channel:try_send(value): true; or nil, a message, a code */
static int channel_try_send(lua_State *L, cs_task *self) {
  (void)self;
  cs_channel *channel = cs_check_channel(L, 1);
  cs_check_item(L, 2);
  cs_transfer transfer = cs_channel_put(L, channel, 1, 2);
  if (transfer == CS_TRANSFERRED) {
    lua_pushboolean(L, 1);
    return 1;
  }
  bool closed = transfer == CS_IS_CLOSED;
  lua_pushnil(L);
  lua_pushstring(L, closed ? "closed" : "full");
  lua_pushstring(L, closed ? "ECLOSED" : "EAGAIN");
  return 3;
}

/* }=== */

/* {=== iterating === */

/* Of a receive: an item goes on as it is; the end of the channel ends the loop,
 * or raises what the channel was closed with. */
static int iterate(lua_State *L, int nresults) {
  if (nresults != 2) return nresults;
  lua_pushliteral(L, "closed");
  if (!lua_rawequal(L, -1, -2)) return lua_pop(L, 1), lua_error(L);
  lua_pushnil(L);
  return 1;
}

static int next_finish(lua_State *L, cs_task *self) {
  return iterate(L, recv_finish(L, self));
}

static const cs_wait_ops next_ops = {
    .name = "channel receive", .finish = next_finish, .cancel = recv_cancel};

static int channel_next(lua_State *L, cs_task *self) {
  return iterate(L, receive(L, self, cs_check_channel(L, 1), &next_ops));
}

static const cs_syscall next_row = {.name = "iter", .handler = channel_next};

/* channel:iter(): for a generic for: the items, until it is closed and empty */
static int channel_iter(lua_State *L, cs_task *self) {
  (void)self;
  cs_check_channel(L, 1);
  cs_push_direct(L, &next_row);
  lua_pushvalue(L, 1);
  return 2;
}

/* }=== */

/* {=== the rest === */

/* channel:close([reason]): false if it was closed before */
static int channel_close(lua_State *L, cs_task *self) {
  (void)self;
  cs_channel *channel = cs_check_channel(L, 1);
  lua_settop(L, 2);
  bool first = !channel->closed;
  if (first) {
    lua_setiuservalue(L, 1, CS_REASON);
    cs_channel_close(channel);
  }
  lua_pushboolean(L, first);
  return 1;
}

/* #channel: the items in its buffer */
static int channel_len(lua_State *L) {
  lua_pushinteger(L, cs_channel_items(cs_check_channel(L, 1)));
  return 1;
}

static int channel_tostring(lua_State *L) {
  const cs_channel *channel = cs_check_channel(L, 1);
  lua_pushfstring(L, "cosched.Channel: %p (%I of %I%s)", (const void *)channel,
                  (LUAI_UACINT)cs_channel_items(channel),
                  (LUAI_UACINT)channel->capacity,
                  channel->closed ? ", closed" : "");
  return 1;
}

static int channel_gc(lua_State *L) {
  cs_channel_abandon(cs_check_channel(L, 1));
  return 0;
}

/* channel([capacity]): a new channel, whose buffer holds that many items */
static int channel(lua_State *L) {
  lua_Integer capacity = luaL_optinteger(L, 1, 0);
  luaL_argcheck(L, capacity >= 0 && capacity <= INT32_MAX, 1,
                "the capacity is a whole number from 0 to 2147483647");
  cs_channel_new(L, (uint32_t)capacity);
  return 1;
}

/* }=== */

static const cs_syscall methods[] = {
    {.name = "send", .handler = channel_send, .quick = send_quick},
    {.name = "recv", .handler = channel_recv, .quick = recv_quick},
    {.name = "try_send", .handler = channel_try_send, .instant = true},
    {.name = "try_recv", .handler = channel_try_recv, .instant = true},
    {.name = "close", .handler = channel_close, .instant = true},
    {.name = "iter", .handler = channel_iter, .instant = true},
    {.name = NULL},
};

/* As objects: sys.send and sys.recv are those of sockets. */
static const cs_syscall objects[] = {
    {.name = "channel_send", .handler = channel_send},
    {.name = "channel_recv", .handler = channel_recv},
    {.name = NULL},
};

static void open_channel(lua_State *L) {
  static const luaL_Reg fields[] = {{"__len", channel_len},
                                    {"__tostring", channel_tostring},
                                    {"__gc", channel_gc},
                                    {NULL, NULL}};
  cs_push_type(L, "cosched.Channel", fields);
  lua_newtable(L);
  for (const cs_syscall *row = methods; row->name != NULL; row++) {
    cs_push_direct(L, row);
    lua_setfield(L, -2, row->name);
  }
  cs_name_methods(L, lua_gettop(L), "cosched.Channel");
  lua_setfield(L, -2, "__index");
  lua_setiuservalue(L, lua_upvalueindex(1), CS_CHANNEL_META);
  for (const cs_syscall *row = objects; row->name != NULL; row++) {
    cs_push_constructor(L, row, 0);
    lua_setfield(L, 2, row->name);
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushcclosure(L, channel, 1);
  lua_setfield(L, 1, "channel");
}

const cs_module cs_module_channel = {NULL, open_channel, NULL};
