-- recv and read: what they take, what they leave, and when they end.

local cosched = require "cosched"
local sockets = require "spec.support.sockets"

local in_task = require("spec.support.task").in_task
local failure, pair, settle = sockets.failure, sockets.pair, sockets.settle
local pack = table.pack

local END = "end of file EOF"

-- Sends the pieces, each after all others had their turn, then ends the data.
local function send_slowly(socket, pieces)
  return cosched.spawn(function()
    for i = 1, #pieces do
      socket:send(type(pieces) == "string" and pieces:sub(i, i) or pieces[i])
      settle()
    end
    socket:shutdown()
  end)
end

describe("recv", function()
  it("returns what is there, without waiting for more", in_task(function()
    local a, b, _ <close> = pair()
    b:send "one"
    assert.equal("one", a:recv())
  end))

  it("returns at most what was asked for, and the rest next time", in_task(function()
    local a, b, _ <close> = pair()
    b:send "abcdef"
    assert.equal("abcd", a:recv(4))
    assert.equal("ef", a:recv(4))
  end))

  it("waits until there is a byte, while others run", in_task(function()
    local a, b, _ <close> = pair()
    local reader = cosched.spawn(a.recv, a)
    settle()
    assert.equal("waiting", reader:status())
    b:send "x"
    assert.equal("x", reader:join())
  end))

  it("returns buffered bytes first, without waiting", in_task(function()
    local a, b, _ <close> = pair()
    b:send "line\nrest"
    assert.equal("line", a:read "l")
    b:send " and more"
    assert.equal("re", a:recv(2))
    assert.equal("st", a:recv())
    assert.equal(" and more", a:recv())
  end))

  it("returns bytes of every value", in_task(function()
    local a, b, _ <close> = pair()
    local all = {}
    for byte = 0, 255 do
      all[#all + 1] = string.char(byte)
    end
    local text = table.concat(all)
    b:send(text)
    assert.equal(text, a:recv())
  end))

  it("ends with nil, after all that came before the end, every time", in_task(function()
    local a, b, _ <close> = pair()
    b:send "last"
    b:close()
    assert.equal("last", a:recv())
    assert.equal(END, failure(a:recv()))
    assert.equal(END, failure(a:recv()))
  end))

  it("reports a reset by the peer", in_task(function()
    local a, b, _ <close> = sockets.tcp_pair()
    b:setoption("linger", 0)
    b:close()
    assert.equal("connection reset by peer ECONNRESET", failure(a:recv()))
  end))

  it("reports a reset to who waits already", in_task(function()
    local a, b, _ <close> = sockets.tcp_pair()
    local reader = cosched.spawn(function() return failure(a:recv()) end)
    settle()
    b:setoption("linger", 0)
    b:close()
    assert.equal("connection reset by peer ECONNRESET", reader:join())
  end))

  it("does the same as a yielded object", in_task(function()
    local a, b, _ <close> = pair()
    b:send "abcdef"
    assert.equal("abc", coroutine.yield(cosched.sys.recv(a, 3)))
    assert.equal("def", coroutine.yield(cosched.sys.recv(a)))
    b:close()
    assert.equal(END, failure(coroutine.yield(cosched.sys.recv(a))))
  end))
end)

describe("read", function()
  it("takes a line without its end by 'l', and by default", in_task(function()
    local a, b, _ <close> = pair()
    b:send "one\ntwo\n"
    assert.equal("one", a:read())
    assert.equal("two", a:read "l")
  end))

  it("takes a line with its end by 'L'", in_task(function()
    local a, b, _ <close> = pair()
    b:send "one\n\nlast"
    b:close()
    assert.equal("one\n", a:read "L")
    assert.equal("\n", a:read "L")
    assert.equal("last", a:read "L")
    assert.equal(END, failure(a:read "L"))
  end))

  it("takes a last line that has no end", in_task(function()
    local a, b, _ <close> = pair()
    b:send "one\nlast"
    b:close()
    assert.are.same({ "one", "last", n = 2 }, pack(a:read("l", "l")))
    assert.equal(END, failure(a:read "l"))
  end))

  it("keeps carriage returns and zeros in a line", in_task(function()
    local a, b, _ <close> = pair()
    b:send "a\0b\r\n"
    assert.equal("a\0b\r", a:read "l")
  end))

  it("takes exactly n bytes, however they come", in_task(function()
    local a, b, _ <close> = pair()
    send_slowly(b, { "ab", "cde", "f" })
    assert.equal("abcd", a:read(4))
    assert.equal("ef", a:read(2))
  end))

  it("gives less than n bytes only at the end of the data", in_task(function()
    local a, b, _ <close> = pair()
    send_slowly(b, { "abc", "de" })
    assert.equal("abcd", a:read(4))
    assert.equal("e", a:read(4))
    assert.equal(END, failure(a:read(4)))
  end))

  it("takes all by 'a', which is empty after the end", in_task(function()
    local a, b, _ <close> = pair()
    send_slowly(b, { "one\n", "two\0", "three" })
    assert.equal("one\ntwo\0three", a:read "a")
    assert.equal("", a:read "a")
    assert.equal(END, failure(a:read "l"))
  end))

  it("takes nothing by 0 while there is data, and fails at its end, as io does", in_task(function()
    local a, b, _ <close> = pair()
    b:send "x"
    assert.equal("", a:read(0))
    assert.equal("x", a:read(1))
    b:close()
    assert.equal(END, failure(a:read(0)))
  end))

  it("takes formats with a star", in_task(function()
    local a, b, _ <close> = pair()
    b:send "one\ntwo\nrest"
    b:close()
    assert.are.same({ "one", "two\n", "rest", n = 3 }, pack(a:read("*l", "*L", "*a")))
  end))

  it("takes several things in one call, over many deliveries", in_task(function()
    local a, b, _ <close> = pair()
    send_slowly(b, "5\nhello\nline\nrest")
    assert.are.same({ "5", "hello", "\n", "line", "rest", n = 5 },
      pack(a:read("l", 5, "L", "l", "a")))
  end))

  it("ends the results at the first thing that there is none of", in_task(function()
    local a, b, _ <close> = pair()
    b:send "one\n"
    b:close()
    assert.are.same({ "one", nil, "end of file", "EOF", n = 4 }, pack(a:read("l", "l", "l")))
  end))

  it("does the same whether data comes at once or byte by byte", in_task(function()
    local text = "head\r\n\0\0\nab\n\nlong line of text\n12345tail"
    local formats = { "l", "L", 3, "l", "L", 5, "a" }
    local a, b, _ <close> = pair()
    b:send(text)
    b:close()
    local at_once = pack(a:read(table.unpack(formats)))
    local c, d, _ <close> = pair()
    send_slowly(d, text)
    assert.are.same(at_once, pack(c:read(table.unpack(formats))))
    assert.equal(7, at_once.n)
  end))

  it("shares its buffer with recv and read_until", in_task(function()
    local a, b, _ <close> = pair()
    b:send "one\ntwo;three\nfour"
    b:close()
    assert.equal("one", a:read())
    assert.equal("two", a:read_until ";")
    assert.equal("th", a:recv(2))
    assert.equal("ree", a:read())
    assert.equal("four", a:read "a")
  end))

  it("reports a reset, and still gives what came before it", in_task(function()
    local a, b, _ <close> = sockets.tcp_pair()
    b:send "whole\npart"
    assert.equal("whole", a:read())
    b:setoption("linger", 0)
    b:close()
    assert.equal("connection reset by peer ECONNRESET", failure(a:read()))
    assert.equal("part", a:recv())
  end))

  it("does the same as a yielded object", in_task(function()
    local a, b, _ <close> = pair()
    send_slowly(b, "one\nabc;rest")
    assert.are.same({ "one", "abc", n = 2 }, pack(coroutine.yield(cosched.sys.read(a, "l", 3))))
    assert.equal("", coroutine.yield(cosched.sys.read_until(a, ";")))
    assert.equal("rest", coroutine.yield(cosched.sys.read(a, "a")))
  end))
end)

describe("lines", function()
  it("gives each line up to the end of the data", in_task(function()
    local a, b, _ <close> = pair()
    send_slowly(b, { "one\ntw", "o\n\nla", "st" })
    local lines = {}
    for line in a:lines() do
      lines[#lines + 1] = line
    end
    assert.are.same({ "one", "two", "", "last" }, lines)
  end))

  it("raises an error that is not the end, where the loop is", in_task(function()
    local a, _, _ <close> = pair()
    a:settimeout(0)
    local ok, problem = pcall(function()
      for _ in a:lines() do error "there was a line" end
    end)
    assert.is_false(ok)
    assert.matches("stream_read_spec.lua:%d+: timeout", problem)
  end))

  it("ends in an error when the socket is closed", in_task(function()
    local a, _, _ <close> = pair()
    a:close()
    local ok, problem = pcall(function()
      for _ in a:lines() do error "there was a line" end
    end)
    assert.is_false(ok)
    assert.matches("closed", problem)
  end))
end)
