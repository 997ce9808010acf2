--- Connected sockets, and short ways to say what became of a call on one.

local cosched = require "cosched"
local net = require "cosched.net"

local M = {}

-- The third result closes the first two: `local a, b, _ <close> = sockets.pair()`.
local function with_closer(a, b)
  return a, b, setmetatable({}, {
    __close = function()
      a:close()
      b:close()
    end,
  })
end

--- A client and the server's end of the same TCP connection, and what closes both.
function M.tcp_pair(host)
  local listener <close> = assert(net.listen(host or "127.0.0.1", 0))
  local address, port = listener:getsockname()
  local client = assert(net.connect(address, port))
  return with_closer(client, assert(listener:accept()))
end

--- Two connected sockets of the local kind, and what closes both.
function M.pair() return with_closer(assert(net.socketpair())) end

--- "message CODE" of a call that must have failed in the soft way.
function M.failure(value, message, code)
  if value ~= nil then error("this call should have failed, but gave " .. tostring(value), 2) end
  return ("%s %s"):format(message, code)
end

--- Sends what one system call takes whole or not at all, until it takes none: the
-- socket is full, and no send was left half done.
function M.fill(socket)
  local chunk, total = ("."):rep(1024), 0
  socket:settimeout(0)
  while true do
    local sent, message, code = socket:send(chunk)
    if not sent then
      assert(code == "ETIMEDOUT", message)
      socket:settimeout(nil)
      return total
    end
    total = total + sent
  end
end

--- Reads exactly n bytes, past the buffer of `read`.
function M.drain(socket, n)
  while n > 0 do
    n = n - #assert(socket:recv(n))
  end
end

--- Lets all others run until they wait, and what was sent arrive. Tasks that only take
-- turns are no help: the kernel is asked for events now and then only.
function M.settle()
  cosched.sleep(0.0005)
  cosched.sleep(0.0005)
end

--- Waits, boundedly, for something that happens outside of this program.
function M.eventually(condition, what)
  local deadline = cosched.now() + 5
  while true do
    local value = condition()
    if value then return value end
    if cosched.now() > deadline then error(what .. " did not happen", 2) end
    cosched.sleep(0.005)
  end
end

return M
