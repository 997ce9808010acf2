# cosched - build, test and install. `make help` lists what can be asked for.
#
# One set of objects makes the Lua module, the static and the shared library.
# Everything that is built lies under $(B); another build (sanitizers, warnings
# as errors) is another B.

# === what, where, with which tools ===========================================

VERSION   := $(shell sed -n 's/.*COSCHED_VERSION_STRING "\(.*\)"/\1/p' \
               runtime/cosched.h 2>/dev/null)
VERSION   := $(or $(VERSION),0.1.0)
SOVERSION := 0
B         ?= build
LUA_V     := 5.4

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
LUADIR     ?= $(PREFIX)/share/lua/$(LUA_V)
LUACDIR    ?= $(PREFIX)/lib/lua/$(LUA_V)

PKG_CONFIG   ?= pkg-config
INSTALL      ?= install
CLANG_FORMAT ?= clang-format
LUACHECK     ?= luacheck
ASAN_CC      ?= gcc
TEST_TIMEOUT ?= 300
SPECS        ?= spec
Q            := $(if $(V),,@)

ifeq ($(shell uname -s),Darwin)
# Homebrew keeps Lua 5.4 off every path
KEG     := $(shell brew --prefix lua@5.4 2>/dev/null)
export PATH := $(KEG)/bin:$(PATH)
export PKG_CONFIG_PATH := $(KEG)/lib/pkgconfig:$(PKG_CONFIG_PATH)
SHLIB   := libcosched.$(VERSION).dylib
SONAME  := libcosched.$(SOVERSION).dylib
SHLINK  := libcosched.dylib
SHFLAG   = -dynamiclib -undefined dynamic_lookup -install_name $(LIBDIR)/$(SONAME)
LIBFLAG ?= -bundle -undefined dynamic_lookup
else
SHLIB   := libcosched.so.$(VERSION)
SONAME  := libcosched.so.$(SOVERSION)
SHLINK  := libcosched.so
SHFLAG   = -shared -Wl,-soname,$(SONAME)
LIBFLAG ?= -shared
endif

# the names that systems give to Lua 5.4; asked once, and not at all if told
first_lua = $(firstword $(foreach p,lua5.4 lua-5.4 lua54 lua,$(shell \
              $(PKG_CONFIG) --exists '$p >= 5.4' '$p < 5.5' 2>/dev/null && echo $p)))
ask = $(shell $(PKG_CONFIG) $(1) 2>/dev/null)
LUA        ?= $(or $(shell command -v lua5.4 >/dev/null && echo lua5.4),lua)
LUA_PC     ?= $(or $(first_lua),lua5.4)
LUA        := $(LUA)
LUA_PC     := $(LUA_PC)
LUA_CFLAGS ?= $(call ask,--cflags $(LUA_PC))
LUA_LIBS   ?= $(call ask,--libs $(LUA_PC))
UV_CFLAGS  ?= $(call ask,--cflags libuv)
UV_LIBS    ?= $(call ask,--libs libuv)
LUA_CFLAGS := $(LUA_CFLAGS)
LUA_LIBS   := $(LUA_LIBS)
UV_CFLAGS  := $(UV_CFLAGS)
UV_LIBS    := $(UV_LIBS)

# === flags ===================================================================

CFLAGS ?= -O2 -g
WARN   := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
          -Wmissing-prototypes -Wvla -Wformat=2 $(if $(WERROR),-Werror)
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -fPIC -fvisibility=hidden $(WARN) $(CPPFLAGS) \
             $(CFLAGS) $(LUA_CFLAGS) $(UV_CFLAGS)

# Each folder sees itself and what is below it, so an upward include does not
# compile. -iquote, because our names must never shadow a system header's.
IQUOTE_core    := -iquote runtime/core
IQUOTE_io      := $(IQUOTE_core) -iquote runtime/io
IQUOTE_runtime := -iquote runtime $(IQUOTE_io)

# === files ===================================================================

