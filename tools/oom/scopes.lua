-- Scopes, limits of time, shields; tasks that are cancelled, in the direct and in the
-- yielded form, and clean up.
local cosched = require "cosched"
local tell_memory = dofile "tools/oom/support/tell_memory.lua"

local function limits()
  assert(not cosched.move_on(1, cosched.forever))
  local ok, problem = pcall(cosched.timeout, 1, cosched.sleep, 5)
  if not cosched.is_timeout(problem) then error(problem, 0) end
  assert(not ok and problem.scope.caught and tostring(problem):find "timeout")
  assert(cosched.timeout(1, function() return "fast" end) == "fast")
  local done, cancelled = cosched.move_on(1, function()
    cosched.move_on(1, cosched.sleep, 5)
    assert(false)
  end)
  assert(not done and cancelled.source == "deadline" and cosched.deadline() == math.huge)
end

local function deadlines_that_move()
  local scope = cosched.scope { name = "moving", timeout = 1 }
  local done, result = scope:run(function()
    for _ = 1, 3 do
      scope.deadline = cosched.now() + 2
      cosched.sleep(1)
    end
    return "kept going"
  end)
  assert(done and result == "kept going" and scope.name == "moving" and not scope.caught)
  local other = cosched.scope { shield = true }
  cosched.spawn(function() other:cancel { "a reason" } end)
  local _, cancelled = other:run(cosched.forever)
  if not cosched.is_cancelled(cancelled) then error(cancelled, 0) end
  assert(cancelled.reason[1] == "a reason" and tostring(cancelled):find "cancelled")
end

-- Raises the error of a task; its outcome otherwise.
local function outcome(task)
  local kind = task:wait()
  if kind == "error" then error(select(2, task:result()), 0) end
  return kind
end

local function cancelled_tasks()
  local closed = 0
  local function work(wait)
    local _ <close> = setmetatable({}, { __close = function()
      assert(cosched.shield(2, cosched.sleep, 1) and not pcall(cosched.sleep, 1))
      closed = closed + 1
    end })
    cosched.spawn(wait)
    wait()
  end
  local function yielded() coroutine.yield(cosched.sys.sleep(60)) end
  local first, second = cosched.spawn(work, cosched.forever), cosched.spawn(work, yielded)
  local early = cosched.spawn(work, cosched.forever)
  early:cancel()
  cosched.sleep(1)
  first:cancel "enough"
  second:cancel()
  assert(outcome(first) == "cancelled" and outcome(second) == "cancelled")
  assert(outcome(early) == "cancelled" and closed == 3)
  local ok, problem = pcall(first.join, first)
  if not cosched.is_task_cancelled(problem) then error(problem, 0) end
  assert(not ok and problem.cancelled.reason == "enough")
end

local function stubborn()
  local task = cosched.spawn(function()
    for _ = 1, 5 do pcall(cosched.sleep, 1) end
    return cosched.pcall(cosched.sleep, 1)
  end)
  task:cancel()
  assert(outcome(task) == "cancelled")
end

local function main()
  for _, part in ipairs { limits, deadlines_that_move, cancelled_tasks, stubborn } do part() end
end

return function()
  local options = { clock = "virtual", stuck_after = 3, on_stuck = function() end }
  tell_memory(pcall(cosched.run, options, main))
end
