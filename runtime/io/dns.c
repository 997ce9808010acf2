/* dns.c - names to addresses, on libuv's thread pool. */
#include "address.h"
#include "clock.h"
#include "keep.h"
#include "module.h"
#include "request.h"

#include <netinet/in.h>

typedef struct resolve_request {
  cs_request base;
  uv_getaddrinfo_t uv;
  struct addrinfo *found;
  int status;
} resolve_request;

static void release_found(cs_request *base) {
  uv_freeaddrinfo(((resolve_request *)base)->found);
}

static void on_resolved(uv_getaddrinfo_t *uv, int status,
                        struct addrinfo *found) {
  resolve_request *request = CS_OWNER(uv, resolve_request, uv);
  request->status = status;
  request->found = found;
  cs_request_arrived(&request->base);
}

/* A look-up that runs cannot be stopped: it comes back to nobody. */
static void resolve_cancel(cs_task *self) {
  resolve_request *request = self->wait.on;
  request->base.task = NULL;
  if (request->base.in_loop) uv_cancel((uv_req_t *)&request->uv);
}

/* Appends {host=, family=} to the list on top. */
static void append_address(lua_State *L, const struct sockaddr *any, int i) {
  const cs_address *address = (const void *)any;
  lua_createtable(L, 0, 2);
  cs_push_address(L, address);
  lua_setfield(L, -4, "family");
  lua_pop(L, 1);
  lua_setfield(L, -2, "host");
  lua_rawseti(L, -2, i);
}

static int resolve_finish(lua_State *L, cs_task *self) {
  resolve_request *request = self->wait.on;
  int n = 0;
  cs_take_held(L, self); /* the box; collected with what is found */
  if (request->status != 0) return cs_fail(L, request->status);
  lua_newtable(L);
  for (struct addrinfo *each = request->found; each != NULL;
       each = each->ai_next)
    if (each->ai_family == AF_INET || each->ai_family == AF_INET6)
      append_address(L, each->ai_addr, ++n);
  return n > 0 ? 1 : cs_fail(L, UV_EAI_NONAME);
}

static const cs_wait_ops resolve_ops = {.name = "a name to be resolved",
                                        .finish = resolve_finish,
                                        .cancel = resolve_cancel,
                                        .outside = true};

static int check_family(lua_State *L, int index) {
  static const char *const names[] = {"any", "inet", "inet6", NULL};
  static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6};
  return families[luaL_checkoption(L, index, "any", names)];
}

static int start_resolve(lua_State *L, cs_task *self, const char *name,
                         int family, uint64_t delay) {
  struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
  cs_request *base = cs_request_new(L, sizeof(resolve_request), release_found);
  resolve_request *request = (resolve_request *)base;
  if (cs_timers_reserve(&self->rt->timers) != 0) return cs_fail(L, UV_ENOMEM);
  cs_hold(L, self);
  int status = uv_getaddrinfo(&self->rt->loop, &request->uv, on_resolved, name,
                              NULL, &hints);
  if (status != 0) {
    cs_take_held(L, self);
    return cs_fail(L, status);
  }
  cs_request_started(base, self);
  return cs_park_until(self, &resolve_ops, request,
                       cs_deadline_after(self->rt, delay));
}

/* resolve(name[, family[, seconds]]): a list of {host=, family=}, best first;
 * family is "any", "inet" or "inet6"; nil, message, code */
static int sys_resolve(lua_State *L, cs_task *self) {
  cs_address address;
  const char *name = cs_check_host(L, 1);
  int family = check_family(L, 2);
  uint64_t delay = lua_isnoneornil(L, 3) ? CS_NEVER : cs_check_delay(L, 3);
  bool numeric = cs_address_parse(&address, name, 0) == 0;
  if (!numeric && delay == 0) return cs_fail(L, CS_EDEADLINE);
  if (!numeric) return start_resolve(L, self, name, family, delay);
  if (family != AF_UNSPEC && family != address.any.sa_family)
    return cs_fail(L, UV_EAI_ADDRFAMILY);
  lua_newtable(L);
  append_address(L, &address.any, 1);
  return 1;
}

static const cs_syscall syscalls[] = {
    {.name = "resolve", .handler = sys_resolve},
    {.name = NULL},
};

static void open_dns(lua_State *L) { cs_request_open(L); }

const cs_module cs_module_dns = {syscalls, open_dns, NULL};
