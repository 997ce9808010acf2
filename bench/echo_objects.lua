-- The echo server with every call a yielded syscall object, the form of the
-- course: cosched bench/echo_objects.lua PORT
local cosched = require "cosched"
local net = require "cosched.net"

local sys, yield = cosched.sys, coroutine.yield

local port = assert(tonumber(arg[#arg]), "usage: cosched echo_objects.lua PORT")
local server = assert(net.listen("127.0.0.1", port, { backlog = 4096 }))

local function echo(client)
  while true do
    local data = yield(sys.recv(client))
    if not data or not yield(sys.send(client, data)) then break end
  end
  client:close()
end

while true do
  local client = assert(yield(sys.accept(server)))
  cosched.spawn(echo, client)
end
