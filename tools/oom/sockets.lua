-- Options, limits, closing under a waiter, descriptors of strangers, collection.
local cosched = require "cosched"
local net = require "cosched.net"

local function options(socket)
  for name, value in pairs { nodelay = true, keepalive = true, recvbuffer = 65536 } do
    assert(socket:setoption(name, value))
    assert(socket:getoption(name))
  end
  assert(tostring(socket):find "Socket")
end

local function wait_in_vain(socket) return select(3, socket:recv()) end

local function main()
  local server <close> = assert(net.listen("127.0.0.1", 0, { backlog = 4, reuseport = true }))
  local _, port = server:getsockname()
  local client = assert(net.connect("127.0.0.1", port, { bind = "127.0.0.1" }))
  local peer <close> = assert(server:accept())
  options(client)
  local waiting = cosched.spawn(wait_in_vain, client)
  local readable = cosched.spawn(cosched.read_wait, peer)
  cosched.sleep(0.001)
  client:close()
  local code = waiting:join()
  assert(code == "ECLOSED" or error(code, 0))
  assert(readable:join() == true)
  assert(server:settimeout(0.001))
  local none, message
  none, message, code = server:accept()
  assert(none == nil)
  if code ~= "ETIMEDOUT" then error(message, 0) end
  local clients = 0
  assert(server:settimeout(nil))
  local last = cosched.spawn(function()
    for each in server:clients() do
      each:close()
      clients = clients + 1
    end
  end)
  local one <close> = assert(net.connect("127.0.0.1", port))
  one:recv()
  server:close()
  last:join()
  assert(clients == 1)
  local refused
  refused, message, code = net.connect("127.0.0.1", port)
  assert(refused == nil)
  if code ~= "ECONNREFUSED" then error(message, 0) end
end

return function() cosched.run(main) end
