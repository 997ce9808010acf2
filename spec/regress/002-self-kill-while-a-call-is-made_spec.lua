-- Lua code also runs while a yielded call is made: a kill of oneself there was
-- taken for the yielded call itself, and broke the ready queue.
local cosched = require "cosched"
local in_task = require("spec.support.task").in_task

describe("a task that kills itself in the start of a row in Lua", function()
  local direct, object = cosched.syscall {
    name = "kill the caller",
    start = function() cosched.current():kill() end,
  }

  for name, call in pairs {
    ["called directly"] = function() direct() end,
    yielded = function()
      local result = coroutine.yield(object())
      return result
    end,
  } do
    it("is refused, " .. name, in_task(function()
      local ok, message = pcall(call)
      assert.is_false(ok)
      assert.matches("kill itself only where it can wait", message, 1, true)
      cosched.sleep(0.001)
    end))
  end
end)
