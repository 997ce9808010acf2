/* cosched.h - the public C interface of libcosched.
 *
 * A host links libcosched and opens the module in a Lua 5.4 state of its own:
 *
 *     luaL_requiref(L, "cosched.core", luaopen_cosched_core, 0);
 *
 * One runtime belongs to one lua_State and is used from one thread at a time.
 * Several states may run side by side, each on a thread of its own: cosched
 * keeps no global state. The runtime is closed by lua_close. */
#ifndef COSCHED_H
#define COSCHED_H

#include <lua.h>

#if LUA_VERSION_NUM < 504
#error "cosched needs Lua 5.4: point LUA_CFLAGS at its headers"
#endif

#define COSCHED_VERSION_MAJOR 0
#define COSCHED_VERSION_MINOR 1
#define COSCHED_VERSION_PATCH 0
#define COSCHED_VERSION_STRING "0.1.0"

#if defined(__GNUC__) || defined(__clang__)
#define COSCHED_API __attribute__((visibility("default")))
#else
#define COSCHED_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library that is running, as "MAJOR.MINOR.PATCH". The
 * string is static. Any thread. */
COSCHED_API const char *cosched_version(void);

/* Opens the module: pushes one table and returns 1. Opening it again in the
 * same state gives the same runtime. Call it through luaL_requiref or from
 * package.preload, on the thread that owns L; it may raise a Lua error. */
COSCHED_API int luaopen_cosched_core(lua_State *L);

#ifdef __cplusplus
}
#endif

#endif
