-- Every method on a closed socket, with a wrong self, and with wrong arguments: an
-- answer or an error that names the argument, never a crash.

local cosched = require "cosched"
local net = require "cosched.net"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"

local in_task = require("spec.support.task").in_task

-- method -> arguments that are right, and lists of arguments that are wrong
local SOCKET = {
  recv = { { 10 }, { { 0 }, { -1 }, { 1.5 }, { "many" }, { {} } } },
  send = { { "x" }, { {}, { {} }, { true }, { "x", {} }, { "x", 1, {} }, { "x", 1.5 } } },
  read = { { "l" }, { { "x" }, { "" }, { "ll" }, { -1 }, { 1.5 }, { {} }, { "l", "?" } } },
  read_until = { { ";" }, { {}, { "" }, { {} }, { ";", 0 }, { ";", -1 }, { ";", {} } } },
  write = { { "x" }, { { {} }, { "x", true }, { print } } },
  shutdown = { { "write" }, { { "none" }, { {} }, { 1 } } },
  getoption = { { "nodelay" }, { {}, { "colour" }, { {} }, { true } } },
  setoption = {
    { "nodelay", true },
    { {}, { "colour", true }, { "nodelay" }, { "nodelay", 1 }, { "linger", -1 } },
  },
  fd = { {}, {} },
  getsockname = { {}, {} },
  getpeername = { {}, {} },
}

local LISTENER = {
  accept = { {}, {} },
  getoption = SOCKET.getoption,
  fd = SOCKET.fd,
  getsockname = SOCKET.getsockname,
  getpeername = SOCKET.getpeername,
}

-- These change the object alone, so a closed one takes them, too.
local HARMLESS = {
  settimeout = { { 1 }, { {}, { -1 }, { 0 / 0 }, { "soon" }, { {} } } },
  setlinelimit = { { 10 }, { {}, { 0 }, { -1 }, { 1.5 }, { "long" }, { {} } } },
  close = { {}, {} },
}

local NAMED = "bad argument #%d to '%s'"

-- A closed socket may look at itself before it looks at its arguments.
local function check_wrong_arguments(object, methods, closed)
  for name, example in pairs(methods) do
    for i, wrong in ipairs(example[2]) do
      local ok, problem, _, code = pcall(object[name], object, table.unpack(wrong))
      if not (closed and code == "ECLOSED") then
        assert.is_false(ok, name .. " took the wrong arguments " .. i)
        assert.matches("bad argument #[1-4] to ", problem)
      end
    end
  end
end

local function check_closed(object, methods)
  for name, example in pairs(methods) do
    local value, message, code = object[name](object, table.unpack(example[1]))
    assert.are.same({ name, nil, "closed", "ECLOSED" }, { name, value, message, code })
  end
end

local function check_wrong_self(object, methods, others)
  for name, example in pairs(methods) do
    for _, self in ipairs(others) do
      local ok, problem = pcall(object[name], self, table.unpack(example[1]))
      assert.is_false(ok, name .. " took " .. tostring(self))
      assert.matches("expected, got", problem)
    end
    assert.is_false(pcall(object[name]), name .. " took nothing")
  end
end

local function others(more)
  return { 1, "x", true, {}, print, io.stderr, cosched.current(), more }
end

