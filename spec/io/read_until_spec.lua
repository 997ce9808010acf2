-- read_until: what comes before a delimiter.

local cosched = require "cosched"
local sockets = require "spec.support.sockets"

local in_task = require("spec.support.task").in_task
local failure, pair, settle = sockets.failure, sockets.pair, sockets.settle

local TOO_LONG = "line too long EMSGSIZE"

local function send_split(socket, text, at)
  return cosched.spawn(function()
    socket:send(text, 1, at)
    settle()
    socket:send(text, at + 1)
  end)
end

describe("read_until", function()
  it("takes the delimiter, and does not give it", in_task(function()
    local a, b, _ <close> = pair()
    b:send "name: value\r\n\r\nbody"
    assert.equal("name", a:read_until ": ")
    assert.equal("value", a:read_until "\r\n\r\n")
    assert.equal("body", a:recv())
  end))

  it("finds a delimiter that is split at any place", in_task(function()
    local text = "head\r\n\r\ntail."
    for at = 1, #text - 1 do
      local a, b, _ <close> = pair()
      send_split(b, text, at)
      assert.equal("head", a:read_until "\r\n\r\n", "split at " .. at)
      assert.equal("tail", a:read_until ".", "split at " .. at)
    end
  end))

  it("finds a delimiter whose beginning repeats, byte by byte", in_task(function()
    local a, b, _ <close> = pair()
    cosched.spawn(function()
      for byte in ("aaabaabaaac!"):gmatch "." do
        b:send(byte)
        settle()
      end
    end)
    assert.equal("aaabaab", a:read_until "aaac")
    assert.equal("", a:read_until "!")
  end))

  it("finds a delimiter of zeros among zeros", in_task(function()
    local a, b, _ <close> = pair()
    b:send "a\0b\0\0c"
    assert.equal("a\0b", a:read_until "\0\0")
    assert.equal("c", a:recv())
  end))

  it("gives an empty text when the delimiter comes first", in_task(function()
    local a, b, _ <close> = pair()
    b:send ";;x"
    assert.equal("", a:read_until ";")
    assert.equal("", a:read_until ";")
    assert.equal("x", a:recv())
  end))

  it("fails when the data ends without it, and leaves the data", in_task(function()
    local a, b, _ <close> = pair()
    b:send "no end"
    b:close()
    assert.equal("end of file EOF", failure(a:read_until ";"))
    assert.equal("no end", a:read "a")
  end))

  it("goes on after it was cancelled, also inside of the delimiter", in_task(function()
    local a, b, _ <close> = pair()
    local reader = cosched.spawn(function() return a:read_until "\r\n" end)
    b:send "text\r"
    settle()
    reader:cancel()
    reader:wait()
    b:send "\nmore"
    assert.equal("text", a:read_until "\r\n")
    assert.equal("more", a:recv())
  end))

  it("has a limit of its own, and leaves what is beyond it", in_task(function()
    local a, b, _ <close> = pair()
    b:send "abcd;e;"
    assert.equal(TOO_LONG, failure(a:read_until(";", 3)))
    assert.equal("abcd", a:read_until(";", 4))
    assert.equal("e", a:read_until ";")
  end))

  it("does not count the delimiter, however it comes, against the limit", in_task(function()
    local text = "abc\r\n\r\n"
    for at = 1, #text - 1 do
      local a, b, _ <close> = pair()
      send_split(b, text, at)
      assert.equal("abc", a:read_until("\r\n\r\n", 3), "split at " .. at)
    end
  end))

  it("keeps to the line limit without one of its own", in_task(function()
    local a, b, _ <close> = pair()
    a:setlinelimit(3)
    b:send "abcd;"
    assert.equal(TOO_LONG, failure(a:read_until ";"))
    assert.equal("abcd;", a:recv())
  end))

  it("refuses an empty delimiter and limits that are none", in_task(function()
    local a, b, _ <close> = pair()
    b:send "x"
    for _, bad in ipairs { { "" }, { ";", 0 }, { ";", -1 }, { ";", "many" }, { {} }, {} } do
      local ok, problem = pcall(function() a:read_until(table.unpack(bad)) end)
      assert.is_false(ok)
      assert.matches("bad argument #[12] to 'read_until'", problem)
    end
  end))
end)
