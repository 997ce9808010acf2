-- A server that ends in good order: no new clients, those who are there may
-- finish what they do, for a while; then the rest is cut off.
-- `cosched examples/shutdown.lua [port]`, then `nc 127.0.0.1 7003`, and say
-- `stop`. SIGINT and SIGTERM end it at once: all tasks are cancelled, and what
-- their `<close>` variables do is still done.
local cosched = require "cosched"
local net = require "cosched.net"

local GRACE = 0.5 -- seconds for the clients to finish

local server = assert(net.listen("127.0.0.1", tonumber(arg[1]) or 7003))
print(("listening on %s:%d"):format(server:getsockname()))

local stop = cosched.event "somebody to say stop"

local function handle(client)
  local name = client:read "l" or "nobody"
  local _ <close> = setmetatable({}, {
    __close = function() print(name .. " is done") end,
  })
  for line in client:lines() do
    if line == "bye" then return end
    client:write(line, "\n")
    if line == "stop" then stop:set() end
  end
end

local service = cosched.spawn(function() return server:serve(handle) end)

stop:wait()
print "stopping"
server:close() -- serve returns once the last handler has ended

if not cosched.move_on(GRACE, service.wait, service) then
  print "cut off the rest"
  service:cancel "the grace period is over"
end
print("served:", service:wait())

--[[ session
ann> ann
ann> hello
ann< hello
bob> bob
bob> stop
bob< stop
| stopping
bob> one more
bob< one more
bob> bye
bob<<
| bob is done
| cut off the rest
| ann is done
| served:	cancelled
exit 0
]]
