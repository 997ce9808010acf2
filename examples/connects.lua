-- Many connection attempts at once, each with a limit: a port scanner in small.
-- `cosched examples/connects.lua [host [first [last]]]`. Without arguments it
-- scans three ports of its own machine, two of which it serves itself.
local cosched = require "cosched"
local net = require "cosched.net"

local TIMEOUT = 2 -- seconds for each attempt

local host, ports, listeners = arg[1] or "127.0.0.1", {}, {}
if arg[1] then
  for port = arg[2] or 1, arg[3] or 1024 do ports[#ports + 1] = math.tointeger(port) end
else
  for i = 1, 3 do
    listeners[i] = assert(net.listen(host, 0))
    ports[i] = select(2, listeners[i]:getsockname())
  end
  listeners[2]:close() -- so that one of them is closed
end

-- The attempts run side by side; each task returns what it found.
local attempts = {}
for i, port in ipairs(ports) do
  attempts[i] = cosched.spawn(function()
    local socket, _, code = net.connect(host, port, { timeout = TIMEOUT })
    if not socket then return code end
    socket:close()
    return "open"
  end)
end

-- join waits for a task's end and returns its results: here in order of ports.
local found = {}
for i = 1, #ports do
  local what = attempts[i]:join()
  found[what] = (found[what] or 0) + 1
  if what == "open" and arg[1] then print(ports[i], what) end
end
for _, listener in pairs(listeners) do listener:close() end
-- Whatever was found, by name: an open port, or the code of what went wrong.
local names = {}
for what in pairs(found) do names[#names + 1] = what end
table.sort(names)
for _, what in ipairs(names) do print(what, found[what]) end

--[[ output
ECONNREFUSED	1
open	2
]]
