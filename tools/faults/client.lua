-- usage: client.lua PORT COUNT
-- COUNT clients at once against the echo server at PORT. Prints "N served, N
-- refused, N wrong": served are those that had every byte back; refused those
-- whose connection failed or ended by one of the errors that this can mean;
-- wrong is everything else, a wrong byte or an error that nobody documents.
local cosched = require "cosched"
local net = require "cosched.net"

local port, count = math.tointeger(arg[1]), math.tointeger(arg[2])
local totals = { served = 0, refused = 0, wrong = 0 }

local DOCUMENTED = {
  ECONNRESET = true, EPIPE = true, EOF = true, ECONNREFUSED = true, ECONNABORTED = true,
  EMFILE = true, ENFILE = true, ENOBUFS = true, ENOMEM = true, ENOSPC = true,
}

local function exchange(socket, text)
  local sent, message, code = socket:send(text .. "\n")
  if not sent then return code, message end
  local line
  line, message, code = socket:read "l"
  if not line then return code, message end
  if line ~= text then return "wrong", "the bytes are not those that were sent" end
end

local function talk(i)
  local socket, message, code = net.connect("127.0.0.1", port, { timeout = 5 })
  if not socket then return code, message end
  local _ <close> = socket
  socket:settimeout(5)
  for j = 1, 4 do
    code, message = exchange(socket, ("%d:%d;"):format(i, j):rep(j * j * 40))
    if code then return code, message end
  end
  return "served"
end

local function count_one(i)
  local code, message = talk(i)
  if code == "served" then
    totals.served = totals.served + 1
  elseif DOCUMENTED[code] then
    totals.refused = totals.refused + 1
  else
    totals.wrong = totals.wrong + 1
    io.stderr:write(("client %d: %s (%s)\n"):format(i, message, code))
  end
end

local clients = {}
for i = 1, count do clients[i] = cosched.spawn(count_one, i) end
for _, client in ipairs(clients) do client:join() end
print(("%d served, %d refused, %d wrong"):format(totals.served, totals.refused, totals.wrong))
