-- Listening, accepting, connecting.

local cosched = require "cosched"
local net = require "cosched.net"
local sockets = require "spec.support.sockets"

local in_task = require("spec.support.task").in_task
local failure, settle = sockets.failure, sockets.settle

-- Of the addresses that are kept for examples: no machine has it.
local ELSEWHERE = "192.0.2.1"

local function listen(options) return assert(net.listen("127.0.0.1", 0, options)) end

local function port_of(listener) return (select(2, listener:getsockname())) end

local function connect(listener, options)
  return net.connect("127.0.0.1", port_of(listener), options)
end

-- A port that was free a moment ago.
local function closed_port()
  local listener <close> = listen()
  return port_of(listener)
end

describe("listen", function()
  it("on port 0 takes a free one and tells which", in_task(function()
    local one <close> = listen()
    local two <close> = listen()
    assert.is_true(port_of(one) > 0)
    assert.are_not.equal(port_of(one), port_of(two))
  end))

  it("on all addresses is reached by each", in_task(function()
    local listener <close> = assert(net.listen("*", 0))
    assert.equal("0.0.0.0", (listener:getsockname()))
    for _, host in ipairs { "127.0.0.1", "127.0.0.2", "localhost" } do
      local client <close> = assert(net.connect(host, port_of(listener)))
      local server <close> = listener:accept()
      assert.equal("127", server:getsockname():match "^%d+", client)
    end
  end))

  it("takes a name", in_task(function()
    local listener <close> = assert(net.listen("localhost", 0))
    local host = listener:getsockname()
    assert.is_true(host == "127.0.0.1" or host == "::1", host)
  end))

  it("fails on an address that is in use", in_task(function()
    local listener <close> = listen()
    assert.equal("address already in use EADDRINUSE",
      failure(net.listen("127.0.0.1", port_of(listener))))
  end))

  it("can share a port when both ask for it", in_task(function()
    local one <close> = listen { reuseport = true }
    local two <close> = assert(net.listen("127.0.0.1", port_of(one), { reuseport = true }))
    assert.equal(port_of(one), port_of(two))
  end))

  it("takes the port of a listener that was closed just now", in_task(function()
    local listener = listen()
    local port = port_of(listener)
    local client <close> = assert(connect(listener))
    local server = listener:accept()
    server:close() -- on our side first, so the kernel keeps the pair of ports for a while
    listener:close()
    assert.equal("end of file EOF", failure(client:recv()))
    local again <close> = assert(net.listen("127.0.0.1", port))
    assert.equal(port, port_of(again))
  end))

  it("fails on an address of another machine", in_task(function()
    assert.matches("EADDRNOTAVAIL$", failure(net.listen(ELSEWHERE, 0)))
  end))

  it("fails on what looks like an address and is none", in_task(function()
    for _, host in ipairs { "1.2.3", "300.1.1.1", "1.2.3.4.5", "::1::", ":" } do
      assert.matches("E%u+$", failure(net.listen(host, 0)))
    end
  end))

  it("works outside of a task", function()
    local listener = assert(net.listen("127.0.0.1", 0))
    assert.is_true(port_of(listener) > 0)
    listener:close()
  end)
end)

for name, call in pairs {
  listen = function(...) net.listen(...) end,
  connect = function(...) net.connect(...) end,
} do
  describe("arguments of " .. name, function()
    it("that are wrong are named", in_task(function()
      for _, bad in ipairs { "80", -1, 65536, 1.5, 1 << 40, {}, true, 0 / 0, math.huge } do
        local ok, problem = pcall(call, "127.0.0.1", bad)
        assert.is_false(ok, tostring(bad))
        assert.matches("tcp_spec.lua:%d+: bad argument #2 to '" .. name .. "'", problem)
      end
      for _, bad in ipairs { "", ("x"):rep(300), "a\0b", {}, true, 127 } do
        local ok, problem = pcall(call, bad, 1)
        assert.is_false(ok, tostring(bad))
        assert.matches("tcp_spec.lua:%d+: bad argument #1 to '" .. name .. "'", problem)
      end
      assert.is_false(pcall(call))
      assert.is_false(pcall(call, "127.0.0.1"))
    end))

    it("that are options are known ones, of the right type", in_task(function()
      for _, bad in ipairs {
        "options",
        1,
        { colour = true },
        { 1 },
        name == "listen" and { backlog = 0 } or { timeout = -1 },
        name == "listen" and { backlog = -1 } or { timeout = 0 / 0 },
        name == "listen" and { backlog = 1.5 } or { timeout = "soon" },
        name == "listen" and { backlog = "many" } or { bind = {} },
        name == "listen" and { backlog = 1 << 40 } or { bind = true },
      } do
        local ok, problem = pcall(call, "127.0.0.1", 1, bad)
        assert.is_false(ok)
        assert.matches("tcp_spec.lua:%d+: bad argument #3 to '" .. name .. "'", problem)
      end
    end))
  end)
end

