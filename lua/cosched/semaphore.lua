--- cosched.semaphore(count[, options]): so many at a time.

local check = require "cosched.check"
local core = require "cosched.core"

local Semaphore = { __name = "cosched.Semaphore" }
Semaphore.__index = {}

local methods = Semaphore.__index

-- What acquire returns. `of` is the semaphore, false when it was given back.
local Permit = { __name = "cosched.Permit" }
Permit.__index = {}

local function give_back(semaphore)
  if semaphore.list:count() >= semaphore.max then
    error("the semaphore was released more often than acquired", 3)
  end
  semaphore.list:give()
end

--- Gives it back; nothing happens when that was done.
function Permit.__index:release()
  local semaphore = self.of
  self.of = false
  if semaphore then give_back(semaphore) end
end

Permit.__close = Permit.__index.release

-- Made before there is anything to lose.
local function new_permit() return setmetatable({ of = false }, Permit) end

local function acquired(semaphore, permit, ok, problem)
  if not ok then
    -- The list's name of the call is not the one that the caller knows.
    if type(problem) == "string" then problem = problem:gsub("^'wait'", "'acquire'") end
    error(problem, 2)
  end
  permit.of = semaphore
  return permit
end

--- Waits for a permit, and returns it: a guard, which gives it back when it is closed.
function methods:acquire()
  check.self(getmetatable(self) == Semaphore, "cosched.Semaphore", "acquire")
  return acquired(self, new_permit(), pcall(self.list.wait, self.list))
end

--- The same without waiting; nil, "busy", "EBUSY" when there is no permit.
function methods:try_acquire()
  check.self(getmetatable(self) == Semaphore, "cosched.Semaphore", "try_acquire")
  local permit = new_permit()
  if not self.list:try() then return nil, "busy", "EBUSY" end
  permit.of = self
  return permit
end

--- Gives a permit back, from anywhere, for an acquire whose guard is not used.
function methods:release()
  check.self(getmetatable(self) == Semaphore, "cosched.Semaphore", "release")
  give_back(self)
end

--- How many permits are there.
function methods:value()
  check.self(getmetatable(self) == Semaphore, "cosched.Semaphore", "value")
  return self.list:count()
end

local OPTIONS = { max = true, name = true }

local function check_arguments(count, options)
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
    error(wrong:format(2, "max, by default the count, must be at least 1 and the count"), 3)
  end
  return max
end

return function(count, options)
  options = options or {}
  local max = check_arguments(count, options)
  local list = core.waitlist(options.name or "a semaphore")
  list:give(count)
  return setmetatable({ list = list, max = max }, Semaphore)
end
