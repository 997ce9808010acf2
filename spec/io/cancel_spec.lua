-- Deadlines and scopes around real I/O, on the real clock: what was cut short has not
-- happened, and nothing is lost.
local cosched = require "cosched"
local net = require "cosched.net"
local sockets = require "spec.support.sockets"
local support = require "spec.support.task"
local in_task, caught, closing = support.in_task, support.caught, support.closing

local SOON = 0.002 -- seconds

describe("a read under a deadline", function()
  it("takes no byte: the next reader gets them all", in_task(function()
    local a, b, _ <close> = sockets.pair()
    assert.is_false((cosched.move_on(SOON, a.recv, a)))
    assert(b:send "every byte")
    assert.are.equal("every byte", a:recv())
  end))

  it("raises a Timeout, not the soft error of settimeout", in_task(function()
    local a, _, _ <close> = sockets.pair()
    assert.is_true(cosched.is_timeout(caught(cosched.timeout, SOON, a.recv, a)))
  end))

  it("is soft when the socket's own timeout comes first", in_task(function()
    local a, _, _ <close> = sockets.pair()
    a:settimeout(SOON)
    local ok, _, _, code = cosched.move_on(10, a.recv, a)
    assert.is_true(ok)
    assert.are.equal("ETIMEDOUT", code)
  end))

  it("for an exact count keeps what has come for the next", in_task(function()
    local a, b, _ <close> = sockets.pair()
    assert(b:send "four")
    assert.is_false((cosched.move_on(SOON, a.read, a, 10)))
    assert.are.equal("four", a:read(4))
    assert(b:send " and more")
    assert.are.equal(" and more", a:read(9))
  end))

  it("for a line keeps what has come for the next", in_task(function()
    local a, b, _ <close> = sockets.pair()
    assert(b:send "half a")
    assert.is_false((cosched.move_on(SOON, a.read, a, "l")))
    assert(b:send " line\n")
    assert.are.equal("half a line", a:read "l")
  end))

  it("reads nothing when the scope is cancelled already, though data are there",
    in_task(function()
      local a, b, _ <close> = sockets.pair()
      assert(b:send "data")
      local scope = cosched.scope()
      scope:cancel()
      assert.is_false((scope:run(a.recv, a)))
      assert.are.equal("data", a:recv())
    end))

  it("gives what a wake has promised, or leaves it, never half", in_task(function()
    local a, b, _ <close> = sockets.pair()
    local scope, got = cosched.scope(), nil
    local reader = cosched.spawn(scope.run, scope, function() got = a:recv() end)
    sockets.settle()
    assert(b:send "data")
    scope:cancel() -- the data are there, the reader has not been woken
    assert.is_false((reader:join()))
    assert.is_nil(got)
    assert.are.equal("data", a:recv())
  end))

  it("works in a shield: a goodbye is read in a cancelled task", in_task(function()
    local a, b, _ <close> = sockets.pair()
    local goodbye
    local task = cosched.spawn(function()
      local _ <close> = closing(function()
        cosched.shield(5, function()
          a:send "QUIT"
          goodbye = a:recv()
        end)
      end)
      cosched.forever()
    end)
    cosched.checkpoint()
    task:cancel()
    assert.are.equal("QUIT", b:recv())
    assert(b:send "bye")
    assert.are.equal("cancelled", task:wait())
    assert.are.equal("bye", goodbye)
  end))

  it("is given up by a nursery whose other child fails", in_task(function()
    local a, b, _ <close> = sockets.pair()
    local problem = caught(cosched.nursery, function(n)
      n:spawn(a.recv, a)
      n:spawn(function()
        cosched.sleep(SOON)
        error("sibling", 0)
      end)
      b:recv()
    end)
    assert.are.equal("sibling", problem.error)
    assert(b:send "x")
    assert.are.equal("x", a:recv())
  end))

  it("leaves the descriptor to the next waiter, a hundred times", in_task(function()
    local a, b, _ <close> = sockets.pair()
    for i = 1, 100 do
      assert.is_false((cosched.move_on(0.0001, a.recv, a)))
      assert(b:send(tostring(i)))
      assert.are.equal(tostring(i), a:recv())
    end
  end))
end)

