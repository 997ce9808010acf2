-- A client of the echo server: run `cosched examples/echo.lua` in one terminal
-- and `cosched examples/echo_client.lua [port]` in another.
local net = require "cosched.net"

local port = math.tointeger(arg[1] or 7000)
local socket <close> = assert(net.connect("127.0.0.1", port, { timeout = 5 }))
socket:settimeout(5)

for _, word in ipairs { "one", "two", "three" } do
  assert(socket:write(word, "\n"))
  print("sent " .. word .. ", got " .. assert(socket:read "l"))
end

--[[ output with echo.lua
sent one, got one
sent two, got two
sent three, got three
]]
