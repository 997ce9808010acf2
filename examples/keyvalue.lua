-- A key-value server, line by line: GET key, SET key value, DEL key, QUIT.
-- `cosched examples/keyvalue.lua [port]`, then `nc 127.0.0.1 7001`.
-- All clients share one table. No lock is needed: a task keeps the processor
-- until it waits, and nothing waits between a look at the table and a change.
local net = require "cosched.net"

local values = {}

local commands = {
  GET = function(key) return values[key] or "(none)" end,
  SET = function(key, value)
    values[key] = value
    return "OK"
  end,
  DEL = function(key)
    local had = values[key] ~= nil
    values[key] = nil
    return had and "1" or "0"
  end,
}

local function answer(line)
  local name, key, value = line:match "^(%a+) (%S+) ?(.*)$"
  local command = name and commands[name:upper()]
  return command and command(key, value) or "ERROR GET key, SET key value, DEL key or QUIT"
end

local server = assert(net.listen("127.0.0.1", tonumber(arg[1]) or 7001))
print(("listening on %s:%d"):format(server:getsockname()))

server:serve(function(client)
  client:settimeout(60) -- a client that says nothing for a minute is dropped
  client:setlinelimit(1000) -- and so is one that never ends its line
  for line in client:lines() do
    if line == "QUIT" then return end -- serve closes the socket
    client:write(answer(line), "\n")
  end
end, { max_clients = 1000 })

--[[ session
ann> SET colour dark red
ann< OK
bob> GET colour
bob< dark red
bob> GET shape
bob< (none)
ann> DEL colour
ann< 1
bob> GET colour
bob< (none)
bob> PING
bob< ERROR GET key, SET key value, DEL key or QUIT
bob> QUIT
bob<<
ann> GET shape
ann< (none)
kill TERM
ann<<
exit 143
]]
