--- Servers in a process of their own, and the project's load generator against them.

local cosched = require "cosched"
local net = require "cosched.net"
local process = require "spec.support.process"

local M = {}

local LOAD = "build/bench/load"
local UNSET = "env -u LD_PRELOAD -u MAKEFLAGS -u CC -u CFLAGS -u CPPFLAGS -u LDFLAGS "

local Server = {}
Server.__index = Server

-- The line that says where it listens must not stay in a buffer.
local UNBUFFERED = { before = [[export LUA_INIT_5_4='io.stdout:setvbuf "no"']] }

local function new(program, port)
  return setmetatable({ program = program, port = port, pid = program.pid }, Server)
end

--- Starts examples/echo.lua on a free port.
function M.echo_lines()
  local program = process.start(process.cosched("examples/echo.lua", 0), UNBUFFERED)
  local port = (program:line() or ""):match "^listening on 127%.0%.0%.1:(%d+)"
  return new(program, assert(tonumber(port), "the server does not say where it listens"))
end

local function free_port()
  local listener <close> = assert(net.listen("127.0.0.1", 0))
  return (select(2, listener:getsockname()))
end

--- Starts bench/cosched_echo.lua, which echoes bytes, on a port that was free a moment ago.
function M.echo_bytes()
  local port = free_port()
  local program = process.start(process.cosched("bench/cosched_echo.lua", port))
  local server = new(program, port)
  assert(server:load("wait", 5))
  return server
end

--- Ends it as a user would: its status, and what it said on stderr.
function Server:stop()
  local program = self.program
  self.program = nil
  program:signal "TERM"
  local status, _, errors = program:finish()
  return status, errors
end

function Server:__close()
  if self.program then self.program:__close() end
end

--- Runs fn in a task, with a connection to the server.
function Server:with_client(fn)
  return cosched.run(function()
    local client <close> = assert(net.connect("127.0.0.1", self.port, { timeout = 5 }))
    client:settimeout(5)
    return fn(client)
  end)
end

--- Whether it answers a new client.
function Server:answers()
  return self:with_client(function(client)
    client:write "are you there?\n"
    return client:read() == "are you there?"
  end)
end

--- How many descriptors it has open; nil where that cannot be known.
function Server:descriptors() return self.program:descriptors() end

--- Whether it has as few descriptors open as before, once it has noticed all ends.
-- (Or fewer: before, it may not have noticed the end of who asked whether it answers.)
function Server:has_let_go(before)
  if not before then return true end
  return process.eventually(function() return self:descriptors() <= before end,
    "the end of all connections")
end

local built

--- Builds the load generator, unless it is there. Nothing of ours may be in its
-- environment: neither a sanitizer nor the flags of another build.
function M.build_load()
  if built == nil then
    built = os.execute(UNSET .. "make -s -C bench ../" .. LOAD .. " >/dev/null 2>&1") == true
  end
  return built
end

local function load_command(self, mode, ...)
  local lines = mode:match "^%-l "
  mode = mode:gsub("^%-l ", "")
  local host = "127.0.0.1"
  if lines then return process.foreign(LOAD, "-l", mode, host, self.port, ...) end
  return process.foreign(LOAD, mode, host, self.port, ...)
end

--- Runs the load generator: a table of what it printed. "-l" before the mode: lines.
function Server:load(mode, ...)
  local status, out, errors = process.run(load_command(self, mode, ...))
  local results = {}
  for name, value in out:gmatch "([%w_]+)=(%S+)" do
    results[name] = tonumber(value)
  end
  if status ~= 0 then error(("load %s: status %d\n%s%s"):format(mode, status, out, errors), 2) end
  return results
end

--- Starts it without waiting for its end.
function Server:start_load(mode, ...) return process.start(load_command(self, mode, ...)) end

return M
