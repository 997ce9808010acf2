--- cosched.semaphore(count[, options]): so many at a time.

local core = require "cosched.core"

local Semaphore = { __name = "cosched.Semaphore" }
Semaphore.__index = {}

local methods = Semaphore.__index

-- What acquire returns: one permit. `holds` is the semaphore, false when released.
local Guard = { __name = "cosched.Permit" }
Guard.__index = Guard

local function give_back(semaphore)
  if semaphore.list:count() >= semaphore.max then
    error("the semaphore was released more often than acquired", 3)
  end
  semaphore.list:give()
end

--- Gives the permit back; nothing when that was done.
function Guard:release()
  local semaphore = self.holds
  self.holds = false
  if semaphore then give_back(semaphore) end
end

Guard.__close = Guard.release

-- The permit comes last, when nothing can fail any more.
local function acquired(semaphore, guard, ok, problem)
  if not ok then error(problem, 2) end
  guard.holds = semaphore
  return guard
end

--- Waits for a permit, and returns a guard that gives it back when it is closed.
function methods:acquire()
  local guard = setmetatable({ holds = false }, Guard)
  return acquired(self, guard, pcall(self.list.wait, self.list))
end

--- The same without waiting; nil, "busy", "EBUSY" when there is no permit.
function methods:try_acquire()
  local guard = setmetatable({ holds = false }, Guard)
  if not self.list:try() then return nil, "busy", "EBUSY" end
  guard.holds = self
  return guard
end

--- Gives a permit back, from wherever, for an acquire whose guard is not used.
function methods:release() give_back(self) end

--- How many permits are there.
function methods:value() return self.list:count() end

local OPTIONS = { max = true, name = true }

local function check(count, options)
  local wrong = "bad argument #%d to 'semaphore' (%s)"
  if math.type(count) ~= "integer" or count < 0 then
    error(wrong:format(1, "an integer from 0 on expected"), 3)
  end
  for key in pairs(options) do
    if not OPTIONS[key] then
      error(wrong:format(2, ("unknown option '%s'; known: max, name"):format(tostring(key))), 3)
    end
  end
  local max = options.max or count
  if type(max) ~= "number" or not (max >= count and max >= 1) then
    error(wrong:format(2, "max must be at least 1 and at least the count"), 3)
  end
  return max
end

return function(count, options)
  options = options or {}
  local max = check(count, options)
  local list = core.waitlist(options.name or "a semaphore")
  list:give(count)
  return setmetatable({ list = list, max = max }, Semaphore)
end
