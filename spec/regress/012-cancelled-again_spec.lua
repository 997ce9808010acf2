-- Cancelling what was cancelled through its parent walked all below it, and gave
-- another reason to what a shield hides.
local cosched = require "cosched"

describe("a task that was cancelled through its parent and is then cancelled itself", function()
  it("costs no walk", function()
    cosched.run({ clock = "virtual" }, function()
      local tasks = {}
      local function nest(left)
        tasks[#tasks + 1] = cosched.current()
        if left > 0 then cosched.spawn(nest, left - 1) end
        cosched.sleep(60)
      end
      cosched.spawn(nest, 50000)
      cosched.sleep(1)
      for i = 1, #tasks do tasks[i]:cancel() end
      assert.are.equal("cancelled", tasks[1]:wait())
    end)
  end)

  it("still raises the first reason, and below a shield the shield's own", function()
    cosched.run({ clock = "virtual" }, function()
      local reasons = {}
      local shield = cosched.scope { shield = true }
      local task = cosched.spawn(function()
        local child = cosched.spawn(function()
          shield:run(function()
            local _, problem = pcall(cosched.sleep, 10)
            reasons[1] = problem.reason
          end)
          local _, problem = pcall(cosched.sleep, 10)
          reasons[2] = problem.reason
        end)
        cosched.sleep(1)
        shield:cancel "the shield's"
        cosched.current():cancel "the parent's"
        child:cancel "the child's"
      end)
      task:wait()
      assert.are.same({ "the shield's", "the parent's" }, reasons)
    end)
  end)
end)
