-- Nurseries in virtual time: who waits for whom, and what is raised at the end.
local cosched = require "cosched"
local support = require "spec.support.task"
local time = require "spec.support.virtual"
local caught, closing, virtual, noting = support.caught, support.closing, time.virtual, time.noting

local LONG = 3600

local function wait_long() cosched.sleep(LONG) end

local function fail_after(seconds, problem)
  return function()
    cosched.sleep(seconds)
    error(problem, 0)
  end
end

describe("a nursery", function()
  it("gives its body itself and the arguments, and returns the body's results", virtual(function()
    local results = table.pack(cosched.nursery(function(n, ...)
      assert.are.equal("cosched.Nursery", getmetatable(n))
      return ...
    end, 1, nil, 3, nil))
    assert.are.same({ n = 4, 1, nil, 3, nil }, results)
  end))

  it("ends when its last child has", virtual(function()
    cosched.nursery(function(n)
      n:spawn(cosched.sleep, 5)
      n:spawn(cosched.sleep, 2)
    end)
    assert.are.equal(5, cosched.now())
  end))

  it("waits for children that its children spawn into it", virtual(function()
    cosched.nursery(function(n)
      n:spawn(function()
        cosched.sleep(1)
        n:spawn(cosched.sleep, 3)
      end)
    end)
    assert.are.equal(4, cosched.now())
  end))

  it("waits for a child that is spawned when all others are done", virtual(function()
    local open
    cosched.spawn(function()
      cosched.sleep(1)
      cosched.checkpoint() -- the only child is done, and the owner has not looked yet
      open:spawn(cosched.sleep, 3)
    end)
    cosched.nursery(function(n)
      open = n
      n:spawn(cosched.sleep, 1)
    end)
    assert.are.equal(4, cosched.now())
  end))

  it("runs no child at the spawn, and all in the order of their spawns", virtual(function()
    local log, note = time.log()
    cosched.nursery(function(n)
      for i = 1, 3 do n:spawn(note, i) end
      note "body"
    end)
    assert.are.same({ "body", 1, 2, 3 }, log)
  end))

  it("starts a child that is cancelled before its first run", virtual(function()
    local log = {}
    cosched.nursery(function(n)
      local child = n:spawn(function()
        local _ <close> = noting(log, "child")
        log[#log + 1] = "started"
        cosched.checkpoint()
        log[#log + 1] = "not reached"
      end)
      child:cancel()
    end)
    assert.are.same({ "started", "child: explicit" }, log)
  end))

  it("is cancelled by a failing child: siblings and body clean up, then it raises",
    virtual(function()
      local log, object = {}, {}
      local problem = caught(cosched.nursery, function(n)
        n:spawn(function()
          local _ <close> = noting(log, "sibling")
          cosched.sleep(LONG)
        end)
        n:spawn(fail_after(1, object))
        local _ <close> = noting(log, "body")
        cosched.sleep(LONG)
      end)
      table.sort(log)
      assert.are.same({ "body: nursery", "sibling: nursery" }, log)
      assert.is_true(cosched.is_errors(problem))
      assert.are.equal(1, #problem.errors)
      assert.is_true(rawequal(object, problem.error))
      assert.are.equal(1, cosched.now())
    end))

  it("is cancelled by its own failing body", virtual(function()
    local log = {}
    local problem = caught(cosched.nursery, function(n)
      n:spawn(function()
        local _ <close> = noting(log, "child")
        cosched.sleep(LONG)
      end)
      cosched.sleep(1)
      error("body", 0)
    end)
    assert.are.same({ "child: nursery" }, log)
    assert.are.equal("body", problem.error)
    assert.are.equal(cosched.get_tid(), problem.errors[1].tid)
  end))

  it("raises at a body that waits for children only, at the moment of the error",
    virtual(function()
      local problem = caught(cosched.nursery, function(n)
        n:spawn(wait_long)
        n:spawn(fail_after(9, "boom"))
      end)
      assert.are.equal("boom", problem.error)
      assert.are.equal(9, cosched.now())
    end))

  it("lets a child handle its own error", virtual(function()
    assert.are.equal("fine", cosched.nursery(function(n)
      n:spawn(pcall, error, "handled")
      cosched.sleep(1)
      return "fine"
    end))
  end))

  it("is not affected by a child that is cancelled or killed by itself", virtual(function()
    local result = cosched.nursery(function(n)
      local cancelled, killed = n:spawn(wait_long), n:spawn(wait_long)
      local sibling = n:spawn(cosched.sleep, 2)
      cosched.sleep(1)
      cancelled:cancel()
      killed:kill()
      assert.is_true(sibling:join())
      return "fine"
    end)
    assert.are.equal("fine", result)
    assert.are.equal(2, cosched.now())
  end))

  it("is not left by a cancellation from outside before its children have ended",
    virtual(function()
      local ok = cosched.move_on(1, cosched.nursery, function(n)
        n:spawn(function() cosched.shield(LONG, cosched.sleep, 5) end)
      end)
      assert.is_true(ok) -- nothing was cut short
      assert.are.equal(5, cosched.now())
    end))

  it("raises the cancellation from outside that cut a child short, though its body is done",
    virtual(function()
      local ok, cancelled = cosched.move_on(1, cosched.nursery, function(n)
        n:spawn(wait_long)
        return "results"
      end)
      assert.is_false(ok)
      assert.are.equal("deadline", cancelled.source)
    end))

  it("returns results when an outer scope is cancelled and nothing was cut short",
    virtual(function()
      local ok, what = cosched.move_on(1, cosched.nursery, function(n)
        n:spawn(pcall, cosched.sleep, LONG)
        return "results"
      end)
      assert.is_true(ok)
      assert.are.equal("results", what)
    end))

  it("raises an error of the cleanup, not the cancellation from outside", virtual(function()
    local problem = caught(cosched.move_on, 1, cosched.nursery, function(n)
      n:spawn(function()
        local _ <close> = closing(function() error("cleanup", 0) end)
        cosched.sleep(LONG)
      end)
      cosched.sleep(LONG)
    end)
    assert.are.equal("cleanup", cosched.cause(problem))
  end))

  it("without children lets others run now and then", virtual(function()
    local stop, turns = false, 0
    cosched.spawn(function() stop = true end)
    while not stop and turns < 1000 do
      cosched.nursery(function() end)
      turns = turns + 1
    end
    assert.is_true(stop)
  end))

  it("in a loop stops at a deadline", function()
    local turns = 0
    assert.is_false((cosched.run(cosched.move_on, 0.005, function()
      while turns < 1e6 do
        cosched.nursery(function() end)
        turns = turns + 1
      end
    end)))
  end)

  it("in a nursery adds no level: one leaf comes out", virtual(function()
    local problem = caught(cosched.nursery, function()
      cosched.nursery(function()
        cosched.nursery(function(n) n:spawn(error, "deep") end)
      end)
    end)
    assert.are.equal(1, #problem.errors)
    assert.are.equal("deep", problem.errors[1].error)
  end))

  it("lives in its handle: state, name of the type, fields", virtual(function()
    local kept
    cosched.nursery(function(n)
      kept = n
      assert.are.equal("cosched.Nursery: entered", tostring(n))
      n:cancel()
      assert.are.equal("cosched.Nursery: cancelled", tostring(n))
    end)
    assert.are.equal("cosched.Nursery: over", tostring(kept))
    assert.is_true(kept.cancelled)
    assert.is_nil(kept.nonsense)
  end))

  it("needs a function, and a task that can wait", virtual(function()
    assert.has_error(function() cosched.nursery(5) end)
    assert.has_error(function() cosched.nursery() end)
    cosched.nursery(function(n)
      assert.has_error(function() n:spawn(5) end)
      assert.has_error(function() n.spawn(5, print) end)
      assert.has_error(function() n:daemon() end)
    end)
  end))

  it("is refused outside of run", function()
    assert.has_error(function() cosched.nursery(print) end)
  end)
end)
