-- Each join walked the whole chain of joins in front of it: 100,000 took minutes.
local cosched = require "cosched"

describe("a long chain of joins", function()
  it("is built and undone in linear time", function()
    local function join(task) task:join() end
    cosched.run({ clock = "virtual" }, function()
      local last = cosched.spawn(cosched.sleep, 10)
      for _ = 1, 100000 do last = cosched.spawn(join, last) end
      last:join()
      assert.are.equal(10.0, cosched.now())
    end)
  end)

  it("is still seen to be closed", function()
    local problem
    cosched.run({ clock = "virtual" }, function()
      local first, second
      first = cosched.spawn(function() second:join() end)
      second = cosched.spawn(function()
        local ok
        ok, problem = pcall(first.join, first)
        assert.is_false(ok)
      end)
    end)
    assert.matches("cycle of joins", problem)
  end)
end)
