-- Children, results, errors that pass from task to task.
local cosched = require "cosched"

local function double(...) return select("#", ...), ... end

local function fail(value)
  local closed <close> = setmetatable({}, { __close = function() cosched.sleep(0) end })
  error(value or closed)
end

local function main(...)
  assert(select("#", ...) == 3)
  local pair = cosched.spawn(double, "a", nil)
  local slow = cosched.spawn(function()
    cosched.sleep(0.001)
    return "slow"
  end)
  local tid = cosched.new_task(cosched.checkpoint)
  local n, a = pair:join()
  assert(n == 2 and a == "a")
  assert(cosched.join(slow.tid) == "slow" and slow:status() == "done")
  assert(cosched.wait_task(tid) ~= "error")
  assert(select(2, pair:result()) == 2)
  local many = {}
  for i = 1, 20 do many[i] = cosched.spawn(cosched.sleep, i % 3 / 1000) end
  for _, task in ipairs(many) do assert(task:wait() == "ok") end
  return 1, 2, tostring(slow)
end

-- The error of a child ends its siblings and arrives with its traceback.
local function failing()
  cosched.spawn(function() cosched.sleep(10) end)
  cosched.spawn(fail, { "a value" })
  cosched.sleep(10)
end

local function check_failure()
  local ok, errors = pcall(cosched.run, failing)
  assert(not ok and cosched.is_errors(errors), errors)
  local leaf = errors.errors[1]
  if type(leaf.error) ~= "table" then error(errors, 0) end
  assert(leaf.error[1] == "a value" and leaf.traceback:find "tasks.lua")
  assert(tostring(errors):find "table")
end

return function()
  local a, b = cosched.run(main, 1, nil, 3)
  assert(a == 1 and b == 2)
  check_failure()
end