describe("accept", function()
  it("gives the clients in the order in which they came", in_task(function()
    local listener <close> = listen()
    local clients = {}
    for i = 1, 5 do
      clients[i] = assert(connect(listener))
    end
    for i = 1, 5 do
      local server <close> = assert(listener:accept())
      server:send(tostring(i))
      assert.equal(tostring(i), clients[i]:recv())
      clients[i]:close()
    end
  end))

  it("waits for a client, while others run", in_task(function()
    local listener <close> = listen()
    local acceptor = cosched.spawn(listener.accept, listener)
    settle()
    assert.equal("waiting", acceptor:status())
    local client <close> = assert(connect(listener))
    local server <close> = acceptor:join()
    assert.are.same({ client:getsockname() }, { server:getpeername() })
  end))

  it("does the same as a yielded object", in_task(function()
    local listener <close> = listen()
    local client <close> = coroutine.yield(cosched.sys.connect("127.0.0.1", port_of(listener)))
    local server <close> = coroutine.yield(cosched.sys.accept(listener))
    server:send "hello"
    assert.equal("hello", client:recv())
  end))

  it("answers busy to a second acceptor", in_task(function()
    local listener <close> = listen()
    local first = cosched.spawn(listener.accept, listener)
    settle()
    assert.equal("busy EBUSY", failure(listener:accept()))
    local client <close> = assert(connect(listener))
    local server <close> = first:join()
    assert.is_true(client:fd() ~= server:fd())
  end))

  it("that is cancelled leaves the client to the next", in_task(function()
    local listener <close> = listen()
    local acceptor = cosched.spawn(listener.accept, listener)
    settle()
    acceptor:cancel()
    local client <close> = assert(connect(listener))
    assert.equal("cancelled", acceptor:wait())
    local server <close> = assert(listener:accept())
    assert.are.same({ client:getsockname() }, { server:getpeername() })
  end))

  it("has a limit of time", in_task(function()
    local listener <close> = listen()
    listener:settimeout(0.005)
    assert.equal("timeout ETIMEDOUT", failure(listener:accept()))
    listener:settimeout(0)
    assert.equal("timeout ETIMEDOUT", failure(listener:accept()))
    local client <close> = assert(connect(listener))
    local server <close> = assert(listener:accept())
    assert.are.same({ client:getsockname() }, { server:getpeername() })
  end))

  it("survives clients that were gone before it looked", in_task(function()
    local listener <close> = listen()
    for _ = 1, 10 do
      local rude = assert(connect(listener))
      rude:setoption("linger", 0)
      rude:close()
    end
    local client <close> = assert(connect(listener))
    local wanted = { client:getsockname() }
    for _ = 1, 11 do
      local server <close> = assert(listener:accept())
      if select(2, server:getpeername()) == wanted[2] then return end
      assert.is_nil((server:recv())) -- reset, which the kernel may tell here
    end
    error "the good client did not arrive"
  end))
end)

describe("connect", function()
  it("is refused by a port where nobody listens", in_task(function()
    assert.equal("connection refused ECONNREFUSED",
      failure(net.connect("127.0.0.1", closed_port())))
    assert.equal("connection refused ECONNREFUSED",
      failure(net.connect("localhost", closed_port())))
  end))

  it("takes a name", in_task(function()
    local listener <close> = listen()
    local client <close> = assert(net.connect("localhost", port_of(listener)))
    assert.equal("127.0.0.1", (client:getpeername()))
  end))

  it("fails for a name that there is not", in_task(function()
    assert.matches("E%u", failure(net.connect("no..such..host", 80)))
  end))

  it("can begin at an address of its own", in_task(function()
    local listener <close> = listen()
    local client <close> = assert(connect(listener, { bind = "127.0.0.3" }))
    local server <close> = listener:accept()
    assert.equal("127.0.0.3", (server:getpeername()))
    assert.equal("127.0.0.3", (client:getsockname()))
  end))

  it("cannot begin at an address of another machine, or at none", in_task(function()
    local listener <close> = listen()
    assert.matches("EADDRNOTAVAIL$", failure(connect(listener, { bind = ELSEWHERE })))
    assert.matches("EINVAL$", failure(connect(listener, { bind = "here" })))
    assert.matches("E%u+$", failure(connect(listener, { bind = "::1" })))
  end))

  -- Fills a queue of waiting clients until one more has to wait itself.
  local function with_full_listener(fn)
    local listener <close> = listen { backlog = 1 }
    local clients, attempt = {}, nil
    for _ = 1, 20 do
      attempt = cosched.spawn(connect, listener)
      cosched.sleep(0.01)
      if attempt:status() == "waiting" then break end
      clients[#clients + 1] = assert(attempt:join())
    end
    local full = attempt:status() == "waiting"
    if full then fn(listener, attempt) end
    attempt:cancel()
    attempt:wait()
    for _, client in ipairs(clients) do
      client:close()
    end
    if not full then pending "this system's queue is never full" end
  end

  it("has a limit of time", in_task(function()
    with_full_listener(function(listener)
      assert.equal("timeout ETIMEDOUT", failure(connect(listener, { timeout = 0.005 })))
      assert.equal("timeout ETIMEDOUT", failure(connect(listener, { timeout = 0 })))
      assert.equal("timeout ETIMEDOUT",
        failure(net.connect("localhost", port_of(listener), { timeout = 0.02 })))
    end)
  end))

  it("can be cancelled and killed while it waits", in_task(function()
    with_full_listener(function(listener, attempt)
      attempt:cancel()
      assert.equal("cancelled", attempt:wait())
      local second = cosched.spawn(connect, listener)
      settle()
      assert.equal("waiting", second:status())
      second:kill()
      assert.equal("cancelled", second:wait())
    end)
  end))

  it("over IPv6 is like the other", in_task(function()
    local listener = net.listen("::1", 0)
    if not listener then pending "no IPv6 on this machine" end
    local guard <close> = listener
    local client <close> = assert(net.connect("::1", port_of(guard)))
    local server <close> = guard:accept()
    assert.are.same({ "::1", "inet6" }, { client:getpeername(), (select(3, client:getpeername())) })
    assert.is_true(client:getoption "nodelay")
    server:send "hello"
    assert.equal("hello", client:recv())
  end))
end)
