-- What the kernel sees of an echo: for each message one read and one write, and never
-- a change of what is watched.

local process = require "spec.support.process"
local servers = require "spec.support.server"

local MESSAGES = 200

local function traced_by_somebody(pid)
  local file <close> = io.open(("/proc/%d/status"):format(pid))
  local tracer = file and file:read("a"):match "TracerPid:%s*(%d+)"
  return tracer ~= nil and tracer ~= "0"
end

local function slurp(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

-- System call -> how often the server makes it while it echoes MESSAGES messages.
local function count_calls(server)
  local log <close> = process.file ""
  return server:with_client(function(client)
    local function echo(text)
      client:send(text)
      assert.equal(text, client:read(#text))
    end
    echo "the first\n" -- the connection is known from now on
    local strace <close> = process.start(
      process.foreign("strace", "-f", "-qq", "-o", log.path, "-p", server.pid))
    local attached = pcall(process.eventually, function()
      return traced_by_somebody(server.pid) or strace:stderr() ~= ""
    end, "strace")
    if not attached or not traced_by_somebody(server.pid) then return nil end
    for i = 1, MESSAGES do
      echo(("message %d\n"):format(i))
    end
    strace:signal "INT"
    strace:finish()
    local calls = {}
    for name in slurp(log.path):gmatch "%d+ +([%w_]+)%(" do
      calls[name] = (calls[name] or 0) + 1
    end
    return calls
  end)
end

local function sum(calls, ...)
  local n = 0
  for _, name in ipairs { ... } do
    n = n + (calls[name] or 0)
    calls[name] = nil
  end
  return n
end

local kinds = { ["of bytes"] = servers.echo_bytes, ["of lines"] = servers.echo_lines }

describe("an echoed message", function()
  for name, start in pairs(kinds) do
    it(name .. " costs one read, one write, and no epoll_ctl", function()
      if not process.has "strace" then pending "there is no strace" end
      assert.is_true(servers.build_load())
      local server <close> = start()
      local calls = count_calls(server)
      if not calls then pending "strace may not look at other programs" end
      local reads = sum(calls, "read", "recvfrom", "recvmsg", "readv")
      local writes = sum(calls, "write", "sendto", "sendmsg", "writev")
      local waits = sum(calls, "epoll_wait", "epoll_pwait", "epoll_pwait2", "restart_syscall")
      assert.are.same({ MESSAGES, MESSAGES }, { reads, writes })
      assert.is_nil(calls.epoll_ctl)
      assert.is_true(waits <= MESSAGES + 5, tostring(waits))
      -- memory is Lua's to ask for, the signal stack a sanitizer's; there is no more
      sum(calls, "brk", "mmap", "munmap", "mremap", "madvise", "sigaltstack")
      assert.are.same({}, calls)
    end)
  end
end)