describe("a write under a deadline", function()
  it("that was under way spoils the writing side; reading and closing work", in_task(function()
    local a, b, _ <close> = sockets.pair()
    assert.is_false((cosched.move_on(SOON, a.send, a, ("x"):rep(10 * 1024 * 1024))))
    assert.are.equal("write was cancelled midway ECANCELED", sockets.failure(a:send "more"))
    assert(b:send "still heard")
    assert.are.equal("still heard", a:recv())
    assert.is_true(a:close())
  end))

  it("that had sent nothing spoils nothing", in_task(function()
    local a, b, _ <close> = sockets.pair()
    local total = sockets.fill(a)
    assert.is_false((cosched.move_on(SOON, a.send, a, "y")))
    sockets.drain(b, total)
    assert(a:send "z")
    assert.are.equal("z", b:recv())
  end))

  it("that fits is made in no time, and is no matter of the deadline", in_task(function()
    local a, b, _ <close> = sockets.pair()
    cosched.timeout(10, a.send, a, "fits")
    assert.are.equal("fits", b:recv())
  end))
end)

describe("an accept under a deadline", function()
  it("leaves the connection to the next", in_task(function()
    local listener <close> = assert(net.listen("127.0.0.1", 0))
    assert.is_false((cosched.move_on(SOON, listener.accept, listener)))
    local address, port = listener:getsockname()
    local client <close> = assert(net.connect(address, port))
    local server <close> = assert(listener:accept())
    assert(client:send "hello")
    assert.are.equal("hello", server:recv())
  end))

  it("that is over when it is called takes none", in_task(function()
    local listener <close> = assert(net.listen("127.0.0.1", 0))
    local address, port = listener:getsockname()
    local client <close> = assert(net.connect(address, port))
    assert.is_false((cosched.move_on(0, listener.accept, listener)))
    local server <close> = assert(listener:accept())
    assert(client:send "hello")
    assert.are.equal("hello", server:recv())
  end))
end)

describe("a connect under a deadline", function()
  it("leaves no socket behind", in_task(function()
    local listener <close> = assert(net.listen("127.0.0.1", 0))
    local address, port = listener:getsockname()
    for _ = 1, 20 do
      local ok, socket = cosched.move_on(0, net.connect, address, port)
      if ok and socket then socket:close() end
      assert.is_false(ok)
    end
    -- in_task finds what was left open
  end))

  it("that is cancelled as it was made leaves none either", in_task(function()
    local listener <close> = assert(net.listen("127.0.0.1", 0))
    local address, port = listener:getsockname()
    local closed = 0
    for _ = 1, 20 do
      local scope = cosched.scope()
      local task = cosched.spawn(scope.run, scope, function()
        local _ <close> = assert(net.connect(address, port))
        closed = closed + 1
      end)
      cosched.checkpoint()
      scope:cancel()
      task:wait()
    end
    assert.is_true(closed <= 20)
  end))
end)

describe("the lookup of a name under a deadline", function()
  it("is left at once; its result is thrown away when it comes", in_task(function()
    for _ = 1, 10 do
      assert.is_false((cosched.move_on(0, net.resolve, "localhost")))
      local scope = cosched.scope()
      local task = cosched.spawn(scope.run, scope, net.resolve, "localhost")
      cosched.checkpoint()
      scope:cancel()
      assert.is_false((task:join()))
    end
    assert(net.resolve "127.0.0.1")
  end))
end)

describe("close", function()
  it("is no checkpoint: it works in a cancelled scope, and wakes the reader", in_task(function()
    local a, _, _ <close> = sockets.pair()
    local answer
    local reader = cosched.spawn(function() answer = sockets.failure(a:recv()) end)
    sockets.settle()
    assert.is_true((cosched.move_on(0, a.close, a)))
    reader:join()
    assert.are.equal("closed ECLOSED", answer)
  end))

  it("happens at the end of a block that was cut short", in_task(function()
    local one, two = assert(net.socketpair())
    local b <close> = two
    assert.is_false((cosched.move_on(SOON, function()
      local a <close> = one
      a:recv()
    end)))
    assert.are.equal("end of file EOF", sockets.failure(b:recv()))
  end))
end)

describe("a wait for a descriptor under a deadline", function()
  it("can be made again", in_task(function()
    local a, b, _ <close> = sockets.pair()
    for _ = 1, 10 do
      assert.is_false((cosched.move_on(0.0005, cosched.read_wait, a)))
    end
    assert(b:send "x")
    assert.is_true(cosched.read_wait(a))
    assert.are.equal("x", a:recv())
  end))
end)
