--- Tasks that own locks, and tasks that want them.

local cosched = require "cosched"

local M = {}

--- A task that owns the lock until `release(task)`, or until it is killed.
function M.holder(lock)
  local task = cosched.spawn(function()
    lock:acquire()
    cosched.sleep(3600)
  end)
  cosched.checkpoint()
  assert(lock:owner() == task)
  return task
end

--- A task that acquires by `how`, notes `name` in the log, and releases.
function M.taker(lock, log, name, how)
  return cosched.spawn(function()
    local _ <close> = (how or lock.acquire)(lock)
    log[#log + 1] = name
  end)
end

--- The two forms of an acquire.
function M.direct(lock) return lock:acquire() end

function M.yielded(lock)
  local guard = coroutine.yield(cosched.sys.acquire(lock))
  return guard
end

return M
