-- shutdown, half-closed connections, and peers that are gone.

local cosched = require "cosched"
local sockets = require "spec.support.sockets"

local in_task = require("spec.support.task").in_task
local failure, settle = sockets.failure, sockets.settle

local END = "end of file EOF"
local BROKEN = "broken pipe EPIPE"

-- The same for both kinds of sockets.
for kind, open in pairs { ["local"] = sockets.pair, tcp = sockets.tcp_pair } do
  describe(kind .. " shutdown", function()
    it("of writing, the default, ends the peer's data and nothing else", in_task(function()
      local a, b, _ <close> = open()
      a:send "last words"
      assert.equal(a, a:shutdown())
      assert.equal("last words", b:read "a")
      assert.equal(BROKEN, failure(a:send "more"))
      b:send "answer\n"
      b:send "after the end"
      assert.equal("answer", a:read())
      assert.equal("after the end", a:recv())
    end))

    it("of writing wakes a reader at the other end", in_task(function()
      local a, b, _ <close> = open()
      local reader = cosched.spawn(function() return failure(b:recv()) end)
      settle()
      a:shutdown "write"
      assert.equal(END, reader:join())
    end))

    it("of reading ends a read that waits, and writing goes on", in_task(function()
      local a, b, _ <close> = open()
      local reader = cosched.spawn(function() return failure(a:recv()) end)
      settle()
      assert.equal(a, a:shutdown "read")
      assert.equal(END, reader:join())
      a:send "still sent"
      assert.equal("still sent", b:recv())
    end))

    it("of both ends both", in_task(function()
      local a, b, _ <close> = open()
      assert.equal(a, a:shutdown "both")
      assert.equal(END, failure(a:recv()))
      assert.equal(BROKEN, failure(a:send "x"))
      assert.equal(END, failure(b:recv()))
    end))

    it("keeps what the buffer has", in_task(function()
      local a, b, _ <close> = open()
      b:send "one\ntwo\n"
      assert.equal("one", a:read())
      a:shutdown "read"
      assert.equal("two", a:read())
      assert.equal(END, failure(a:read()))
    end))

    it("lets an echo of much come back after it", in_task(function()
      local a, b, _ <close> = open()
      local text = ("0123456789abcdef"):rep(2 << 16)
      cosched.spawn(function()
        while true do
          local data = b:recv()
          if not data then break end
          b:send(data)
        end
        b:shutdown()
      end)
      cosched.spawn(function()
        a:send(text)
        a:shutdown()
      end)
      assert.is_true(a:read "a" == text)
    end))
  end)

  describe("sending to a " .. kind .. " peer that has closed", function()
    it("is an error, and no signal ends the process", in_task(function()
      local a, b, _ <close> = open()
      b:close()
      local codes = {}
      for _ = 1, 3 do -- the first one may still be taken by the kernel
        local ok, _, code = a:send "x"
        codes[#codes + 1] = ok and "sent" or code
        settle()
      end
      assert.equal("EPIPE", codes[3])
    end))
  end)
end

describe("shutdown", function()
  it("names the ways that there are", in_task(function()
    local a, b, _ <close> = sockets.pair()
    for _, bad in ipairs { "", "all", 1, {}, true } do
      local ok, problem = pcall(function() a:shutdown(bad) end)
      assert.is_false(ok)
      assert.matches("bad argument #1 to 'shutdown'", problem)
    end
    a:send "ok"
    assert.equal("ok", b:recv())
  end))

  it("after a reset is an error", in_task(function()
    local a, b, _ <close> = sockets.tcp_pair()
    b:setoption("linger", 0)
    b:close()
    assert.equal("connection reset by peer ECONNRESET", failure(a:recv()))
    assert.matches("ENOTCONN$", failure(a:shutdown()))
  end))
end)

describe("a reset", function()
  it("ends a send that waits", in_task(function()
    local a, b, _ <close> = sockets.tcp_pair()
    local sender = cosched.spawn(function() return failure(a:send(("x"):rep(20 << 20))) end)
    settle()
    b:setoption("linger", 0)
    b:close()
    assert.equal("connection reset by peer ECONNRESET", sender:join())
  end))

  it("is told to the first call after it", in_task(function()
    local a, b, _ <close> = sockets.tcp_pair()
    b:setoption("linger", 0)
    b:close()
    settle()
    assert.equal("connection reset by peer ECONNRESET", failure(a:send "x"))
    assert.equal(BROKEN, failure(a:send "x"))
  end))

  it("wakes reader and writer", in_task(function()
    local a, b, _ <close> = sockets.tcp_pair()
    local reader = cosched.spawn(function() return (select(3, a:recv())) end)
    local sender = cosched.spawn(function() return (select(3, a:send(("x"):rep(20 << 20)))) end)
    settle()
    b:setoption("linger", 0)
    b:close()
    local codes = { [reader:join()] = true, [sender:join()] = true }
    assert.is_true(codes.ECONNRESET) -- the kernel tells it once
    codes.ECONNRESET, codes.EPIPE, codes.EOF = nil, nil, nil
    assert.is_nil(next(codes))
  end))
end)
