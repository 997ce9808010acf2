-- Cancelling, killing, and `<close>` variables that wait.
local cosched = require "cosched"

local function guard(log, name)
  return setmetatable({}, {
    __close = function()
      pcall(cosched.sleep, 0)
      log[#log + 1] = name
    end,
  })
end

local function sleeper(log, name)
  local _ <close> = guard(log, name)
  cosched.sleep(10)
end

local function parent(log)
  local _ <close> = guard(log, "parent")
  cosched.spawn(sleeper, log, "child")
  cosched.sleep(10)
end

local function main()
  local log = {}
  local cancelled = cosched.spawn(sleeper, log, "cancelled")
  local family = cosched.spawn(parent, log)
  local killed = cosched.spawn(sleeper, log, "killed")
  local suicide = cosched.spawn(function() cosched.current():kill() end)
  local unborn = cosched.spawn(sleeper, log, "unborn")
  unborn:kill()
  cosched.sleep(0.001)
  assert(cancelled:cancel("a reason") and not cancelled:cancel())
  assert(family:cancel())
  assert(killed:kill())
  assert(not pcall(killed.join, killed))
  local ok, problem = pcall(cancelled.join, cancelled)
  if not cosched.is_task_cancelled(problem) then error(problem, 0) end
  assert(not ok and tostring(problem):find "cancelled")
  for _, task in ipairs { cancelled, family, suicide, unborn } do
    local outcome = task:wait()
    if outcome == "error" then error(select(2, task:result()), 0) end
    assert(outcome == "cancelled")
  end
  assert(#log == 4, #log)
end

return function() cosched.run(main) end
