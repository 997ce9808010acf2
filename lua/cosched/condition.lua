--- cosched.condition([lock[, name]]): waiting for a change of what a lock protects.

local check = require "cosched.check"
local core = require "cosched.core"

local Condition = { __name = "cosched.Condition" }
Condition.__index = {}

local methods = Condition.__index

local function check_owner(self, what)
  local task = core.current()
  if task and self.lock:owner() == task then return end
  error(("'%s' needs the lock of the condition: acquire it first"):format(what), 3)
end

-- Kept from the notification up to the moment when the lock is owned again: a task
-- that never gets there, because it is killed, passes the notification on.
local Passing = { __close = function(passing)
  if passing.lock:owner() ~= core.current() then passing.list:wake() end
end }

--- Releases the lock, waits for a notification, and takes the lock again: whatever
-- it returns or raises, the task owns the lock then.
function methods:wait()
  check.self(getmetatable(self) == Condition, "cosched.Condition", "wait")
  check_owner(self, "wait")
  local ok, problem = pcall(self.list.wait, self.list, self.lock)
  local _ <close> = ok and self.passing or nil
  local owned, broken = core.reacquire(self.lock)
  if not owned then error(broken, 2) end
  if not ok then error(problem, 2) end
  return true
end

--- Wakes the n (1) tasks that wait longest; returns how many did.
function methods:notify(n)
  check.self(getmetatable(self) == Condition, "cosched.Condition", "notify")
  check_owner(self, "notify")
  return self.list:wake(n)
end

--- Wakes all that wait; returns how many did.
function methods:notify_all()
  check.self(getmetatable(self) == Condition, "cosched.Condition", "notify_all")
  check_owner(self, "notify_all")
  return self.list:wake_all()
end

-- A mistake of the caller is reported at the caller's line.
local function answer(ok, ...)
  if not ok then error((...), 2) end
  return ...
end

--- lock:acquire().
function methods:acquire()
  check.self(getmetatable(self) == Condition, "cosched.Condition", "acquire")
  return answer(pcall(self.lock.acquire, self.lock))
end

--- lock:release().
function methods:release()
  check.self(getmetatable(self) == Condition, "cosched.Condition", "release")
  return answer(pcall(self.lock.release, self.lock))
end

return function(lock, name)
  if lock == nil then lock = core.lock() end
  if getmetatable(lock) ~= "cosched.Lock" then
    error("bad argument #1 to 'condition' (a lock, made by cosched.lock, expected)", 2)
  end
  local list = core.waitlist(name or "a condition")
  local passing = setmetatable({ list = list, lock = lock }, Passing)
  return setmetatable({ lock = lock, list = list, passing = passing }, Condition)
end
