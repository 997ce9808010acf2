-- An echo server for lines, with the buffered calls (load -l checks it):
-- cosched bench/echo_lines.lua PORT
local net = require "cosched.net"

local port = assert(tonumber(arg[#arg]), "usage: cosched echo_lines.lua PORT")
local server = assert(net.listen("127.0.0.1", port, { backlog = 4096 }))

server:serve(function(client)
  for line in client:lines() do
    if not client:write(line, "\n") then break end
  end
end)
