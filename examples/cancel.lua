-- Cancelling a task, and cleaning up after it.
--
-- task:cancel() raises a Cancelled in the call that the task waits in, and in
-- each later one. So the task unwinds: its `<close>` variables run, and those of
-- the tasks that it has spawned.
local cosched = require "cosched"

local function resource(name)
  print(name .. " opened")
  return setmetatable({}, { __close = function() print(name .. " closed") end })
end

local worker = cosched.spawn(function()
  local _ <close> = resource "outer"
  cosched.spawn(function()
    local _ <close> = resource "inner"
    cosched.sleep(60)
  end)
  -- pcall sees the cancellation like any error, but cannot make it go away
  local ok, problem = pcall(cosched.sleep, 60)
  print(ok, cosched.is_cancelled(problem), problem.reason)
  print("still cancelled:", pcall(cosched.sleep, 0) == false)
  cosched.sleep(0)
  print "not reached"
end)

cosched.sleep(0.01)
print("cancel:", worker:cancel "time is up")
print("status:", worker:status()) -- cancel only marks; nothing has run yet
print("ended:", worker:wait())
print("join:", pcall(worker.join, worker))

--[[ output
outer opened
inner opened
cancel:	true
status:	ready
inner closed
false	true	time is up
still cancelled:	true
outer closed
ended:	cancelled
join:	false	task 2 was cancelled
]]
