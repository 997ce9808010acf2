--- cosched.event([name]): something that has happened, or not yet.

local check = require "cosched.check"
local core = require "cosched.core"

local Event = { __name = "cosched.Event" }
Event.__index = {}

local methods = Event.__index

-- A mistake of the caller is reported at the caller's line.
local function answer(ok, result)
  if not ok then error(result, 2) end
  return result
end

--- Waits until it is set; true.
function methods:wait()
  check.self(getmetatable(self) == Event, "cosched.Event", "wait")
  return answer(pcall(self.list.wait, self.list))
end

--- From now on nobody waits: all who do go on, even if it is cleared at once.
function methods:set()
  check.self(getmetatable(self) == Event, "cosched.Event", "set")
  self.list:open()
end

--- From now on tasks wait again.
function methods:clear()
  check.self(getmetatable(self) == Event, "cosched.Event", "clear")
  self.list:shut()
end

--- True while it is set.
function methods:is_set()
  check.self(getmetatable(self) == Event, "cosched.Event", "is_set")
  return self.list:is_open()
end

return function(name)
  return setmetatable({ list = core.waitlist(name or "an event") }, Event)
end
