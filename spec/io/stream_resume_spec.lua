-- Reads that end before they have what they want: nothing is lost, by cancelling, by
-- a limit of time, or by a limit of length; and what long reads cost.

local cosched = require "cosched"
local sockets = require "spec.support.sockets"

local in_task = require("spec.support.task").in_task
local failure, pair, settle = sockets.failure, sockets.pair, sockets.settle

local TIMEOUT = "timeout ETIMEDOUT"
local TOO_LONG = "line too long EMSGSIZE"

describe("a read that is cancelled", function()
  it("leaves what it has found to the next read", in_task(function()
    local a, b, _ <close> = pair()
    local reader = cosched.spawn(function() return a:read(10) end)
    b:send "abcd"
    settle()
    reader:cancel()
    assert.equal("cancelled", reader:wait())
    assert.equal("abcd", a:read(4))
  end))

  it("takes none of its formats when the last is missing", in_task(function()
    local a, b, _ <close> = pair()
    local reader = cosched.spawn(function() return a:read("l", 3, "l") end)
    b:send "one\nabcpart"
    settle()
    reader:cancel()
    reader:wait()
    b:send "ner\n"
    assert.are.same({ "one", "abcpartner" }, { a:read("l", "l") })
  end))

  it("leaves what comes later to the next reader", in_task(function()
    local a, b, _ <close> = pair()
    local reader = cosched.spawn(function() return a:recv() end)
    settle()
    reader:cancel()
    b:send "every byte"
    reader:wait()
    assert.equal("every byte", a:recv())
  end))

  it("between being woken and looking is cancelled none the less", in_task(function()
    local a, b, _ <close> = pair()
    local reader = cosched.spawn(function() return a:read "l" end)
    settle()
    b:send "no end of line"
    repeat cosched.checkpoint() until reader:status() == "ready"
    reader:cancel()
    assert.equal("cancelled", reader:wait())
    assert.equal("no end of line", a:recv())
  end))

  it("between being woken and looking takes what it was woken for", in_task(function()
    local a, b, _ <close> = pair()
    local line
    local reader = cosched.spawn(function()
      line = a:read "l"
      cosched.checkpoint()
      line = "ran on"
    end)
    settle()
    b:send "whole\n"
    repeat cosched.checkpoint() until reader:status() == "ready"
    reader:cancel()
    assert.equal("cancelled", reader:wait())
    assert.equal("whole", line)
  end))

  it("before its first look leaves the data", in_task(function()
    local a, b, _ <close> = pair()
    local reader = cosched.spawn(function()
      pcall(cosched.checkpoint) -- cancelled here, with the data there already
      return a:read()
    end)
    b:send "line\n"
    reader:cancel()
    assert.equal("cancelled", reader:wait())
    assert.equal("line", a:read())
  end))

  it("loses no byte over a hundred cancelled readers", in_task(function()
    local a, b, _ <close> = pair()
    local text = ("0123456789"):rep(20) .. "\n"
    for i = 1, 100 do
      local reader = cosched.spawn(function() return a:read "l" end)
      b:send(text:sub(2 * i - 1, 2 * i))
      settle()
      reader:cancel()
      reader:wait()
    end
    b:send(text, 201)
    assert.equal(text, a:read "L")
  end))

  it("that was killed leaves the socket usable", in_task(function()
    local a, b, _ <close> = pair()
    local reader = cosched.spawn(function() return a:read(10) end)
    b:send "abcd"
    settle()
    reader:kill()
    assert.equal("cancelled", reader:wait())
    assert.equal("abcd", a:read(4))
  end))
end)

describe("a limit of time", function()
  it("leaves what was found to the next read", in_task(function()
    local a, b, _ <close> = pair()
    a:settimeout(0.005)
    b:send "part"
    assert.equal(TIMEOUT, failure(a:read(10)))
    assert.equal(TIMEOUT, failure(a:read "l"))
    assert.equal(TIMEOUT, failure(a:read_until "\r\n"))
    b:send "ner\r\n"
    assert.equal("partner", a:read_until "\r\n")
  end))

  it("covers the whole call, not each piece that comes", in_task(function()
    local a, b, _ <close> = pair()
    a:settimeout(0.02)
    local sender = cosched.spawn(function()
      while true do
        b:send "."
        cosched.sleep(0.002)
      end
    end)
    assert.equal(TIMEOUT, failure(a:read "l"))
    sender:cancel()
    assert.matches("^%.+$", a:recv())
  end))

  it("of zero takes what is there and never waits", in_task(function()
    local a, b, _ <close> = pair()
    a:settimeout(0)
    assert.equal(TIMEOUT, failure(a:recv()))
    assert.equal(TIMEOUT, failure(a:read "l"))
    b:send "now\n"
    assert.equal("now", a:read "l")
    assert.equal(TIMEOUT, failure(a:recv()))
  end))

  it("does not stop a read that finds all it wants in time", in_task(function()
    local a, b, _ <close> = pair()
    a:settimeout(5)
    cosched.spawn(function()
      for byte in ("line\n"):gmatch "." do
        b:send(byte)
        cosched.sleep(0.001)
      end
    end)
    assert.equal("line", a:read())
  end))

  it("can be taken away, and be infinite", in_task(function()
    local a, b, _ <close> = pair()
    a:settimeout(0)
    a:settimeout(nil)
    local reader = cosched.spawn(a.recv, a)
    cosched.sleep(0.005)
    assert.equal("waiting", reader:status())
    b:send "x"
    assert.equal("x", reader:join())
    a:settimeout(math.huge)
    b:send "y"
    assert.equal("y", a:recv())
  end))

  it("must be a number of seconds, not negative, not NaN", in_task(function()
    local a, b, _ <close> = pair()
    for _, bad in ipairs { -1, 0 / 0, -math.huge, "soon", {}, true } do
      local ok, problem = pcall(function() a:settimeout(bad) end)
      assert.is_false(ok)
      assert.matches("bad argument #1 to 'settimeout'", problem)
    end
    assert.is_false(pcall(function() a:settimeout() end))
    b:send "x"
    assert.equal("x", a:recv())
  end))
end)

