-- send and write: what goes out, who waits, and when the write side is spoiled.

local cosched = require "cosched"
local sockets = require "spec.support.sockets"

local in_task = require("spec.support.task").in_task
local failure, pair, settle = sockets.failure, sockets.pair, sockets.settle

local TIMEOUT = "timeout ETIMEDOUT"
local POISONED = "write was cancelled midway ECANCELED"
local MIB = 1 << 20

describe("send", function()
  it("returns the number of bytes", in_task(function()
    local a, b, _ <close> = pair()
    assert.equal(5, a:send "a\0b\r\n")
    assert.equal("a\0b\r\n", b:recv())
  end))

  it("takes a range as string.sub does", in_task(function()
    local a, b, _ <close> = pair()
    local text = "hello"
    for i = -7, 7 do
      for j = -7, 7 do
        local part = text:sub(i, j)
        assert.equal(#part, a:send(text, i, j), i .. "," .. j)
        if #part > 0 then assert.equal(part, b:recv(), i .. "," .. j) end
      end
    end
    assert.equal(3, a:send(text, 3))
    assert.equal("llo", b:recv())
    assert.equal(0, a:send(text, math.maxinteger, math.mininteger))
    assert.equal(5, a:send(text, math.mininteger, math.maxinteger))
    assert.equal("hello", b:recv())
  end))

  it("of nothing sends nothing, and the connection goes on", in_task(function()
    local a, b, _ <close> = sockets.tcp_pair()
    assert.equal(0, a:send "")
    assert.equal(0, a:send("abc", 2, 1))
    a:send "x"
    assert.equal("x", b:recv())
  end))

  it("takes strings alone", in_task(function()
    local a, b, _ <close> = pair()
    for _, bad in ipairs { {}, true, print } do
      local ok, problem = pcall(function() a:send(bad) end)
      assert.is_false(ok)
      assert.matches("stream_write_spec.lua:%d+: bad argument #1 to 'send'", problem)
    end
    assert.is_false(pcall(function() a:send() end))
    assert.is_false(pcall(function() a:send("x", "first") end))
    assert.is_false(pcall(function() a:send("x", 1, 1.5) end))
    a:send "ok"
    assert.equal("ok", b:recv())
  end))

  it("does the same as a yielded object", in_task(function()
    local a, b, _ <close> = pair()
    assert.equal(5, coroutine.yield(cosched.sys.send(a, "hello")))
    assert.equal(2, coroutine.yield(cosched.sys.send(a, "hello", 2, 3)))
    assert.equal("helloel", b:recv())
  end))

  it("of more than the kernel takes at once sends all of it", in_task(function()
    local a, b, _ <close> = sockets.tcp_pair()
    local text = ("0123456789abcdef"):rep(10 * MIB // 16)
    local sender = cosched.spawn(a.send, a, text)
    assert.is_true(b:read(#text) == text)
    assert.equal(#text, sender:join())
  end))

  it("of much as a yielded object sends all of it", in_task(function()
    local a, b, _ <close> = pair()
    local text = ("0123456789abcdef"):rep(4 * MIB // 16)
    local sender = cosched.spawn(function() return coroutine.yield(cosched.sys.send(a, text)) end)
    assert.is_true(b:read(#text) == text)
    assert.equal(#text, sender:join())
  end))

  it("answers busy to a second sender while one waits", in_task(function()
    local a, b, _ <close> = pair()
    local first = cosched.spawn(a.send, a, ("x"):rep(MIB))
    settle()
    assert.equal("busy EBUSY", failure(a:send "y"))
    assert.equal("busy EBUSY", failure(a:write "y"))
    assert.equal(("x"):rep(MIB), b:read(MIB))
    assert.equal(MIB, first:join())
    assert.equal(1, a:send "y")
    assert.equal("y", b:recv())
  end))
end)

describe("write", function()
  it("takes strings and numbers, and returns the socket", in_task(function()
    local a, b, _ <close> = pair()
    assert.equal(a, a:write("n=", 1, " ", 2.5, "\n"))
    assert.equal("n=1 2.5\n", b:recv())
  end))

  it("sends many values as one", in_task(function()
    local a, b, _ <close> = pair()
    local values = {}
    for i = 1, 200 do
      values[i] = i .. ","
    end
    a:write(table.unpack(values))
    assert.equal(table.concat(values), b:recv())
  end))

  it("of nothing returns the socket", in_task(function()
    local a, b, _ <close> = pair()
    assert.equal(a, a:write())
    assert.equal(a, a:write(""))
    a:write("x"):write "y"
    assert.equal("xy", b:read(2))
  end))

  it("names the value that it cannot send, and sends none of them", in_task(function()
    local a, b, _ <close> = pair()
    local ok, problem = pcall(function() a:write("one", 2, {}) end)
    assert.is_false(ok)
    assert.matches("bad argument #3 to 'write'", problem)
    a:write "only this"
    assert.equal("only this", b:recv())
  end))

  it("of more than the kernel takes at once sends all of it", in_task(function()
    local a, b, _ <close> = pair()
    local text = ("0123456789abcdef"):rep(4 * MIB // 16)
    local sender = cosched.spawn(a.write, a, text, 7, text)
    assert.is_true(b:read(2 * #text + 1) == text .. "7" .. text)
    assert.equal(a, sender:join())
  end))
end)

describe("a peer that never reads", function()
  it("stops the sender alone, and memory stays as it is", in_task(function()
    local a, b, _ <close> = pair()
    local c, d, _ <close> = pair()
    local chunk = ("x"):rep(65536)
    local sender = cosched.spawn(function()
      while a:send(chunk) do end
    end)
    settle()
    assert.equal("waiting", sender:status())
    collectgarbage()
    local before = collectgarbage "count"
    for _ = 1, 200 do -- others go on
      c:send "ping"
      assert.equal("ping", d:recv())
    end
    assert.equal("waiting", sender:status())
    collectgarbage()
    assert.is_true(collectgarbage "count" - before < 64)
    sender:cancel()
    sender:wait()
    assert.is_true(#b:recv() > 0)
  end))

  it("that goes away ends the sender with an error", in_task(function()
    local a, b, _ <close> = sockets.tcp_pair()
    local sender = cosched.spawn(function() return select(3, a:send(("x"):rep(20 * MIB))) end)
    settle()
    b:close()
    local code = sender:join()
    assert.is_true(code == "ECONNRESET" or code == "EPIPE", code)
  end))
end)

describe("a send that ends midway", function()
  it("by a limit of time spoils the write side, not the reading", in_task(function()
    local a, b, _ <close> = pair()
    a:settimeout(0.005)
    assert.equal(TIMEOUT, failure(a:send(("x"):rep(4 * MIB))))
    assert.equal(POISONED, failure(a:send "more"))
    assert.equal(POISONED, failure(a:write "more"))
    b:send "still here"
    assert.equal("still here", a:recv())
    assert.is_true(a:close())
    assert.matches("^x+$", b:read "a")
  end))

  it("by a limit of zero spoils it, too", in_task(function()
    local a, _, _ <close> = pair()
    a:settimeout(0)
    assert.equal(TIMEOUT, failure(a:write(("x"):rep(4 * MIB))))
    assert.equal(POISONED, failure(a:send "more"))
  end))

  it("by being cancelled spoils it", in_task(function()
    local a, b, _ <close> = pair()
    local sender = cosched.spawn(a.send, a, ("x"):rep(4 * MIB))
    settle()
    sender:cancel()
    assert.equal("cancelled", sender:wait())
    assert.equal(POISONED, failure(a:send "more"))
    assert.equal(POISONED, failure(a:send ""))
    b:send "still here"
    assert.equal("still here", a:recv())
  end))

  it("by being killed spoils it", in_task(function()
    local a, _, _ <close> = pair()
    local sender = cosched.spawn(a.write, a, ("x"):rep(4 * MIB))
    settle()
    sender:kill()
    sender:wait()
    assert.equal(POISONED, failure(a:send "more"))
  end))

  it("by being cancelled between being woken and looking spoils it", in_task(function()
    local a, b, _ <close> = pair()
    local sender = cosched.spawn(a.send, a, ("x"):rep(20 * MIB))
    settle()
    b:settimeout(0) -- a read that waited would let the sender go on
    repeat
      b:recv(4096)
      cosched.checkpoint()
    until sender:status() == "ready"
    sender:cancel()
    assert.equal("cancelled", sender:wait())
    assert.equal(POISONED, failure(a:send "more"))
  end))

  it("by a limit of time that covers the whole call, however slowly it goes on", in_task(function()
    local a, b, _ <close> = pair()
    a:settimeout(0.02)
    local reader = cosched.spawn(function()
      while true do
        b:recv(8192)
        cosched.sleep(0.001)
      end
    end)
    assert.equal(TIMEOUT, failure(a:send(("x"):rep(20 * MIB))))
    reader:cancel()
    assert.equal(POISONED, failure(a:send "more"))
  end))

  it("as a yielded object spoils it", in_task(function()
    local a, _, _ <close> = pair()
    local object = cosched.sys.send(a, ("x"):rep(4 * MIB))
    local sender = cosched.spawn(function() coroutine.yield(object) end)
    settle()
    sender:cancel()
    sender:wait()
    assert.equal(POISONED, failure(coroutine.yield(object)))
  end))

  it("lets the write side be shut, so the peer sees an end", in_task(function()
    local a, b, _ <close> = pair()
    a:settimeout(0)
    assert.equal(TIMEOUT, failure(a:send(("x"):rep(4 * MIB))))
    assert.equal(a, a:shutdown())
    assert.matches("^x+$", b:read "a")
  end))

  it("with nothing sent spoils nothing: limit of time", in_task(function()
    local a, b, _ <close> = pair()
    local total = sockets.fill(a)
    a:settimeout(0.005)
    assert.equal(TIMEOUT, failure(a:send "late"))
    a:settimeout(0)
    assert.equal(TIMEOUT, failure(a:write "late"))
    sockets.drain(b, total)
    assert.equal(4, a:send "next")
    assert.equal("next", b:recv())
  end))

  it("with nothing sent spoils nothing: cancelled", in_task(function()
    local a, b, _ <close> = pair()
    local total = sockets.fill(a)
    local sender = cosched.spawn(a.send, a, "late")
    settle()
    assert.equal("waiting", sender:status())
    sender:cancel()
    sender:wait()
    sockets.drain(b, total)
    assert.equal(4, a:send "next")
    assert.equal("next", b:recv())
  end))
end)
