-- race, all, map, local variables.
local cosched = require "cosched"
local tell_memory = dofile "tools/oom/support/tell_memory.lua"

local function wait_and_give(seconds, ...)
  local values = table.pack(...)
  return function()
    cosched.sleep(seconds)
    return table.unpack(values, 1, values.n)
  end
end

local function races()
  local winner, a, b = cosched.race(cosched.forever, wait_and_give(1, "x", nil), wait_and_give(2))
  assert(winner == 2 and a == "x" and b == nil)
  local ok, problem = pcall(cosched.race, cosched.forever, function() error({ "lost" }, 0) end)
  assert(not ok)
  if not cosched.is_errors(problem) or type(problem.error) ~= "table" then error(problem, 0) end
  assert(problem.error[1] == "lost")
end

local function lists()
  local all = cosched.all(wait_and_give(1, 1), wait_and_give(0, 2, 3))
  assert(all.n == 2 and all[1][1] == 1 and all[2].n == 2)
  local most, now = 0, 0
  local squares = cosched.map({ 1, 2, 3, 4, 5 }, function(value)
    now = now + 1
    most = math.max(most, now)
    cosched.sleep(1 / value)
    now = now - 1
    return value * value
  end, { limit = 2 })
  assert(squares.n == 5 and squares[5] == 25 and most == 2)
end

local function locals()
  local variable, other = cosched.localvar "default", cosched.localvar()
  local seen = variable:with("outer", function()
    return other:with(nil, function()
      local task = cosched.spawn(function() return variable:get() end)
      local ok = pcall(variable.with, variable, "inner", error, "left by an error")
      assert(not ok and variable:get() == "outer")
      return task:join()
    end)
  end)
  assert(seen == "outer" and variable:get() == "default")
end

local function main()
  races()
  lists()
  locals()
end

return function()
  tell_memory(pcall(cosched.run, { clock = "virtual" }, main))
end
