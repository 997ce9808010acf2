-- Shields in virtual time: what a cleanup may wait for.
local cosched = require "cosched"
local support = require "spec.support.task"
local time = require "spec.support.virtual"
local caught, closing, virtual = support.caught, support.closing, time.virtual

local LONG = 3600

local function wait_long() cosched.sleep(LONG) end

describe("shield", function()
  it("gives true and the results", virtual(function()
    local results = table.pack(cosched.shield(5, function(...)
      cosched.sleep(1)
      return ...
    end, 1, nil))
    assert.are.same({ n = 3, true, 1, nil }, results)
  end))

  it("lets a cancelled task wait, up to the grace", virtual(function()
    local slept
    cosched.move_on(1, function()
      local _ <close> = closing(function()
        slept = cosched.shield(10, cosched.sleep, 3)
      end)
      cosched.sleep(LONG)
    end)
    assert.is_true(slept)
    assert.are.equal(4, cosched.now())
  end))

  it("ends with false and its deadline when the grace is over", virtual(function()
    local ok, cancelled
    cosched.move_on(1, function()
      local _ <close> = closing(function()
        ok, cancelled = cosched.shield(2, cosched.forever)
      end)
      cosched.sleep(LONG)
    end)
    assert.is_false(ok)
    assert.are.equal("deadline", cancelled.source)
    assert.are.equal(3, cosched.now())
  end))

  it("hides a cancellation that comes while it is entered", virtual(function()
    local finished = false
    local task = cosched.spawn(function()
      cosched.shield(10, function()
        cosched.sleep(5)
        finished = true
      end)
      cosched.sleep(LONG)
    end)
    cosched.sleep(1)
    task:cancel()
    cosched.sleep(1)
    assert.are.equal("waiting", task:status())
    assert.are.equal("cancelled", task:wait())
    assert.is_true(finished)
    assert.are.equal(5, cosched.now())
  end))

  it("does not end the cancellation: the next wait raises again", virtual(function()
    local log = {}
    cosched.move_on(1, function()
      pcall(cosched.sleep, LONG)
      log[#log + 1] = (cosched.shield(5, cosched.sleep, 1))
      log[#log + 1] = cosched.is_cancelled(caught(cosched.sleep, 1))
      log[#log + 1] = (cosched.shield(5, cosched.checkpoint))
      log[#log + 1] = cosched.is_cancelled(caught(cosched.checkpoint))
    end)
    assert.are.same({ true, true, true, true }, log)
    assert.are.equal(2, cosched.now())
  end))

  it("without it a cleanup cannot wait: a sleep raises at once", virtual(function()
    local problem
    cosched.move_on(1, function()
      local _ <close> = closing(function() problem = caught(cosched.sleep, 3) end)
      cosched.sleep(LONG)
    end)
    assert.is_true(cosched.is_cancelled(problem))
    assert.are.equal(1, cosched.now())
  end))

  it("hides the deadlines around it", virtual(function()
    local ok, inner = cosched.move_on(1, cosched.shield, 10, function()
      cosched.sleep(5)
      return "done"
    end)
    assert.is_true(ok)
    assert.is_true(inner)
    assert.are.equal(5, cosched.now())
  end))

  it("hides nothing that is cancelled inside of it", virtual(function()
    assert.is_true((cosched.shield(10, function()
      assert.is_false((cosched.move_on(1, wait_long)))
      local scope = cosched.scope()
      scope:run(function()
        scope:cancel()
        cosched.sleep(LONG)
      end)
      assert.is_true(scope.caught)
    end)))
    assert.are.equal(1, cosched.now())
  end))

  it("covers tasks of a nursery inside of it", virtual(function()
    local log = {}
    local task = cosched.spawn(cosched.shield, LONG, cosched.nursery, function(n)
      for i = 1, 3 do
        n:spawn(function()
          cosched.sleep(i)
          log[#log + 1] = i
        end)
      end
    end)
    cosched.checkpoint()
    task:cancel()
    task:wait()
    assert.are.same({ 1, 2, 3 }, log)
  end))

  it("does not cover tasks of a nursery outside of it", virtual(function()
    local child
    cosched.move_on(1, cosched.nursery, function(n)
      cosched.shield(10, function()
        child = n:spawn(wait_long)
        cosched.sleep(5)
        assert.are.equal("cancelled", child:result())
      end)
    end)
    assert.are.equal(5, cosched.now())
  end))

  it("does not cover a task that is spawned in it", virtual(function()
    local child
    local task = cosched.spawn(function()
      cosched.shield(10, function()
        child = cosched.spawn(wait_long)
        cosched.sleep(5)
      end)
    end)
    cosched.sleep(1)
    task:cancel()
    assert.are.equal("cancelled", child:wait())
    assert.are.equal(1, cosched.now())
    task:wait()
  end))

  it("nests: the inner grace may be the longer one", virtual(function()
    local outer, inner = cosched.shield(2, function()
      local ok = cosched.shield(5, cosched.sleep, 4)
      assert.is_true(ok)
      cosched.checkpoint()
    end)
    assert.is_false(outer)
    assert.are.equal("deadline", inner.source)
    assert.are.equal(4, cosched.now())
  end))

  it("passes errors, which replace the cancellation in flight", virtual(function()
    local object = {}
    assert.is_true(rawequal(object, caught(cosched.move_on, 1, function()
      local _ <close> = closing(function()
        cosched.shield(5, function()
          cosched.sleep(1)
          error(object)
        end)
      end)
      cosched.sleep(LONG)
    end)))
    assert.are.equal(2, cosched.now())
  end))

  it("passes a cancellation of outside that is raised in it again", virtual(function()
    local beyond = false
    local ok, cancelled = cosched.move_on(1, function()
      local problem = caught(cosched.sleep, LONG)
      cosched.shield(5, error, problem)
      beyond = true
    end)
    assert.is_false(ok)
    assert.are.equal("deadline", cancelled.source)
    assert.is_false(beyond)
  end))

  it("with a grace of 0 runs up to the first wait", virtual(function()
    local reached = false
    local ok = cosched.shield(0, function()
      reached = true
      cosched.checkpoint()
      reached = "beyond"
    end)
    assert.is_false(ok)
    assert.is_true(reached)
  end))
end)

describe("a scope with shield = true", function()
  it("is a shield without a grace", virtual(function()
    local scope = cosched.scope { shield = true }
    cosched.move_on(1, function()
      local _ <close> = closing(function()
        assert.is_true((scope:run(cosched.sleep, 100)))
      end)
      cosched.sleep(LONG)
    end)
    assert.are.equal(101, cosched.now())
    assert.is_false(scope.cancelled)
  end))

  it("can be cancelled itself, inside a cancelled scope", virtual(function()
    local scope = cosched.scope { shield = true }
    local ok, cancelled
    cosched.spawn(function()
      cosched.sleep(3)
      scope:cancel "enough"
    end)
    cosched.move_on(1, function()
      pcall(cosched.sleep, LONG)
      ok, cancelled = scope:run(cosched.forever)
    end)
    assert.is_false(ok)
    assert.are.equal("enough", cancelled.reason)
    assert.are.equal(3, cosched.now())
  end))

  it("may be entered by a task that is cancelled", virtual(function()
    local scope = cosched.scope { shield = true }
    local task = cosched.spawn(function() return (scope:run(cosched.sleep, 2)) end)
    task:cancel()
    assert.is_true(task:join())
    assert.are.equal(2, cosched.now())
  end))
end)
