-- cosched.syscall: rows written in Lua, with the same rights as those in C.
local cosched = require "cosched"
local support = require "spec.support.task"
local in_task, caught, closing = support.in_task, support.caught, support.closing

local LONG = 3600

-- A row that parks and leaves its wait in `box.wait`.
local function parked(box, cancel)
  return cosched.syscall {
    name = "a parcel",
    start = function(wait, ...)
      box.wait, box.arguments = wait, table.pack(...)
      return wait:park()
    end,
    cancel = cancel,
  }
end

describe("a row in Lua", function()
  it("that returns has answered at once, with all its results", in_task(function()
    local add = cosched.syscall {
      name = "add",
      start = function(_, ...) return select("#", ...), nil, ..., nil end,
    }
    assert.are.same({ n = 4, 2, nil, 7, nil }, table.pack(add(7, 8)))
    assert.are.same({ n = 4, 0, nil, nil, nil }, table.pack(add()))
    local nothing = cosched.syscall { name = "nothing", start = function() end }
    assert.are.equal(0, select("#", nothing(1, 2, 3)))
  end))

  it("waits when start returns wait:park(), until wait:wake(...)", in_task(function()
    local box, log = {}, {}
    local take = parked(box)
    local task = cosched.spawn(function()
      local results = table.pack(take("a", nil))
      log[#log + 1] = "woken"
      return table.unpack(results, 1, results.n)
    end)
    cosched.checkpoint()
    assert.are.equal("waiting", task:status())
    assert.are.same({ n = 2, "a" }, box.arguments)
    assert.is_true(box.wait:wake(1, nil, 3, nil))
    assert.are.same({}, log) -- a wake makes ready, it does not run
    assert.are.same({ n = 4, 1, nil, 3 }, table.pack(task:join()))
  end))

  for _, count in ipairs { 0, 1, 250, 10000 } do
    it(("hands over %d results of a wake"):format(count), in_task(function()
      local box = {}
      local task = cosched.spawn(parked(box))
      cosched.checkpoint()
      local list = {}
      for i = 1, count do list[i] = i end
      box.wait:wake(table.unpack(list))
      local results = table.pack(task:join())
      assert.are.equal(count, results.n)
      for i = 1, count do assert(results[i] == i) end
    end))
  end

  it("that is woken before it parks does not wait", in_task(function()
    local early = cosched.syscall {
      name = "early",
      start = function(wait)
        assert.is_true(wait:wake "early")
        return wait:park()
      end,
    }
    assert.are.equal("early", early())
    local earlier = cosched.syscall {
      name = "earlier",
      start = function(wait)
        local parked_value = wait:park()
        assert.is_true(wait:wake "still early")
        return parked_value
      end,
    }
    assert.are.equal("still early", earlier())
  end))

  it("is woken once: the second wake is false and changes nothing", in_task(function()
    local box = {}
    local task = cosched.spawn(parked(box))
    cosched.checkpoint()
    assert.is_true(box.wait:wake "first")
    assert.is_false(box.wait:wake "second")
    assert.are.equal("first", task:join())
    assert.is_false(box.wait:wake "third")
  end))

  it("may be woken while the task goes on to its next call", in_task(function()
    local boxes = {}
    local take = cosched.syscall {
      name = "numbered",
      start = function(wait, i)
        boxes[i] = wait
        return wait:park()
      end,
    }
    local task = cosched.spawn(function() return take(1), take(2), take(3) end)
    for i = 1, 3 do
      while not boxes[i] do cosched.checkpoint() end
      assert.is_true(boxes[i]:wake(i))
      if i > 1 then assert.is_false(boxes[i - 1]:wake "stale") end
    end
    assert.are.same({ 1, 2, 3 }, { task:join() })
  end))

  it("raises what start raises, in the caller", in_task(function()
    local object = {}
    local bad = cosched.syscall { name = "bad", start = function() error(object) end }
    assert.is_true(rawequal(object, caught(bad)))
    assert.is_true(cosched.sleep(0))
  end))

  it("that fails after it has called park has not parked", in_task(function()
    local kept
    local bad = cosched.syscall {
      name = "bad",
      start = function(wait)
        kept = wait
        wait:park()
        error("late", 0)
      end,
    }
    assert.are.equal("late", caught(bad))
    assert.is_true(cosched.sleep(0.0001))
    assert.is_false(kept:wake "to nobody")
    assert.is_true(cosched.sleep(0.0001))
  end))

  it("that has answered at once cannot be woken afterwards", in_task(function()
    local kept
    local quick = cosched.syscall {
      name = "quick",
      start = function(wait)
        kept = wait
        return "answered"
      end,
    }
    assert.are.equal("answered", quick())
    assert.is_false(kept:wake "too late")
    assert.is_true(cosched.sleep(0.0001))
  end))

  it("whose start waits is refused, and says why", in_task(function()
    local bad = cosched.syscall { name = "bad", start = function() cosched.sleep(LONG) end }
    assert.matches("'sleep' cannot wait inside", caught(bad), 1, true)
    assert.is_true(cosched.sleep(0))
  end))

  it("may call itself through others that do not wait", in_task(function()
    local inner = cosched.syscall { name = "inner", start = function(_, x) return x + 1 end }
    local outer = cosched.syscall {
      name = "outer",
      start = function(_, x) return cosched.get_tid() and x * 2 end,
    }
    assert.are.equal(7, inner(outer(3)))
  end))

  it("needs a task, as every call that may wait", function()
    local take = parked {}
    assert.matches("'a parcel' waits, so it needs a task", caught(take), 1, true)
  end)

  it("refuses a place where Lua cannot suspend before it calls start", in_task(function()
    local box = {}
    local take = parked(box)
    local seen
    table.sort({ 2, 1 }, function(a, b)
      seen = caught(take)
      return a < b
    end)
    assert.matches("'a parcel' cannot wait inside table.sort", seen, 1, true)
    assert.is_nil(box.wait)
  end))

  it("spends budget: it lets others run although it answers at once", in_task(function()
    local quick = cosched.syscall { name = "quick", start = function() return true end }
    local others, calls = 0, 0
    cosched.spawn(function() others = others + 1 end)
    while others == 0 and calls < 1000 do
      quick()
      calls = calls + 1
    end
    assert.is_true(calls > 1 and calls <= 64)
  end))
end)

describe("a row in Lua that is given up", function()
  it("has its cancel called once, in the task, with its wait", in_task(function()
    local box, log = {}, {}
    local task
    local take = parked(box, function(wait)
      log[#log + 1] = rawequal(wait, box.wait) and rawequal(cosched.current(), task)
    end)
    task = cosched.spawn(take)
    cosched.checkpoint()
    task:cancel "now"
    assert.are.equal("cancelled", task:wait())
    assert.are.same({ true }, log)
  end))

  it("answers wake with false from the moment of the cancellation", in_task(function()
    local box = {}
    local task = cosched.spawn(parked(box))
    cosched.checkpoint()
    task:cancel "now"
    assert.is_false(box.wait:wake "lost?")
    task:wait()
    assert.is_false(box.wait:wake "lost?")
  end))

  it("keeps what it was woken with when the cancellation comes later", in_task(function()
    local box = {}
    local task = cosched.spawn(parked(box))
    cosched.checkpoint()
    assert.is_true(box.wait:wake "committed")
    task:cancel "too late"
    assert.are.equal("committed", task:join())
  end))

  it("answers wake with false when its task was killed, and calls no cancel", in_task(function()
    local box, called = {}, false
    local task = cosched.spawn(parked(box, function() called = true end))
    cosched.checkpoint()
    task:kill()
    assert.is_false(box.wait:wake "lost?")
    assert.are.equal("cancelled", task:wait())
    assert.is_false(called)
  end))

  it("does not begin when the task is cancelled already", in_task(function()
    local box = {}
    local task = cosched.spawn(parked(box))
    task:cancel "now"
    task:wait()
    assert.is_nil(box.wait)
  end))

  it("raises what its cancel raises, in place of the cancellation", function()
    local errors = caught(cosched.run, function()
      local task = cosched.spawn(parked({}, function() error("in cancel", 0) end))
      cosched.checkpoint()
      task:cancel "now"
      task:wait()
    end)
    assert.are.equal("in cancel", errors.error)
  end)

  it("refuses a wait in its cancel", in_task(function()
    local seen
    local task = cosched.spawn(parked({}, function() seen = caught(cosched.sleep, LONG) end))
    cosched.checkpoint()
    task:cancel "now"
    assert.are.equal("cancelled", task:wait())
    assert.is_not_nil(seen)
  end))
end)

describe("the object of a row in Lua", function()
  local function pair(start)
    return cosched.syscall { name = "double", start = start }
  end

  it("gives the same results as the call", in_task(function()
    local direct, object = pair(function(_, x) return x * 2, nil end)
    assert.are.equal("cosched.syscall: double", tostring(object(1)))
    assert.are.same(table.pack(direct(21)), table.pack(coroutine.yield(object(21))))
  end))

  it("gives the same error as the call", in_task(function()
    local failure = {}
    local direct, object = pair(function() error(failure) end)
    assert.is_true(rawequal(failure, caught(direct)))
    assert.is_true(rawequal(failure, caught(function()
      coroutine.yield(object())
      return true
    end)))
  end))

  it("waits and is woken, and may be yielded again", in_task(function()
    local waiting
    local _, object = pair(function(wait)
      waiting = wait
      return wait:park()
    end)
    local call = object()
    local task = cosched.spawn(function()
      local first = coroutine.yield(call)
      local second = coroutine.yield(call)
      return first, second
    end)
    for i = 1, 2 do
      waiting = nil
      while not waiting do cosched.checkpoint() end
      assert.is_true(waiting:wake(i))
    end
    assert.are.same({ 1, 2 }, { task:join() })
  end))

  for _, how in ipairs { "cancel", "kill" } do
    it(("can be ended by %s"):format(how), in_task(function()
      local waiting
      local _, object = pair(function(wait)
        waiting = wait
        return wait:park()
      end)
      local task = cosched.spawn(function()
        local _ <close> = closing(function() end)
        coroutine.yield(object())
        return true
      end)
      cosched.checkpoint()
      task[how](task)
      assert.are.equal("cancelled", task:wait())
      assert.is_false(waiting:wake())
    end))
  end
end)

describe("cosched.syscall", function()
  it("says what is wrong with a definition", function()
    local start = function() end
    for _, case in ipairs {
      { {}, "name must be a string" },
      { { name = 5, start = start }, "name must be a string" },
      { { name = "x" }, "start must be a function" },
      { { name = "x", start = "y" }, "start must be a function" },
      { { name = "x", start = start, cancel = true }, "cancel must be a function" },
      { "x", "table expected, got string" },
    } do
      local message = caught(function() return (cosched.syscall(case[1])) end)
      assert.matches(case[2], message, 1, true)
      assert.matches("'syscall'", message, 1, true)
    end
    assert.matches("table expected, got no value", caught(cosched.syscall), 1, true)
  end)

  it("makes waits that refuse what is not one of them", in_task(function()
    local box = {}
    local task = cosched.spawn(parked(box))
    cosched.checkpoint()
    for _, wrong in ipairs { 5, {}, io.stdout, task } do
      assert.matches("Wait expected", caught(box.wait.wake, wrong), 1, true)
      assert.matches("Wait expected", caught(box.wait.park, wrong), 1, true)
    end
    assert.matches("Wait expected", caught(box.wait.wake), 1, true)
    box.wait:wake()
    task:join()
  end))

  it("is named in the report of a deadlock", function()
    local problem = caught(cosched.run, parked {})
    assert.is_true(cosched.is_deadlock(problem))
    assert.matches("waits for a parcel", problem.report, 1, true)
  end)

  it("makes rows that outlive the variable that held them", in_task(function()
    local box = {}
    local task = cosched.spawn(parked(box))
    cosched.checkpoint()
    for _ = 1, 3 do collectgarbage() end
    box.wait:wake "kept"
    assert.are.equal("kept", task:join())
  end))

  it("wakes from a finalizer", in_task(function()
    local box = {}
    local task = cosched.spawn(parked(box))
    cosched.checkpoint()
    setmetatable({}, { __gc = function() box.wait:wake "collected" end })
    collectgarbage()
    collectgarbage()
    assert.are.equal("collected", task:join())
  end))
end)