describe("a limit of length", function()
  it("ends a line of more than 64 KiB in an error, its bytes still there", in_task(function()
    local a, b, _ <close> = pair()
    local sender = cosched.spawn(b.send, b, ("x"):rep(70000) .. "\nnext\n")
    assert.equal(TOO_LONG, failure(a:read "l"))
    assert.equal(TOO_LONG, failure(a:read "L"))
    assert.equal(("x"):rep(70000), a:read(70000))
    assert.are.same({ "", "next" }, { a:read("l", "l") })
    sender:join()
  end))

  it("lets a line of exactly 64 KiB through", in_task(function()
    local a, b, _ <close> = pair()
    local line = ("x"):rep(65536)
    cosched.spawn(b.send, b, line .. "\n")
    assert.equal(line, a:read "l")
  end))

  it("can be set", in_task(function()
    local a, b, _ <close> = pair()
    a:setlinelimit(3)
    b:send "abc\nabcd\n"
    assert.equal("abc", a:read())
    assert.equal(TOO_LONG, failure(a:read()))
    a:setlinelimit(4)
    assert.equal("abcd", a:read())
  end))

  it("holds before the end of the line is there, so memory stays bounded", in_task(function()
    local a, b, _ <close> = pair()
    local sender = cosched.spawn(b.send, b, ("x"):rep(10 << 20))
    assert.equal(TOO_LONG, failure(a:read()))
    assert.equal("waiting", sender:status())
    sender:cancel()
  end))

  it("does not hold for a count or for all", in_task(function()
    local a, b, _ <close> = pair()
    a:setlinelimit(3)
    b:send "abcdefgh"
    b:close()
    assert.equal("abcdef", a:read(6))
    assert.equal("gh", a:read "a")
  end))

  it("raises in lines", in_task(function()
    local a, b, _ <close> = pair()
    a:setlinelimit(3)
    b:send "abc\nabcd\n"
    local seen = {}
    local ok, problem = pcall(function()
      for line in a:lines() do
        seen[#seen + 1] = line
      end
    end)
    assert.is_false(ok)
    assert.matches("line too long", problem)
    assert.are.same({ "abc" }, seen)
  end))
end)

describe("a long read", function()
  local MIB = 1 << 20

  -- CPU seconds of a read while another task sends `pieces` pieces of `size` bytes.
  local function cost(pieces, size, read)
    local a, b, _ <close> = pair()
    local piece = ("x"):rep(size)
    local sender = cosched.spawn(function()
      for _ = 1, pieces do
        b:send(piece)
        cosched.checkpoint()
      end
      b:shutdown()
    end)
    local start = os.clock()
    read(a, pieces * size)
    sender:join()
    return os.clock() - start
  end

  it("of 10 MB by count has every byte", in_task(function()
    local a, b, _ <close> = pair()
    local text = ("0123456789abcdef"):rep(10 * MIB // 16)
    local sender = cosched.spawn(b.send, b, text)
    assert.is_true(a:read(10 * MIB) == text)
    assert.equal(10 * MIB, sender:join())
  end))

  it("of 10 MB up to the end has every byte", in_task(function()
    local a, b, _ <close> = pair()
    local text = ("0123456789abcdef"):rep(10 * MIB // 16)
    cosched.spawn(function()
      b:send(text)
      b:shutdown()
    end)
    assert.is_true(a:read "a" == text)
  end))

  it("does not search what it has searched", in_task(function()
    local function line(socket, n)
      socket:setlinelimit(n)
      assert.equal(n, #socket:read "l")
    end
    cost(100, 512, line) -- the first one is slower
    local small, big = cost(400, 512, line), cost(6400, 512, line)
    assert.is_true(big < 16 * small * 6, ("%.4f s, then %.4f s"):format(small, big))
  end))

  it("of two formats does not copy the first one each time", in_task(function()
    local one = cost(4096, 512, function(socket, n) assert.equal(n, #socket:read(n)) end)
    local two = cost(4096, 512, function(socket, n)
      local first, second = socket:read(n // 2, n // 2)
      assert.equal(n, #first + #second)
    end)
    assert.is_true(two < one * 10, ("%.4f s, then %.4f s"):format(one, two))
  end))
end)
