/* address.c - parsing and printing is libuv's; this adds Lua and errors. */
#include "address.h"

#include <lauxlib.h>
#include <netinet/in.h>
#include <string.h>
#include <uv.h>

enum { LONGEST_NAME = 255 };

int cs_address_parse(cs_address *address, const char *host, int port) {
  memset(address, 0, sizeof *address);
  if (uv_ip4_addr(host, port, (struct sockaddr_in *)&address->storage) == 0)
    return 0;
  return uv_ip6_addr(host, port, (struct sockaddr_in6 *)&address->storage);
}

int cs_check_port(lua_State *L, int index) {
  lua_Integer port = luaL_checkinteger(L, index);
  luaL_argcheck(L, port >= 0 && port <= 65535, index,
                "a port is a number from 0 to 65535");
  return (int)port;
}

const char *cs_check_host(lua_State *L, int index) {
  size_t length;
  const char *host = luaL_checklstring(L, index, &length);
  luaL_argcheck(L, length > 0, index, "the host is empty");
  luaL_argcheck(L, length <= LONGEST_NAME, index, "the host is too long");
  luaL_argcheck(L, strlen(host) == length, index, "the host contains a zero");
  return host;
}

socklen_t cs_address_size(const cs_address *address) {
  return address->any.sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                            : sizeof(struct sockaddr_in);
}

int cs_push_address(lua_State *L, const cs_address *address) {
  char host[INET6_ADDRSTRLEN + UV_IF_NAMESIZE] = "";
  int port = 0;
  const char *family = "unix";
  if (address->any.sa_family == AF_INET) {
    const struct sockaddr_in *in = (const void *)&address->storage;
    uv_ip4_name(in, host, sizeof host);
    port = ntohs(in->sin_port);
    family = "inet";
  } else if (address->any.sa_family == AF_INET6) {
    const struct sockaddr_in6 *in6 = (const void *)&address->storage;
    uv_ip6_name(in6, host, sizeof host);
    port = ntohs(in6->sin6_port);
    family = "inet6";
  }
  lua_pushstring(L, host);
  lua_pushinteger(L, port);
  lua_pushstring(L, family);
  return 3;
}
