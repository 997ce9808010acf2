/* address.h - numeric addresses, as Lua and as the kernel have them. */
#ifndef CS_ADDRESS_H
#define CS_ADDRESS_H

#include <lua.h>
#include <stdbool.h>
#include <sys/socket.h>

typedef union cs_address {
  struct sockaddr any;
  struct sockaddr_storage storage;
} cs_address;

/* Reads a numeric IPv4 or IPv6 address ("::1", "fe80::1%eth0"). 0, or
 * UV_EINVAL when it is not one. */
int cs_address_parse(cs_address *address, const char *host, int port);

/* The port at `index`, 0 to 65535; raises otherwise. */
int cs_check_port(lua_State *L, int index);

/* The host at `index`: raises for an empty string, one with zeros inside, and
 * one that is too long for a name. */
const char *cs_check_host(lua_State *L, int index);

socklen_t cs_address_size(const cs_address *address);

/* Pushes host, port and "inet" or "inet6"; "", 0 and "unix" for a local socket.
 * Returns 3. */
int cs_push_address(lua_State *L, const cs_address *address);

#endif
