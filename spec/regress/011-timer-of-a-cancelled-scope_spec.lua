-- A scope that was cancelled through its parent kept its timer, which hid a deadlock
-- until it expired, and changed what was raised.
local cosched = require "cosched"

describe("the deadline of a scope that was cancelled from above", function()
  it("hides no deadlock", function()
    local seen
    local ok = pcall(cosched.run, { clock = "virtual" }, function()
      cosched.instrument { deadlock = function() seen = cosched.now() end }
      cosched.nursery(function(nursery)
        nursery:spawn(function()
          cosched.timeout(3600, function()
            pcall(cosched.sleep, 10)
            cosched.shield(math.huge, cosched.forever)
          end)
        end)
        cosched.sleep(1)
        error "boom"
      end)
    end)
    assert.is_false(ok)
    assert.are.equal(1.0, seen)
  end)

  it("is not looked at any more, also when it is set anew", function()
    cosched.run({ clock = "virtual" }, function()
      local inner, outer = cosched.scope { timeout = 5 }, cosched.scope {}
      outer:run(function()
        inner:run(function()
          outer:cancel "from above"
          assert.are.equal(0, cosched.stats().timers)
          inner.deadline = cosched.now() + 1
          assert.are.equal(0, cosched.stats().timers)
          cosched.shield(10, cosched.sleep, 2)
          local _, problem = pcall(cosched.checkpoint)
          assert.are.equal("from above", problem.reason)
        end)
      end)
    end)
  end)
end)
