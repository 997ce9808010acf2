-- Closing: who is woken, what is closed by itself, and what a closed socket answers.

local cosched = require "cosched"
local net = require "cosched.net"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"
local support = require "spec.support.task"

local in_task = support.in_task
local failure, pair, settle = sockets.failure, sockets.pair, sockets.settle

local CLOSED = "closed ECLOSED"

-- A task that makes the call and returns what kind of failure it was.
local function failing(fn, ...)
  return cosched.spawn(function(...) return failure(fn(...)) end, ...)
end

describe("close", function()
  it("wakes a reader, for every way of reading", in_task(function()
    local methods, _, _ <close> = pair()
    for _, call in ipairs {
      { methods.recv },
      { methods.read, "l" },
      { methods.read, 5 },
      { methods.read, "a" },
      { methods.read_until, ";" },
      { cosched.read_wait },
    } do
      local c, _, _ <close> = pair()
      local reader = failing(call[1], c, call[2])
      settle()
      assert.equal("waiting", reader:status())
      assert.is_true(c:close())
      assert.equal(CLOSED, reader:join())
    end
  end))

  it("wakes a writer", in_task(function()
    local a, _, _ <close> = pair()
    local writer = failing(a.send, a, ("x"):rep(4 << 20))
    settle()
    assert.equal("waiting", writer:status())
    a:close()
    assert.equal(CLOSED, writer:join())
  end))

  it("wakes reader and writer of one socket", in_task(function()
    local a, b, _ <close> = sockets.tcp_pair()
    local reader = failing(a.recv, a)
    local writer = failing(a.write, a, ("x"):rep(20 << 20))
    settle()
    a:close()
    assert.equal(CLOSED, reader:join())
    assert.equal(CLOSED, writer:join())
    assert.matches("^x", b:recv())
  end))

  it("wakes an acceptor", in_task(function()
    local listener = assert(net.listen("127.0.0.1", 0))
    local acceptor = failing(listener.accept, listener)
    settle()
    listener:close()
    assert.equal(CLOSED, acceptor:join())
  end))

  it("reaches a reader that was woken but has not run yet", in_task(function()
    local a, b, _ <close> = pair()
    local reader = failing(a.recv, a)
    settle()
    b:send "x"
    repeat cosched.checkpoint() until reader:status() == "ready"
    a:close()
    assert.equal(CLOSED, reader:join())
  end))

  it("reaches an acceptor that was woken but has not run yet", in_task(function()
    local listener = assert(net.listen("127.0.0.1", 0))
    local acceptor = failing(listener.accept, listener)
    settle()
    local _, port = listener:getsockname()
    local connecting = cosched.spawn(net.connect, "127.0.0.1", port)
    repeat cosched.checkpoint() until acceptor:status() == "ready"
    listener:close()
    assert.equal(CLOSED, acceptor:join())
    local client = connecting:join() -- or none: its connection may be gone already
    if client then client:close() end
  end))

  it("by the reader's own reader reaches a yielded object", in_task(function()
    local a, _, _ <close> = pair()
    local reader = failing(function() return coroutine.yield(cosched.sys.recv(a)) end)
    settle()
    a:close()
    assert.equal(CLOSED, reader:join())
  end))

  it("may be called twice", in_task(function()
    local a, _, _ <close> = pair()
    assert.is_true(a:close())
    assert.is_true(a:close())
  end))

  it("happens at the end of a block, also by an error", in_task(function()
    local kept
    assert.is_false(pcall(function()
      local a <close>, b = net.socketpair()
      kept = a
      b:close()
      error "stop"
    end))
    assert.equal(CLOSED, failure(kept:recv()))
  end))

  it("happens when a task with a waiting read is cancelled or killed", in_task(function()
    for _, how in ipairs { "cancel", "kill" } do
      local a, b, _ <close> = pair()
      local task = cosched.spawn(function()
        local socket <close> = a
        socket:recv()
      end)
      settle()
      task[how](task)
      task:wait()
      assert.equal(CLOSED, failure(a:recv()))
      assert.equal("end of file EOF", failure(b:recv()))
    end
  end))

  it("lets the peer have what was sent", in_task(function()
    local a, b, _ <close> = pair()
    a:send "last words"
    a:close()
    assert.equal("last words", b:read "a")
  end))

  it("forgets what was buffered", in_task(function()
    local a, b, _ <close> = pair()
    b:send "one\ntwo\n"
    assert.equal("one", a:read())
    a:close()
    assert.equal(CLOSED, failure(a:read()))
  end))

  it("is told by tostring", in_task(function()
    local a, _, _ <close> = pair()
    assert.matches("^cosched.Socket", tostring(a))
    assert.matches(tostring(a:fd()), tostring(a), 1, true)
    a:close()
    assert.matches("closed", tostring(a))
  end))
end)

