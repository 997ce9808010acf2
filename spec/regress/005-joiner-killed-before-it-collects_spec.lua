-- A joiner that was woken, and killed before it could collect, touched the task it
-- had joined, which was collected by then.
local cosched = require "cosched"
local in_task = require("spec.support.task").in_task

describe("a joiner that is killed after it was woken", function()
  it("does not touch the task that it joined", in_task(function()
    for _ = 1, 50 do
      local task = cosched.spawn(cosched.sleep, 0)
      local tid = task.tid
      local joiner = cosched.spawn(function()
        local outcome = coroutine.yield(cosched.sys.wait_task(tid))
        return outcome
      end)
      repeat cosched.checkpoint() until task:status() == "done"
      task = nil -- luacheck: ignore
      collectgarbage()
      joiner:kill()
      assert(joiner:wait())
    end
  end))
end)
