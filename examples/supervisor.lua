-- A supervisor: tasks that have nothing to do with each other. When one fails,
-- the others go on, and somebody is told. And a worker that is begun anew.
local cosched = require "cosched"

-- Calls fn again when it has failed, a little later each time.
local function keep_running(name, fn)
  local pause = 0.001
  while true do
    local ok, problem = cosched.pcall(fn) -- a cancellation is not caught
    if ok then return end
    print(("%s: %s; again in %g s"):format(name, problem, pause))
    cosched.sleep(pause)
    pause = pause * 2
  end
end

local attempts = 0
local function flaky()
  attempts = attempts + 1
  if attempts < 3 then error("attempt " .. attempts .. " failed", 0) end
  print("flaky: done at last")
end

local function log(errors, task)
  print(("log: task %d: %s"):format(task.tid, errors.error))
end

cosched.supervisor({ on_error = log }, function(n)
  n:daemon(function() -- ends when the others have ended
    local _ <close> = setmetatable({}, { __close = function() print "heart: stopped" end })
    while true do cosched.sleep(60) end
  end)
  n:spawn(error, "a client has sent rubbish", 0)
  n:spawn(keep_running, "flaky", flaky)
end)
print "all have ended"

--[[ output
log: task 3: a client has sent rubbish
flaky: attempt 1 failed; again in 0.001 s
flaky: attempt 2 failed; again in 0.002 s
flaky: done at last
heart: stopped
all have ended
]]
