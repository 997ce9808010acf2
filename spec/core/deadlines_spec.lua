-- Deadlines in virtual time: timeout, move_on, scope.deadline, and what coincides.
local cosched = require "cosched"
local support = require "spec.support.task"
local time = require "spec.support.virtual"
local caught, closing, virtual = support.caught, support.closing, time.virtual

local LONG = 3600

local function wait_long() cosched.sleep(LONG) end

describe("timeout", function()
  it("gives the results of what is done in time", virtual(function()
    local results = table.pack(cosched.timeout(5, function(...)
      cosched.sleep(3)
      return ...
    end, "a", nil, "c"))
    assert.are.same({ n = 3, "a", nil, "c" }, results)
    assert.are.equal(3, cosched.now())
  end))

  it("raises a Timeout with seconds and scope, when the time is up", virtual(function()
    local problem = caught(cosched.timeout, 5, wait_long)
    assert.is_true(cosched.is_timeout(problem))
    assert.are.equal(5, problem.seconds)
    assert.is_true(problem.scope.caught)
    assert.are.equal(5, problem.scope.deadline)
    assert.are.equal(5, cosched.now())
    assert.is_false(cosched.is_cancelled(problem))
  end))

  it("raises a sibling's error, not a Timeout, when that came first", virtual(function()
    local problem = caught(cosched.timeout, 5, cosched.nursery, function(n)
      n:spawn(function()
        cosched.sleep(1)
        error("sibling", 0)
      end)
      cosched.sleep(LONG)
    end)
    assert.are.equal("sibling", cosched.cause(problem))
    assert.are.equal(1, cosched.now())
  end))

  it("raises an error of the cleanup rather than a Timeout", virtual(function()
    assert.are.equal("cleanup", caught(cosched.timeout, 1, function()
      local _ <close> = closing(function() error("cleanup", 0) end)
      cosched.sleep(LONG)
    end))
  end))

  it("raises no Timeout for a cancellation from further out", virtual(function()
    local seen
    local task = cosched.spawn(function()
      seen = caught(cosched.timeout, 5, wait_long)
      error(seen, 0)
    end)
    cosched.sleep(1)
    task:cancel()
    assert.are.equal("cancelled", task:wait())
    assert.is_true(cosched.is_cancelled(seen))
  end))

  it("is over when it is left: it raises nothing afterwards", virtual(function()
    cosched.timeout(5, cosched.sleep, 1)
    cosched.sleep(10)
    assert.are.equal(11, cosched.now())
  end))

  it("takes 0: up to the first wait it runs", virtual(function()
    assert.are.equal("computed", cosched.timeout(0, function() return "computed" end))
    assert.is_true(cosched.is_timeout(caught(cosched.timeout, 0, cosched.checkpoint)))
  end))

  it("takes math.huge and times beyond the clock: for ever", virtual(function()
    for _, seconds in ipairs { math.huge, 1e300, 2 ^ 53 } do
      assert.is_true(cosched.timeout(seconds, cosched.sleep, 1))
    end
  end))

  it("nested in another with the same end leaves it to the outer one", virtual(function()
    local inner
    local outer = caught(cosched.timeout, 5, function()
      inner = caught(cosched.timeout, 5, wait_long)
      error(inner, 0)
    end)
    assert.is_true(cosched.is_cancelled(inner))
    assert.is_true(cosched.is_timeout(outer))
  end))
end)

