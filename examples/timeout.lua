-- Limits of time: around one call, around many, and around tasks.
--
-- cosched.timeout raises an error when its function takes longer;
-- cosched.move_on just goes on. Whatever the function has started is
-- cancelled, and has ended by then.
local cosched = require "cosched"
local net = require "cosched.net"

-- A peer that answers slowly.
local client, server = net.socketpair()
cosched.spawn(function()
  local _ <close> = server
  for _, part in ipairs { "HT", "TP ", "200", " OK\n" } do
    cosched.sleep(0.02)
    if not server:write(part) then return end
  end
end)

print("hurried:", cosched.move_on(0.01, client.read, client))
print("patient:", cosched.timeout(5, client.read, client)) -- no byte was lost

local ok, problem = pcall(cosched.timeout, 0.02, function()
  cosched.nursery(function(n)
    for _ = 1, 3 do n:spawn(cosched.sleep, 60) end
  end)
end)
print(ok, cosched.is_timeout(problem), problem)
print("tasks left:", cosched.stats().tasks)

-- Cleaning up that must wait needs a shield, with a limit of its own.
cosched.move_on(0.01, function()
  local _ <close> = setmetatable({}, { __close = function()
    print("goodbye:", cosched.shield(1, function()
      cosched.sleep(0.01)
      return "said"
    end))
  end })
  cosched.forever()
end)

--[[ output
hurried:	false	cancelled (deadline)
patient:	HTTP 200 OK
false	true	timeout: not done within 0.02 s
tasks left:	1
goodbye:	true	said
]]
