-- An echo server: run it with `cosched examples/echo.lua [port]`, and talk to
-- it with `nc 127.0.0.1 7000`.
local net = require "cosched.net"

local server = assert(net.listen("127.0.0.1", tonumber(arg[1]) or 7000))
local host, port = server:getsockname()
print(("listening on %s:%d; try: nc %s %d"):format(host, port, host, port))

server:serve(function(client)
  for line in client:lines() do
    client:write(line, "\n")
  end
end)

--[[ session
ann> hello
bob> hi
bob< hi
ann< hello
ann.
bob> still there?
bob< still there?
]]
