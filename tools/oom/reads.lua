-- The formats of read, over data that comes in pieces; a writer that waits.
local cosched = require "cosched"
local net = require "cosched.net"

local bulk = ("x"):rep(400 * 1024)

local function write_pieces(socket)
  for _, piece in ipairs { "fir", "st\nsecond\n", "12345", "67890", "a;b", ";;c;;", "3.5\n" } do
    assert(socket:send(piece))
    cosched.checkpoint()
  end
  assert(socket:write(bulk, "\n", bulk))
  assert(socket:send("0123456789", 3, -3) == 6)
  socket:close()
end

local function same(expected, actual, message)
  if actual == nil then error(message, 0) end
  assert(actual == expected)
end

local function read_pieces(socket)
  same("first", socket:read())
  same("second\n", socket:read "L")
  local digits, more = socket:read(5, 5)
  same("12345", digits, more)
  same("67890", more)
  same("a;b", socket:read_until ";;")
  same("c", socket:read_until(";;", 10))
  same("3.5", socket:read "l")
  local long, message, code = socket:read "l"
  assert(long == nil and code ~= "EOF")
  if code ~= "EMSGSIZE" then error(message, 0) end
  socket:setlinelimit(1024 * 1024)
  same(bulk, socket:read "l")
  same(bulk .. "234567", socket:read "a")
  local rest, _, ended = socket:read(1)
  assert(rest == nil and ended == "EOF")
end

local function read_with_limits(socket, peer)
  socket:settimeout(0.001)
  local data, message, code = socket:read(4)
  if code ~= "ETIMEDOUT" then error(message, 0) end
  assert(data == nil)
  assert(peer:send "abcd")
  same("abcd", socket:read(4))
  peer:close()
  local reader = cosched.spawn(function() return select(3, socket:recv()) end)
  local last = reader:join()
  assert(last == "EOF" or error(last, 0))
end

local function main()
  local a, b = net.socketpair()
  local left <close> = assert(a, b)
  local right <close> = b
  local writer = cosched.spawn(write_pieces, left)
  read_pieces(right)
  writer:join()
  local c, d = net.socketpair()
  local near <close> = assert(c, d)
  local far <close> = d
  read_with_limits(near, far)
end

return function() cosched.run(main) end
