-- An echo server, as the manual would write it: cosched bench/cosched_echo.lua PORT
local net = require "cosched.net"

local port = assert(tonumber(arg[#arg]), "usage: cosched cosched_echo.lua PORT")
local server = assert(net.listen("127.0.0.1", port, { backlog = 4096 }))

server:serve(function(client)
  while true do
    local data = client:recv()
    if not data or not client:send(data) then break end
  end
end)
