-- Cancellation is a level, not an edge: in virtual time, when and how often it is told.
local cosched = require "cosched"
local support = require "spec.support.task"
local time = require "spec.support.virtual"
local caught, closing, virtual, noting = support.caught, support.closing, time.virtual, time.noting

local LONG = 3600

describe("a cancelled task", function()
  it("is told at each wait, and the clock stands still", virtual(function()
    local raised = 0
    cosched.move_on(1, function()
      for _ = 1, 5 do
        if not pcall(cosched.sleep, 10) then raised = raised + 1 end
      end
      assert.are.equal(1, cosched.now())
    end)
    assert.are.equal(5, raised)
  end))

  it("is told by every kind of wait", virtual(function()
    local task = cosched.spawn(cosched.sleep, LONG)
    local done = cosched.spawn(function() end)
    cosched.checkpoint()
    local waits = {
      cosched.checkpoint, cosched.forever, coroutine.yield,
      function() cosched.sleep(0) end,
      function() cosched.sleep_until(0) end,
      function() task:join() end,
      function() task:wait() end,
      function() done:wait() end, -- that could answer at once
      function() coroutine.yield(cosched.sys.sleep(1)) end,
      function() cosched.move_on(1, print) end,
      function() cosched.nursery(print) end,
    }
    local told = 0
    cosched.move_on(0, function()
      for i, wait in ipairs(waits) do
        local ok, problem = pcall(function()
          wait()
          return nil
        end)
        assert(not ok and cosched.is_cancelled(problem), "wait " .. i)
        told = told + 1
      end
    end)
    assert.are.equal(#waits, told)
    task:cancel()
  end))

  it("that swallows it leaves the others their turns", virtual(function()
    local steps = 0
    local stubborn = cosched.spawn(function()
      for _ = 1, 900 do pcall(cosched.forever) end
    end)
    stubborn:cancel()
    cosched.spawn(function()
      for _ = 1, 50 do
        cosched.checkpoint()
        steps = steps + 1
      end
    end):join()
    assert.are.equal(50, steps)
    assert.are.equal("ready", stubborn:status())
    assert.are.equal("ok", stubborn:wait())
  end))

  it("that returns all the same is ok", virtual(function()
    local task = cosched.spawn(function()
      pcall(cosched.sleep, LONG)
      return "results"
    end)
    cosched.sleep(1)
    task:cancel()
    assert.are.equal("results", task:join())
  end))

  it("that never waits is not told", virtual(function()
    local task = cosched.spawn(function() return "results" end)
    task:cancel()
    assert.are.equal("results", task:join())
  end))
end)

describe("cancel", function()
  it("before the first run lets the body run to its first wait, and no further", virtual(function()
    local log = {}
    local task = cosched.spawn(function()
      local _ <close> = noting(log, "close")
      log[#log + 1] = "body"
      cosched.sleep(1)
      log[#log + 1] = "not reached"
    end)
    assert.is_true(task:cancel())
    assert.are.equal("cancelled", task:wait())
    assert.are.same({ "body", "close: explicit" }, log)
    assert.are.equal(0, cosched.now())
  end))

  it("of a task that is ready comes at its next wait: what woke it has happened", function()
    local slept, problem
    time.run(function()
      local task
      local canceller = cosched.spawn(function()
        cosched.sleep(1)
        assert.are.equal("ready", task:status())
        task:cancel()
      end)
      task = cosched.spawn(function()
        slept = cosched.sleep(1)
        problem = caught(cosched.sleep, 1)
      end)
      canceller:join()
      task:wait()
    end)
    assert.is_true(slept)
    assert.is_true(cosched.is_cancelled(problem))
  end)

  it("twice is once: false, and the first reason", virtual(function()
    local task = cosched.spawn(cosched.sleep, LONG)
    assert.is_true(task:cancel "first")
    assert.is_false(task:cancel "second")
    task:wait()
    assert.are.equal("first", select(2, task:result()).reason)
    assert.is_false(task:cancel "third")
  end))

  it("during the cleanup changes nothing", virtual(function()
    local runs = 0
    local task
    task = cosched.spawn(function()
      local _ <close> = closing(function()
        runs = runs + 1
        task:cancel "from the cleanup"
        cosched.current():cancel()
        pcall(cosched.sleep, 1)
      end)
      cosched.sleep(LONG)
    end)
    cosched.sleep(1)
    task:cancel "outside"
    task:wait()
    assert.are.equal(1, runs)
    assert.are.equal("outside", select(2, task:result()).reason)
  end))

  it("from outside during a shielded cleanup does not cut that short", virtual(function()
    local cleaned
    local task = cosched.spawn(cosched.move_on, 1, function()
      local _ <close> = closing(function()
        cosched.shield(10, cosched.sleep, 3)
        cleaned = cosched.now()
      end)
      cosched.sleep(LONG)
    end)
    cosched.sleep(2)
    task:cancel()
    assert.are.equal("cancelled", task:wait())
    assert.are.equal(4, cleaned)
  end))

  it("of oneself is told at the next wait", virtual(function()
    local log = {}
    local task = cosched.spawn(function()
      assert.is_true(cosched.current():cancel "self")
      log[#log + 1] = "still here"
      cosched.checkpoint()
      log[#log + 1] = "not reached"
    end)
    assert.are.equal("cancelled", task:wait())
    assert.are.same({ "still here" }, log)
  end))

  it("of an ancestor reaches the caller, which then waits in vain", virtual(function()
    local log = {}
    local top = cosched.spawn(function()
      local self = cosched.current()
      cosched.spawn(function()
        cosched.spawn(function()
          local _ <close> = noting(log, "grandchild")
          self:cancel "from below"
          log[#log + 1] = "only marked"
          cosched.sleep(1)
        end)
      end)
      cosched.sleep(LONG)
    end)
    assert.are.equal("cancelled", top:wait())
    assert.are.same({ "only marked", "grandchild: explicit" }, log)
  end))

  it("of a task that waits for its children cuts them short, and it with them", virtual(function()
    local child
    local task = cosched.spawn(function()
      child = cosched.spawn(cosched.sleep, LONG)
      return "results"
    end)
    cosched.sleep(1)
    task:cancel()
    assert.are.equal("cancelled", task:wait())
    assert.are.equal("cancelled", (child:result()))
  end))

  it("wakes the newest task first, whatever the order of waits and of scopes", virtual(function()
    local order, tasks = {}, {}
    local scope = cosched.scope()
    scope:run(cosched.nursery, function(n)
      for i = 1, 6 do
        tasks[i] = n:spawn(function()
          local _ <close> = closing(function() order[#order + 1] = cosched.get_tid() end)
          if i % 2 == 0 then
            cosched.timeout(LONG + i, cosched.sleep, LONG - i)
          else
            cosched.sleep(LONG - i)
          end
        end)
      end
      cosched.sleep(1)
      scope:cancel()
      cosched.sleep(1)
    end)
    local expected = {}
    for i = 1, 6 do expected[i] = tasks[7 - i].tid end
    assert.are.same(expected, order)
  end))

  it("of a done task is false", virtual(function()
    local task = cosched.spawn(function() end)
    task:wait()
    assert.is_false(task:cancel())
  end))

  it("does not reach below a shield, nor later when that is left open", virtual(function()
    local child
    local task = cosched.spawn(cosched.shield, LONG, cosched.nursery, function(n)
      child = n:spawn(cosched.sleep, 5)
      cosched.sleep(3)
    end)
    cosched.sleep(1)
    task:cancel()
    assert.is_true(child:join())
    assert.are.equal(5, cosched.now())
    task:wait()
  end))
end)

describe("on_stuck", function()
  local function stubborn(count)
    local task = cosched.spawn(function()
      for _ = 1, count do pcall(cosched.sleep, LONG) end
    end)
    cosched.checkpoint()
    task:cancel()
    task:wait()
    return task
  end

  it("hears once of a task that keeps swallowing, with a traceback", function()
    local calls, task = {}, nil
    time.run(function() task = stubborn(50) end, {
      stuck_after = 5,
      on_stuck = function(...) calls[#calls + 1] = { ... } end,
    })
    assert.are.equal(1, #calls)
    assert.is_true(rawequal(task, calls[1][1]))
    assert.matches("levels_spec.lua", calls[1][2], 1, true)
  end)

  it("hears nothing of one that stops before", function()
    local calls = 0
    time.run(function()
      stubborn(4)
      stubborn(4)
    end, { stuck_after = 5, on_stuck = function() calls = calls + 1 end })
    assert.are.equal(0, calls)
  end)

  it("hears of each such task", function()
    local calls = 0
    time.run(function()
      stubborn(9)
      stubborn(9)
    end, { stuck_after = 5, on_stuck = function() calls = calls + 1 end })
    assert.are.equal(2, calls)
  end)

  it("that raises does no harm", function()
    time.run(function() assert.are.equal("ok", stubborn(9):wait()) end,
      { stuck_after = 5, on_stuck = function() error "no" end })
  end)

  it("must be a function, and stuck_after a count", function()
    assert.has_error(function() cosched.run({ on_stuck = 5 }, print) end)
    for _, count in ipairs { 0, -1, 65535, "many", 1.5 } do
      assert.has_error(function() cosched.run({ stuck_after = count }, print) end)
    end
  end)
end)
