-- Rows written in Lua: a queue whose takers wait.
local cosched = require "cosched"

local function new_queue()
  local waiting, given_up = {}, 0
  local take, taking = cosched.syscall {
    name = "an item",
    start = function(wait, at_once, ...)
      if at_once then return at_once, ... end
      waiting[#waiting + 1] = wait
      return wait:park()
    end,
    cancel = function() given_up = given_up + 1 end,
  }
  local function put(...)
    local wait = table.remove(waiting, 1)
    return wait ~= nil and wait:wake(...)
  end
  return take, taking, put, function() return given_up end
end

local function main()
  local take, taking, put, given_up = new_queue()
  assert(select("#", take(1, nil)) == 2)
  local direct = cosched.spawn(take)
  local yielded = cosched.spawn(function() return coroutine.yield(taking()) end)
  local impatient = cosched.spawn(take)
  cosched.sleep(0.001)
  impatient:cancel()
  assert(put("a", nil, "c") and put("b"))
  assert(select("#", direct:join()) == 3)
  assert(yielded:join() == "b")
  local outcome = impatient:wait()
  if outcome == "error" then error(select(2, impatient:result()), 0) end
  assert(outcome == "cancelled" and given_up() == 1 and not put(1))
end

return function() cosched.run(main) end