# where readiness comes from: epoll, or uv_poll (which works on Linux, too)
POLLER ?= $(if $(filter Linux,$(shell uname -s)),epoll,uv)
OTHER  := $(filter-out runtime/io/poll_$(POLLER).c,$(wildcard runtime/io/poll_*.c))
SRC    := $(filter-out $(OTHER),$(wildcard runtime/*.c runtime/core/*.c \
            runtime/io/*.c))
OBJ    := $(SRC:runtime/%.c=$(B)/obj/%.o)
CTEST  := $(patsubst spec/c/%.c,$(B)/ctest/%,$(wildcard spec/c/*_test.c))
LUASRC := $(patsubst lua/%,%,$(shell find lua -name '*.lua' 2>/dev/null | sort))
CFILES := $(wildcard runtime/*.[ch] runtime/*/*.[ch] spec/c/*.[ch] bench/*.[ch] \
            bench/*/*.[ch])
LINTED := $(wildcard lua bin/* spec examples bench types tools/*.lua)

# === build ===================================================================

all: module lib ## everything that gets installed (the default)

module: $(B)/cosched/core.so ## the Lua module cosched.core

lib: $(B)/libcosched.a $(B)/$(SHLIB) ## the C library, static and shared

# Each holds a text and changes with it only: other flags rebuild, and so does a
# source file that came or went.
$(B)/flags: text = $(CC) $(ALL_CFLAGS) $(LDFLAGS) $(LUA_LIBS) $(UV_LIBS)
$(B)/objects: text = $(OBJ)
$(B)/flags $(B)/objects: FORCE
	@mkdir -p $(@D)
	@echo '$(text)' | cmp -s - $@ || echo '$(text)' >$@

$(B)/obj/%.o: runtime/%.c $(B)/flags
	@mkdir -p $(@D)
	@echo "  cc    $<"
	$(Q)$(CC) $(ALL_CFLAGS) $(IQUOTE_$(notdir $(<D))) -MMD -MP -c -o $@ $<

# no -llua: the program that loads the module has the VM, a second one would crash
$(B)/cosched/core.so: $(OBJ) $(B)/objects
	@mkdir -p $(@D)
	@echo "  link  $@"
	$(Q)$(CC) $(LIBFLAG) $(LDFLAGS) -o $@ $(OBJ) $(UV_LIBS)

$(B)/libcosched.a: $(OBJ) $(B)/objects
	@echo "  ar    $@"
	@rm -f $@
	$(Q)$(AR) rcs $@ $(OBJ)

$(B)/$(SHLIB): $(OBJ) $(B)/objects
	@echo "  link  $@"
	$(Q)$(CC) $(SHFLAG) $(LDFLAGS) -o $@ $(OBJ) $(UV_LIBS)
	@ln -sf $(SHLIB) $(B)/$(SONAME) && ln -sf $(SONAME) $(B)/$(SHLINK)

$(B)/ctest/%: spec/c/%.c $(B)/libcosched.a $(B)/flags
	@mkdir -p $(@D)
	@echo "  cc    $<"
	$(Q)$(CC) $(ALL_CFLAGS) -iquote spec/c $(IQUOTE_runtime) -MMD -MP -MF $@.d \
	  -MT $@ -o $@ $< $(B)/libcosched.a $(LDFLAGS) $(LUA_LIBS) $(UV_LIBS) -lm

# === use =====================================================================

FROM_TREE = LUA_PATH_$(subst .,_,$(LUA_V))='lua/?.lua;lua/?/init.lua;;' \
            LUA_CPATH_$(subst .,_,$(LUA_V))='$(B)/?.so;;'

run: ## install what is missing, build, serve echo on 127.0.0.1:7000
	@tools/deps run
	@$(MAKE) --no-print-directory serve

serve: module
	@$(FROM_TREE) $(LUA) bin/cosched examples/echo.lua

examples: all ## every example, each with a time limit
	tools/run-examples

bench: all ## the project's own benchmark
	bench/run.sh

# === test ====================================================================

test: ## install what is missing, build, run all specs and C tests
	@tools/deps test
	@$(MAKE) --no-print-directory suite

# SPECS=spec/x_spec.lua narrows it, WRAP runs it under something
suite: module $(CTEST)
	@LUA='$(LUA)' B='$(B)' WRAP='$(WRAP)' SPECS='$(SPECS)' \
	  TEST_TIMEOUT='$(TEST_TIMEOUT)' tools/run-tests $(CTEST)

ctest: SPECS :=
ctest: suite ## the C tests alone

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
preload   = $$($(ASAN_CC) -print-file-name=lib$(1).so)

asan: ## the suite with the C core under ASan and UBSan, and its own checks on
	@tools/deps asan
	@$(MAKE) --no-print-directory suite B=$(B)/asan CC=$(ASAN_CC) \
	  CPPFLAGS=-DCOSCHED_CHECK \
	  CFLAGS="-O1 -g -fno-omit-frame-pointer $(SANITIZE)" \
	  LDFLAGS="$(SANITIZE) -Wl,-z,nodelete" TEST_TIMEOUT=900 \
	  WRAP="env LD_PRELOAD=$(call preload,asan):$(call preload,ubsan) \
	    ASAN_OPTIONS=exitcode=23:detect_leaks=1 \
	    UBSAN_OPTIONS=print_stacktrace=1"

memtest: ## the suite under valgrind
	@tools/deps test check
	@$(MAKE) --no-print-directory suite TEST_TIMEOUT=3600 \
	  WRAP="valgrind -q --error-exitcode=99 --leak-check=full \
	    --errors-for-leak-kinds=definite --track-fds=yes"

OOM ?=
oom: all ## fail each allocation in turn (OOM=short: a sample of them)
	tools/oom-sweep $(OOM)

FUZZ ?=
fuzz: module ## ten thousand random programs (FUZZ=first-last: other seeds)
	LUA='$(LUA)' B='$(B)' WRAP='$(WRAP)' tools/fuzz $(FUZZ)

GC ?=
gcstress: module ## specs while the collector is at work all the time (GC=short)
	LUA='$(LUA)' B='$(B)' WRAP='$(WRAP)' tools/gc-stress $(GC)

# === check ===================================================================

check: ## format, lint, rules of the architecture, warnings as errors
	@tools/deps check
	@$(MAKE) -k --no-print-directory check-format check-lua check-rules check-warnings

check-format:
	$(if $(CFILES),$(CLANG_FORMAT) --dry-run -Werror $(CFILES))

check-lua:
	$(if $(LINTED),$(LUACHECK) -q --no-color $(LINTED))

check-rules:
	tools/check-rules

check-warnings:
	$(MAKE) --no-print-directory B=$(B)/werror WERROR=1 all \
	  $(CTEST:$(B)/%=$(B)/werror/%)

format: ## write C as .clang-format says
	$(CLANG_FORMAT) -i $(CFILES)

# === install =================================================================

install: install-lua install-bin install-lib ## all of it: DESTDIR, PREFIX

install-lua: module ## the Lua modules: LUADIR, LUACDIR
	$(INSTALL) -d '$(DESTDIR)$(LUACDIR)/cosched'
	$(INSTALL) -m 755 $(B)/cosched/core.so '$(DESTDIR)$(LUACDIR)/cosched/'
	@for f in $(LUASRC); do \
	  $(INSTALL) -d "$(DESTDIR)$(LUADIR)/$$(dirname $$f)" && \
	  $(INSTALL) -m 644 lua/$$f "$(DESTDIR)$(LUADIR)/$$f" || exit 1; \
	done

install-bin: ## the command: BINDIR
	$(INSTALL) -d '$(DESTDIR)$(BINDIR)'
	sed '1s|^#!.*|#!/usr/bin/env $(LUA)|' bin/cosched >'$(DESTDIR)$(BINDIR)/cosched'
	chmod 755 '$(DESTDIR)$(BINDIR)/cosched'

install-lib: lib ## the C library, its header and cosched.pc: LIBDIR, INCLUDEDIR
	$(INSTALL) -d '$(DESTDIR)$(LIBDIR)/pkgconfig' '$(DESTDIR)$(INCLUDEDIR)'
	$(INSTALL) -m 644 runtime/cosched.h '$(DESTDIR)$(INCLUDEDIR)/'
	$(INSTALL) -m 644 $(B)/libcosched.a '$(DESTDIR)$(LIBDIR)/'
	$(INSTALL) -m 755 $(B)/$(SHLIB) '$(DESTDIR)$(LIBDIR)/'
	ln -sf $(SHLIB) '$(DESTDIR)$(LIBDIR)/$(SONAME)'
	ln -sf $(SONAME) '$(DESTDIR)$(LIBDIR)/$(SHLINK)'
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
	  -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@VERSION@|$(VERSION)|' \
	  -e 's|@LUA_PC@|$(LUA_PC)|' cosched.pc.in \
	  >'$(DESTDIR)$(LIBDIR)/pkgconfig/cosched.pc'

uninstall: ## take out what install put in
	rm -rf '$(DESTDIR)$(LUACDIR)/cosched' '$(DESTDIR)$(LUADIR)/cosched'
	rm -f '$(DESTDIR)$(BINDIR)/cosched' '$(DESTDIR)$(INCLUDEDIR)/cosched.h' \
	  '$(DESTDIR)$(LIBDIR)/pkgconfig/cosched.pc' \
	  '$(DESTDIR)$(LIBDIR)'/libcosched.*

# The rock of this tree as a server of rocks, so that the user's own command can
# be tried: LUAROCKS_CONFIG=build/rocks/config.lua luarocks install cosched
# (the interpreter is said too: LuaRocks would wrap the command for its own Lua)
ROCK      := cosched-$(VERSION)
ROCKS     := $(abspath $(B))/rocks
ROCKFILES := $(wildcard Makefile cosched-scm-1.rockspec cosched.pc.in LICENSE \
               *.md bin docs examples lua runtime types)
define ROCKS_CONFIG
rocks_servers = { "$(ROCKS)" }
lua_version = "$(LUA_V)"
lua_interpreter = "$(LUA)"
variables = { LUA = "$(shell command -v $(LUA))" }
endef
export ROCKS_CONFIG

rocks: ## a local server of rocks with this tree's rock, in build/rocks
	rm -rf '$(ROCKS)'
	mkdir -p '$(ROCKS)/$(ROCK)'
	cp -R $(ROCKFILES) '$(ROCKS)/$(ROCK)/'
	cd '$(ROCKS)' && tar czf $(ROCK).tar.gz $(ROCK)
	sed -e 's|"scm-1"|"$(VERSION)-1"|' -e '/^  branch = /d' \
	  -e 's|^  url = .*|  url = "file://$(ROCKS)/$(ROCK).tar.gz",|' \
	  cosched-scm-1.rockspec >'$(ROCKS)/$(ROCK)-1.rockspec'
	cd '$(ROCKS)' && luarocks --lua-version=$(LUA_V) pack $(ROCK)-1.rockspec
	rm -r '$(ROCKS)/$(ROCK)' '$(ROCKS)/$(ROCK).tar.gz'
	luarocks-admin --lua-version=$(LUA_V) make_manifest '$(ROCKS)'
	@echo "$$ROCKS_CONFIG" >'$(ROCKS)/config.lua'

# === the rest ================================================================

clean: ## remove all that was built
	rm -rf $(B)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' Makefile

FORCE:
-include $(OBJ:.o=.d) $(CTEST:=.d)

.PHONY: all module lib run serve examples bench test suite ctest asan memtest oom fuzz \
  gcstress check check-format check-lua check-rules check-warnings format install \
  install-lua install-bin install-lib uninstall rocks clean help FORCE
