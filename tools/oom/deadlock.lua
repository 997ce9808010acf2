-- Tasks that nothing can wake: the report, and their unwinding.
local cosched = require "cosched"

local function wait_for_ever()
  local forever = cosched.syscall { name = "nothing", start = function(wait) wait:park() end }
  local _ <close> = setmetatable({}, { __close = function() pcall(forever) end })
  forever()
end

local function main()
  local task = cosched.spawn(wait_for_ever)
  cosched.spawn(task.join, task)
  task:join()
end

return function()
  local ok, problem = pcall(cosched.run, main)
  assert(not ok)
  -- without memory for the report a string says that much
  if problem == "deadlock, and no memory to report it" then return end
  if not cosched.is_deadlock(problem) then error(problem, 0) end
  assert(tostring(problem):find "waits for" and #problem.tasks == 3)
end
