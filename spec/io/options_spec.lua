-- Options, names and descriptors of sockets.

local cosched = require "cosched"
local net = require "cosched.net"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"
local support = require "spec.support.task"

local in_task, failure = support.in_task, sockets.failure

describe("an option", function()
  it("nodelay is on for sockets that connected and that were accepted", in_task(function()
    local client, server, _ <close> = sockets.tcp_pair()
    assert.is_true(client:getoption "nodelay")
    assert.is_true(server:getoption "nodelay")
  end))

  it("that is on or off can be set and asked", in_task(function()
    local client, server, _ <close> = sockets.tcp_pair()
    for _, name in ipairs { "nodelay", "keepalive", "reuseaddr", "reuseport" } do
      for _, value in ipairs { false, true, false } do
        assert.is_true(client:setoption(name, value), name)
        assert.equal(value, client:getoption(name), name)
      end
    end
    server:send "x"
    assert.equal("x", client:recv())
  end))

  it("keepalive is off unless set", in_task(function()
    local client, server, _ <close> = sockets.tcp_pair()
    assert.is_false(client:getoption "keepalive")
    assert.is_false(server:getoption "keepalive")
  end))

  it("linger is false, or seconds", in_task(function()
    local client, _, _ <close> = sockets.tcp_pair()
    assert.is_false(client:getoption "linger")
    assert.is_true(client:setoption("linger", 3))
    assert.equal(3, client:getoption "linger")
    assert.is_true(client:setoption("linger", 0))
    assert.equal(0, client:getoption "linger")
    assert.is_true(client:setoption("linger", false))
    assert.is_false(client:getoption "linger")
  end))

  it("linger of zero makes close a reset", in_task(function()
    local client, server, _ <close> = sockets.tcp_pair()
    client:setoption("linger", 0)
    client:close()
    assert.equal("connection reset by peer ECONNRESET", failure(server:recv()))
  end))

  it("is a size for the buffers, which the kernel may round up", in_task(function()
    local client, _, _ <close> = sockets.tcp_pair()
    for _, name in ipairs { "recvbuffer", "sendbuffer" } do
      assert.equal("integer", math.type(client:getoption(name)))
      assert.is_true(client:setoption(name, 20000))
      assert.is_true(client:getoption(name) >= 20000, name)
    end
  end))

  it("can be set on a listener", in_task(function()
    local listener <close> = assert(net.listen("127.0.0.1", 0))
    assert.is_true(listener:getoption "reuseaddr")
    assert.is_false(listener:getoption "reuseport")
    assert.is_true(listener:setoption("keepalive", true))
    assert.is_true(listener:getoption "keepalive")
  end))

  it("that the kind of socket does not have is an error", in_task(function()
    local a, _, _ <close> = sockets.pair()
    assert.matches("NOT?SUPP?$", failure(a:setoption("nodelay", true)))
    assert.matches("NOT?SUPP?$", failure(a:getoption "nodelay"))
  end))

  it("that there is not names those that there are", in_task(function()
    local a, _, _ <close> = sockets.pair()
    local ok, problem = pcall(function() a:setoption("colour", true) end)
    assert.is_false(ok)
    for _, name in ipairs { "nodelay", "keepalive", "reuseaddr", "reuseport", "linger" } do
      assert.matches(name, problem, 1, true)
    end
  end))

  it("takes no value of another type, nor out of range", in_task(function()
    local a, _, _ <close> = sockets.tcp_pair()
    for _, bad in ipairs {
      { "nodelay", 1 },
      { "nodelay", "yes" },
      { "nodelay" },
      { "linger", true },
      { "linger", -1 },
      { "linger", 0.5 },
      { "linger", 1 << 20 },
      { "recvbuffer", 0 },
      { "recvbuffer", -5 },
      { "recvbuffer", true },
      { "sendbuffer", 1 << 40 },
      { "sendbuffer", "big" },
    } do
      local ok, problem = pcall(function() a:setoption(table.unpack(bad)) end)
      assert.is_false(ok, bad[1] .. " took " .. tostring(bad[2]))
      assert.matches("bad argument #2 to 'setoption'", problem)
    end
  end))
end)

describe("the names of a connection", function()
  it("are host, port and family, and those of the peer crosswise", in_task(function()
    local client, server, _ <close> = sockets.tcp_pair()
    local host, port, family = client:getsockname()
    assert.are.same({ "127.0.0.1", "inet" }, { host, family })
    assert.equal("integer", math.type(port))
    assert.are.same({ host, port, family }, { server:getpeername() })
    assert.are.same({ client:getpeername() }, { server:getsockname() })
  end))

  it("are those of the listener for a listener, which has no peer", in_task(function()
    local listener <close> = assert(net.listen("127.0.0.1", 0))
    local host, port, family = listener:getsockname()
    assert.are.same({ "127.0.0.1", "inet" }, { host, family })
    assert.is_true(port > 0)
    assert.matches("ENOTCONN$", failure(listener:getpeername()))
  end))

  it("have no host in a pair of local sockets", in_task(function()
    local a, _, _ <close> = sockets.pair()
    assert.equal("unix", (select(3, a:getsockname())))
    assert.equal("unix", (select(3, a:getpeername())))
  end))

  it("are gone with the peer after a reset", in_task(function()
    local client, server, _ <close> = sockets.tcp_pair()
    server:setoption("linger", 0)
    server:close()
    assert.equal("connection reset by peer ECONNRESET", failure(client:recv()))
    assert.matches("ENOTCONN$", failure(client:getpeername()))
  end))
end)

describe("the descriptor of a socket", function()
  it("is a number that no other open socket has", in_task(function()
    local seen = {}
    local a, b, _ <close> = sockets.pair()
    local c, d, _ <close> = sockets.tcp_pair()
    for _, socket in ipairs { a, b, c, d } do
      local fd = socket:fd()
      assert.equal("integer", math.type(fd))
      assert.is_nil(seen[fd])
      seen[fd] = true
    end
  end))

  it("is not inherited by other programs", in_task(function()
    local listener <close> = assert(net.listen("127.0.0.1", 0))
    local a, b, _ <close> = sockets.pair()
    local c, d, _ <close> = sockets.tcp_pair()
    local list <close> = io.popen "ls -l /proc/self/fd 2>/dev/null"
    local open = list:read "a"
    if open == "" then pending "descriptors cannot be listed here" end
    for _, socket in ipairs { listener, a, b, c, d } do
      assert.is_nil(open:match(" " .. socket:fd() .. " %-> socket:"))
    end
  end))

  it("is not inherited for the runtime's own, either", function()
    local script <close> = process.file [[
      local cosched = require "cosched"
      cosched.run(cosched.sleep, 0.001)
      os.execute "ls -l /proc/self/fd"
    ]]
    local status, out = process.run(process.words(process.LUA, script.path))
    assert.equal(0, status)
    assert.is_nil(out:match "eventpoll")
    assert.is_nil(out:match "eventfd")
    assert.is_nil(out:match "socket:")
  end)

  it("does not keep a connection open in a program that outlives it", in_task(function()
    local a, b, _ <close> = sockets.pair()
    local program <close> = process.start "sleep 20"
    a:close()
    assert.equal("end of file EOF", failure(b:recv()))
    assert.is_true(program:signal "TERM")
  end))
end)

describe("what each call leaves open", function()
  it("is nothing after a thousand pairs", in_task(function()
    local before = support.descriptors()
    for _ = 1, 1000 do
      local a, b = net.socketpair()
      a:close()
      b:close()
    end
    assert.are.same({}, support.leaked(before))
    assert.equal("ready", cosched.spawn(function() end):status())
  end))
end)
