-- A supervised error was taken for observed when its joiner was woken, and lost when
-- that one was killed before it went on. An Errors of many leaves was searched leaf
-- by leaf at each border that it passed.
local cosched = require "cosched"

describe("the error of a supervised task", function()
  it("is not lost with a joiner that is killed before it has heard of it", function()
    local ok, problem = pcall(cosched.run, { clock = "virtual" }, function()
      cosched.supervisor(function(nursery)
        local failing = nursery:spawn(function()
          cosched.sleep(1)
          error("not lost", 0)
        end)
        local joiner = nursery:spawn(function() failing:wait() end)
        nursery:spawn(function()
          cosched.sleep(1)
          for _ = 1, 3 do
            if failing:status() == "done" and joiner:kill() then return end
            cosched.checkpoint()
          end
        end)
      end)
    end)
    assert.is_false(ok)
    assert.are.equal("not lost", problem.error)
  end)

  it("is observed by who waits for its number", function()
    cosched.run({ clock = "virtual" }, function()
      cosched.supervisor(function(nursery)
        local failing = nursery:spawn(function()
          cosched.sleep(1)
          error "observed"
        end)
        assert.are.equal("error", cosched.wait_task(failing.tid))
      end)
    end)
  end)
end)

describe("an Errors with 20,000 leaves", function()
  it("passes many borders in linear time, and no leaf is there twice", function()
    local function fail_many(nursery)
      for i = 1, 20000 do nursery:spawn(error, i) end
    end
    local ok, problem = pcall(cosched.run, function()
      cosched.supervisor(function(outer)
        outer:spawn(error, 0)
        local failing = outer:spawn(function()
          cosched.nursery(function()
            cosched.nursery(function() cosched.supervisor(fail_many) end)
          end)
        end)
        outer:spawn(function() failing:join() end)
      end)
    end)
    assert.is_false(ok)
    assert.are.equal(20001, #problem.errors)
  end)
end)
