-- A kill with a reason forgot at once what the victim had been cancelled with; a child
-- that still carried it raised nil.
local cosched = require "cosched"

describe("a kill with a reason of a task that is cancelled", function()
  it("leaves its children a cancellation to raise", function()
    cosched.run({ clock = "virtual" }, function()
      local seen
      local parent = cosched.spawn(function()
        local me = cosched.current()
        cosched.spawn(function()
          cosched.nursery(function()
            local _, problem = pcall(cosched.forever)
            me:kill "enough"
            seen = problem
            error(problem, 0)
          end)
        end)
        cosched.shield(10, cosched.forever)
      end)
      cosched.sleep(1)
      parent:cancel "first"
      cosched.sleep(1)
      assert.is_true(cosched.is_cancelled(seen))
      local outcome, problem = parent:result()
      assert.are.same({ "cancelled", "kill", "enough" },
        { outcome, problem.source, problem.reason })
    end)
  end)

  it("is not kept when the kill is refused", function()
    cosched.run({ clock = "virtual" }, function()
      local task = cosched.spawn(function()
        local _, message = pcall(table.sort, { 1, 2 }, function()
          cosched.current():kill "never"
        end)
        assert.matches("only where it can wait", message)
        cosched.sleep(1)
      end)
      task:cancel "mine"
      task:wait()
      assert.are.equal("mine", (select(2, task:result())).reason)
    end)
  end)
end)
