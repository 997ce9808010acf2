-- Leaves everything open, for the sweep that fails in lua_close.
local cosched = require "cosched"
local net = require "cosched.net"

local left = {}

return function()
  cosched.run(function()
    local server = assert(net.listen("127.0.0.1", 0))
    local _, port = server:getsockname()
    local client = assert(net.connect("127.0.0.1", port))
    local peer = assert(server:accept())
    assert(client:send "a line that is not read\nand half of one")
    assert(peer:read "l")
    local a, b = assert(net.socketpair())
    local done = cosched.spawn(cosched.sleep, 0.001)
    local unused = cosched.sys.sleep(1)
    left[#left + 1] = { server, client, peer, a, b, done, unused }
  end)
  _G.left = left
end
