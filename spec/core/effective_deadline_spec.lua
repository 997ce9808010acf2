-- cosched.deadline, and when the timers of scopes exist.
local cosched = require "cosched"
local virtual = require("spec.support.virtual").virtual

local LONG = 3600

describe("deadline", function()
  it("is math.huge where there is none", virtual(function()
    assert.are.equal(math.huge, cosched.deadline())
  end))

  it("is the earliest of those around", virtual(function()
    cosched.timeout(10, function()
      cosched.timeout(5, function()
        cosched.timeout(7, function() assert.are.equal(5, cosched.deadline()) end)
      end)
      assert.are.equal(10, cosched.deadline())
    end)
  end))

  it("sees those of the nursery's owner in a child", virtual(function()
    cosched.timeout(5, cosched.nursery, function(n)
      n:spawn(function() assert.are.equal(5, cosched.deadline()) end)
    end)
  end))

  it("in a child is that of the nursery, not of where it was spawned", virtual(function()
    cosched.nursery(function(n)
      local child
      cosched.timeout(5, function()
        child = n:spawn(function() return cosched.deadline() end)
        cosched.spawn(function() assert.are.equal(math.huge, cosched.deadline()) end)
      end)
      assert.are.equal(math.huge, child:join())
    end)
  end))

  it("does not see what a shield hides", virtual(function()
    cosched.move_on(5, cosched.shield, 100, function()
      assert.are.equal(100, cosched.deadline())
      cosched.move_on(200, function() assert.are.equal(100, cosched.deadline()) end)
    end)
  end))

  it("is -math.huge when it is cancelled, but not in a shield there", virtual(function()
    cosched.move_on(1, function()
      pcall(cosched.sleep, LONG)
      assert.are.equal(-math.huge, cosched.deadline())
      cosched.shield(9, function() assert.are.equal(10, cosched.deadline()) end)
    end)
  end))

  it("follows a deadline that is set", virtual(function()
    local scope = cosched.scope()
    scope:run(function()
      scope.deadline = 3
      assert.are.equal(3, cosched.deadline())
    end)
  end))

  it("is a task's", function()
    assert.has_error(function() cosched.deadline() end)
  end)
end)

describe("the timer of a scope", function()
  local function timers() return cosched.stats().timers end

  it("exists only while the scope is entered", virtual(function()
    local scope = cosched.scope { deadline = 5 }
    assert.are.equal(0, timers())
    scope:run(function() assert.are.equal(1, timers()) end)
    assert.are.equal(0, timers())
  end))

  it("ends with its cancellation", virtual(function()
    local scope = cosched.scope { deadline = 5 }
    scope:run(function()
      scope:cancel()
      assert.are.equal(0, timers())
    end)
  end))

  it("ends when an error passes, or its task is killed", virtual(function()
    pcall(cosched.timeout, 5, error, "boom")
    assert.are.equal(0, timers())
    local task = cosched.spawn(cosched.timeout, 5, cosched.forever)
    cosched.checkpoint()
    assert.are.equal(1, timers())
    task:kill()
    task:wait()
    assert.are.equal(0, timers())
  end))

  it("is no reason to wait once nobody is in the scope", virtual(function()
    for _ = 1, 100 do cosched.timeout(LONG, function() end) end
    assert.are.equal(0, timers())
  end))
end)
