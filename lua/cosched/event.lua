--- cosched.event([name]): something that has happened, or not yet.

local core = require "cosched.core"

local Event = { __name = "cosched.Event" }
Event.__index = {}

local methods = Event.__index

-- A method that was called with a dot.
local function check_self(self, name)
  if getmetatable(self) == Event then return end
  error(("bad argument #1 to '%s' (cosched.Event expected; call it with ':')"):format(name), 3)
end

-- A mistake of the caller is reported at the caller's line.
local function answer(ok, result)
  if not ok then error(result, 2) end
  return result
end

--- Waits until it is set; true.
function methods:wait()
  check_self(self, "wait")
  return answer(pcall(self.list.wait, self.list))
end

--- From now on nobody waits: all who do go on, even if it is cleared at once.
function methods:set()
  check_self(self, "set")
  self.list:open()
end

--- From now on tasks wait again.
function methods:clear()
  check_self(self, "clear")
  self.list:shut()
end

--- True while it is set.
function methods:is_set()
  check_self(self, "is_set")
  return self.list:is_open()
end

return function(name)
  return setmetatable({ list = core.waitlist(name or "an event") }, Event)
end