describe("two tasks on one socket", function()
  it("cannot both read", in_task(function()
    local a, b, _ <close> = pair()
    local first = cosched.spawn(a.recv, a)
    settle()
    for _, call in ipairs { { a.recv }, { a.read, "l" }, { a.read, 1 }, { a.read_until, ";" } } do
      assert.equal("busy EBUSY", failure(call[1](a, call[2])))
    end
    b:send "for the first"
    assert.equal("for the first", first:join())
  end))

  it("cannot both read, also between the wake and the read", in_task(function()
    local a, b, _ <close> = pair()
    local first = cosched.spawn(a.recv, a)
    settle()
    b:send "for the first"
    repeat cosched.checkpoint() until first:status() == "ready"
    assert.equal("busy EBUSY", failure(a:recv()))
    assert.equal("for the first", first:join())
  end))

  it("can read and write at once", in_task(function()
    local a, b, _ <close> = pair()
    local reader = cosched.spawn(a.recv, a)
    local writer = cosched.spawn(a.send, a, ("x"):rep(1 << 20))
    settle()
    assert.equal("waiting", reader:status())
    assert.equal("waiting", writer:status())
    b:send "y"
    assert.equal("y", reader:join())
    assert.equal("waiting", writer:status())
    assert.equal(1 << 20, #b:read(1 << 20))
    assert.equal(1 << 20, writer:join())
  end))
end)

describe("a socket that was forgotten", function()
  -- In a process of its own, whose warnings can be seen.
  local function run(code)
    local script <close> = process.file([[
      local cosched, net = require "cosched", require "cosched.net"
      warn "@on"
    ]] .. code)
    return process.run(process.words(process.LUA, script.path))
  end

  it("is closed when it is collected, with a warning", function()
    local status, out, errors = run [[
      cosched.run(function()
        local a, b = net.socketpair()
        a = nil
        collectgarbage() collectgarbage()
        print(b:recv())
        b:close()
      end)
    ]]
    assert.equal("nil\tend of file\tEOF\n", out)
    assert.matches("Lua warning: cosched: a socket was collected while open", errors)
    assert.equal(0, status)
  end)

  it("is not warned of when it was closed", function()
    local status, out, errors = run [[
      cosched.run(function()
        for _ = 1, 100 do
          local a <close>, b = net.socketpair()
          b:close()
        end
        collectgarbage() collectgarbage()
      end)
    ]]
    assert.are.same({ 0, "", "" }, { status, out, errors })
  end)

  it("is not collected while a task waits on it", function()
    local status, out, errors = run [[
      cosched.run(function()
        local peer
        local task = cosched.spawn(function()
          local a, b = net.socketpair()
          peer = b
          local data = a:recv()
          a:close()
          return data
        end)
        cosched.checkpoint()
        collectgarbage() collectgarbage()
        peer:send "still there"
        print(task:join())
        peer:close()
      end)
    ]]
    assert.are.same({ 0, "still there\n", "" }, { status, out, errors })
  end)

  it("does not disturb the end of the program", function()
    local status, out = run [[
      a, b = net.socketpair()
      l = net.listen("127.0.0.1", 0)
      print "end"
    ]]
    assert.are.same({ 0, "end\n" }, { status, out })
  end)
end)