describe("a deadline", function()
  it("of an outer scope that is earlier ends both", virtual(function()
    local log = {}
    log[1] = cosched.move_on(5, function()
      cosched.move_on(10, cosched.sleep, 20)
      log[2] = "not reached"
    end)
    assert.are.same({ false }, log)
    assert.are.equal(5, cosched.now())
  end))

  it("of an inner scope that is earlier ends only that", virtual(function()
    local inner
    assert.is_true((cosched.move_on(10, function()
      inner = cosched.move_on(5, cosched.sleep, 20)
      cosched.sleep(1)
    end)))
    assert.is_false(inner)
    assert.are.equal(6, cosched.now())
  end))

  it("that coincides with an outer one is the outer one's", virtual(function()
    local went_on = false
    local ok = cosched.scope { deadline = 5 }:run(function()
      cosched.sleep(1)
      cosched.scope { deadline = 5 }:run(function()
        cosched.move_on(4, cosched.sleep, 20)
        went_on = true
      end)
      went_on = true
    end)
    assert.is_false(ok)
    assert.is_false(went_on)
    assert.are.equal(5, cosched.now())
  end))

  it("coincides whatever the order in which they were set", virtual(function()
    local outer, went_on = cosched.scope { deadline = 9 }, false
    assert.is_false((outer:run(function()
      cosched.move_on(5, function()
        outer.deadline = 5 -- its timer is the younger one
        cosched.sleep(20)
      end)
      went_on = true
    end)))
    assert.is_false(went_on)
  end))

  it("at which the function returns is met: a wake counts", virtual(function()
    local scope = cosched.scope()
    cosched.spawn(function()
      cosched.sleep(1)
      scope.deadline = 5 -- after the sleep began that ends at the same moment
    end)
    local ok, what = scope:run(function()
      cosched.sleep(5)
      assert.is_true(scope.cancelled)
      return "in time"
    end)
    assert.is_true(ok)
    assert.are.equal("in time", what)
  end))

  it("comes before a sleep that began later and ends at the same moment", virtual(function()
    assert.is_false((cosched.move_on(5, cosched.sleep, 5)))
    assert.are.equal(5, cosched.now())
  end))

  it("in the past cancels at once, and the body runs up to its first wait", virtual(function()
    cosched.sleep(10)
    local reached
    local ok, cancelled = cosched.scope { deadline = 5 }:run(function()
      reached = "body"
      cosched.sleep(1)
      reached = "beyond"
    end)
    assert.is_false(ok)
    assert.are.equal("deadline", cancelled.source)
    assert.are.equal("body", reached)
    assert.are.equal(10, cosched.now())
  end))

  it("in the past does no harm to a body that never waits", virtual(function()
    assert.is_true((cosched.scope { deadline = -1 }:run(function() end)))
  end))

  it("given as a timeout counts from the entry", virtual(function()
    local scope = cosched.scope { timeout = 5 }
    cosched.sleep(10)
    scope:run(wait_long)
    assert.are.equal(15, cosched.now())
  end))

  it("interrupts all that waits below, in one moment", virtual(function()
    local ends = {}
    cosched.move_on(5, cosched.nursery, function(n)
      for i = 1, 3 do
        n:spawn(function()
          local _ <close> = closing(function() ends[i] = cosched.now() end)
          cosched.sleep(LONG)
        end)
      end
      cosched.sleep(LONG)
    end)
    assert.are.same({ 5, 5, 5 }, ends)
  end))

  it("that is not a number, negative or NaN is refused", virtual(function()
    local nan = 0 / 0
    for _, call in ipairs { cosched.timeout, cosched.move_on, cosched.shield } do
      for _, seconds in ipairs { nan, -1, -math.huge, "soon", {} } do
        assert.has_error(function() call(seconds, print) end)
      end
      assert.has_error(function() call(nil, print) end)
    end
    assert.has_error(function() cosched.scope { timeout = nan } end)
    assert.has_error(function() cosched.scope { timeout = -1 } end)
    assert.has_error(function() cosched.scope { deadline = nan } end)
    assert.has_error(function() cosched.scope { deadline = 1, timeout = 1 } end)
    assert.has_error(function() cosched.scope { dedline = 1 } end)
  end))
end)

describe("scope.deadline", function()
  it("can be read: math.huge where there is none", virtual(function()
    assert.are.equal(math.huge, cosched.scope().deadline)
    assert.are.equal(7, cosched.scope({ deadline = 7 }).deadline)
    local scope = cosched.scope { timeout = 3 }
    cosched.sleep(1)
    scope:run(function() assert.are.equal(4, scope.deadline) end)
  end))

  it("can be set before the entry", virtual(function()
    local scope = cosched.scope { timeout = 3 }
    scope.deadline = 8
    scope:run(wait_long)
    assert.are.equal(8, cosched.now())
  end))

  it("can be extended and brought forward while it is entered", virtual(function()
    local scope = cosched.scope { deadline = 5 }
    cosched.spawn(function()
      cosched.sleep(4)
      scope.deadline = 20
      cosched.sleep(4)
      scope.deadline = 10
    end)
    scope:run(wait_long)
    assert.are.equal(10, cosched.now())
  end))

  it("can be taken away", virtual(function()
    local scope = cosched.scope { deadline = 5 }
    assert.is_true((scope:run(function()
      scope.deadline = math.huge
      cosched.sleep(10)
    end)))
  end))

  it("set to the past cancels at the next wait, not before", virtual(function()
    local scope, log = cosched.scope(), {}
    cosched.sleep(3)
    assert.is_false((scope:run(function()
      scope.deadline = 1
      log[#log + 1] = "still here"
      assert.is_true(scope.cancelled)
      cosched.checkpoint()
      log[#log + 1] = "not reached"
    end)))
    assert.are.same({ "still here" }, log)
  end))

  it("cannot undo a cancellation", virtual(function()
    local scope = cosched.scope()
    assert.is_false((scope:run(function()
      scope:cancel()
      scope.deadline = math.huge
      cosched.sleep(1)
    end)))
  end))

  it("set once the scope is over starts nothing", virtual(function()
    local scope = cosched.scope()
    scope:run(function() end)
    scope.deadline = 1
    assert.are.equal(0, cosched.stats().timers)
  end))

  it("refuses NaN and what is not a number, and no other field can be set", virtual(function()
    local scope = cosched.scope()
    assert.has_error(function() scope.deadline = 0 / 0 end)
    assert.has_error(function() scope.deadline = "soon" end)
    assert.has_error(function() scope.timeout = 1 end)
    assert.has_error(function() scope.cancelled = false end)
  end))
end)
