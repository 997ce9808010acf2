rockspec_format = "3.0"
package = "cosched"
version = "scm-1"
source = {
  url = "git+https://example.invalid/cosched.git",
  branch = "main",
}
description = {
  summary = "Tasks, waiting and I/O for Lua 5.4 over libuv",
  detailed = [[
A small operating system for Lua coroutines: tasks that wait without blocking
for sockets, timers, names and each other, in plain sequential code.
As a command, as a Lua module, or embedded in a C program.]],
  license = "MIT",
  labels = { "async", "concurrency", "coroutines", "libuv", "network" },
}
supported_platforms = { "unix" }
dependencies = { "lua >= 5.4, < 5.5" }
external_dependencies = {
  LIBUV = { header = "uv.h", library = "uv" },
}
test = { type = "command", command = "make test" }

-- One list of sources and flags: the Makefile's. Lua and libuv are the ones that
-- LuaRocks found, not those of pkg-config.
build = {
  type = "make",
  build_target = "module",
  install_target = "install-lua",
  build_variables = {
    CC = "$(CC)",
    CFLAGS = "$(CFLAGS)",
    LIBFLAG = "$(LIBFLAG)",
    LUA_CFLAGS = "-I$(LUA_INCDIR)",
    UV_CFLAGS = "-I$(LIBUV_INCDIR)",
    UV_LIBS = "-L$(LIBUV_LIBDIR) -Wl,-rpath,$(LIBUV_LIBDIR) -luv",
  },
  install_variables = {
    CC = "$(CC)",
    CFLAGS = "$(CFLAGS)",
    LIBFLAG = "$(LIBFLAG)",
    LUA_CFLAGS = "-I$(LUA_INCDIR)",
    UV_CFLAGS = "-I$(LIBUV_INCDIR)",
    UV_LIBS = "-L$(LIBUV_LIBDIR) -Wl,-rpath,$(LIBUV_LIBDIR) -luv",
    LUADIR = "$(LUADIR)",
    LUACDIR = "$(LIBDIR)",
  },
  install = { bin = { cosched = "bin/cosched" } },
  copy_directories = { "docs", "examples", "types" },
}