describe("a socket", function()
  it("refuses wrong arguments by name, and lives on", in_task(function()
    local a, b, _ <close> = sockets.tcp_pair()
    check_wrong_arguments(a, SOCKET)
    check_wrong_arguments(a, HARMLESS)
    a:send "x"
    assert.equal("x", b:recv())
  end))

  it("names method and argument as the caller wrote them", in_task(function()
    local a, _, _ <close> = sockets.pair()
    for problem, call in pairs {
      [NAMED:format(1, "recv")] = function() a:recv(0) end,
      [NAMED:format(1, "send")] = function() a:send() end,
      [NAMED:format(2, "read")] = function() a:read("l", "?") end,
      [NAMED:format(2, "read_until")] = function() a:read_until(";", 0) end,
      [NAMED:format(2, "write")] = function() a:write("x", {}) end,
      [NAMED:format(1, "shutdown")] = function() a:shutdown "none" end,
      [NAMED:format(2, "setoption")] = function() a:setoption("nodelay", 1) end,
      [NAMED:format(1, "getoption")] = function() a:getoption "colour" end,
      [NAMED:format(1, "settimeout")] = function() a:settimeout(-1) end,
      [NAMED:format(1, "setlinelimit")] = function() a:setlinelimit(0) end,
    } do
      local ok, message = pcall(call)
      assert.is_false(ok)
      assert.matches("stream_misuse_spec.lua:%d+: ", message)
      assert.matches(problem, message, 1, true)
    end
  end))

  it("that is closed says so to every method", in_task(function()
    local a, _, _ <close> = sockets.tcp_pair()
    a:close()
    check_closed(a, SOCKET)
    check_wrong_arguments(a, SOCKET, true)
    for name, example in pairs(HARMLESS) do
      assert.is_true(a[name](a, table.unpack(example[1])), name)
    end
  end))

  it("that is closed says so to yielded objects", in_task(function()
    local a, _, _ <close> = sockets.pair()
    a:close()
    local sys = cosched.sys
    for _, object in ipairs { sys.recv(a), sys.read(a, "l"), sys.send(a, "x") } do
      assert.equal("closed ECLOSED", sockets.failure(coroutine.yield(object)))
    end
  end))

  it("method refuses a self that is none", in_task(function()
    local a, _, _ <close> = sockets.pair()
    local listener <close> = assert(net.listen("127.0.0.1", 0))
    local stream_only = {}
    for _, name in ipairs { "recv", "send", "read", "read_until", "write", "shutdown" } do
      stream_only[name] = SOCKET[name]
    end
    check_wrong_self(a, stream_only, others(listener))
    check_wrong_self(a, SOCKET, others())
    check_wrong_self(a, HARMLESS, others())
  end))

  it("yielded with a self that is none raises at the yield", in_task(function()
    local ok, problem = pcall(function() coroutine.yield(cosched.sys.recv(io.stderr)) end)
    assert.is_false(ok)
    assert.matches("stream_misuse_spec.lua:%d+: .*cosched.Socket expected, got FILE", problem)
  end))

  it("gives no lines of something else", in_task(function()
    local a, _, _ <close> = sockets.pair()
    for _, self in ipairs(others()) do
      assert.is_false(pcall(function()
        for _ in a.lines(self) do error "a line" end
      end))
    end
  end))
end)

describe("a listener", function()
  it("that is closed says so to every method", in_task(function()
    local listener = assert(net.listen("127.0.0.1", 0))
    listener:close()
    check_closed(listener, LISTENER)
    for _ in listener:clients() do error "a client" end
    assert.is_true(listener:close())
  end))

  it("method refuses a self that is none", in_task(function()
    local a, _, _ <close> = sockets.pair()
    local listener <close> = assert(net.listen("127.0.0.1", 0))
    check_wrong_self(listener, { accept = LISTENER.accept }, others(a))
    check_wrong_self(listener, LISTENER, others())
  end))

  it("has no methods that only connections have", in_task(function()
    local listener <close> = assert(net.listen("127.0.0.1", 0))
    for _, name in ipairs { "recv", "send", "read", "write", "read_until", "lines" } do
      assert.is_nil(listener[name])
    end
  end))
end)

describe("the metatable of a socket", function()
  it("crashes nothing, whatever its functions are called with", function()
    local script <close> = process.file [[
      local net = require "cosched.net"
      require "cosched".run(function()
        local a, b = net.socketpair()
        local meta = getmetatable(a)
        if type(meta) == "table" then
          for _, name in ipairs { "__gc", "__close", "__tostring" } do
            for _, self in ipairs { 1, "x", {}, io.stderr, print, coroutine.running() } do
              pcall(meta[name], self)
            end
            pcall(meta[name])
          end
          meta.__gc(a)
          meta.__gc(a)
        end
        a:close()
        print(a:recv())
        b:close()
      end)
    ]]
    local status, out = process.run(process.words(process.LUA, script.path))
    assert.equal(0, status)
    assert.equal("nil\tclosed\tECLOSED\n", out)
  end)
end)
