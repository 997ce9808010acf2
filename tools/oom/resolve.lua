-- Names that are looked up on the pool: awaited, given up, forgotten.
local cosched = require "cosched"
local net = require "cosched.net"

local function found(name, family)
  for _, address in ipairs(assert(net.resolve(name, family))) do
    if address.host == "127.0.0.1" then return true end
  end
end

local function main()
  assert(found("localhost", "inet") and found("127.0.0.1"))
  local several = {}
  for i = 1, 4 do several[i] = cosched.spawn(found, "localhost", "inet") end
  several[2]:cancel()
  several[3]:kill()
  for _, task in ipairs(several) do
    if task:wait() == "error" then error(select(2, task:result()), 0) end
  end
  local list, message, code = net.resolve("localhost", "any", 0)
  assert(list or code == "ETIMEDOUT" or code == "ENOMEM", message)
  assert(list or code == "ETIMEDOUT", message)
  local server <close> = assert(net.listen("localhost", 0))
  local _, port = server:getsockname()
  local client <close> = assert(net.connect("localhost", port))
  assert(client:getpeername() == "127.0.0.1" or client:getpeername() == "::1")
end

return function() cosched.run(main) end
