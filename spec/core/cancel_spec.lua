-- Cancellation: a mark that stays, told at every wait, through the ready queue.
local cosched = require "cosched"
local net = require "cosched.net"
local support = require "spec.support.task"
local in_task, caught, closing = support.in_task, support.caught, support.closing

local LONG = 3600

-- A task that waits for long, begun.
local function sleeper()
  local task = cosched.spawn(cosched.sleep, LONG)
  cosched.checkpoint()
  return task
end

describe("task:cancel", function()
  it("ends a wait, and says that it did", in_task(function()
    local task = sleeper()
    assert.is_true(task:cancel "enough")
    assert.are.equal("cancelled", task:wait())
  end))

  it("needs no reason", in_task(function()
    local task = sleeper()
    assert.is_true(task:cancel())
    assert.are.equal("cancelled", task:wait())
    local _, reason = task:result()
    assert.is_nil(reason.reason)
    assert.are.equal("explicit", reason.source)
  end))

  it("takes any value for a reason, by identity", in_task(function()
    local reason = {}
    local task = sleeper()
    task:cancel(reason)
    task:wait()
    assert.is_true(rawequal(reason, select(2, task:result()).reason))
  end))

  it("only marks: it neither raises nor lets another task run", in_task(function()
    local log = {}
    local task = cosched.spawn(function()
      local _ <close> = closing(function() log[#log + 1] = "closed" end)
      cosched.sleep(LONG)
    end)
    cosched.checkpoint()
    task:cancel "now"
    assert.are.same({}, log)
    assert.are.equal("ready", task:status())
    task:wait()
    assert.are.same({ "closed" }, log)
  end))

  it("is false the second time, and the first reason stays", in_task(function()
    local task = sleeper()
    assert.is_true(task:cancel "first")
    assert.is_false(task:cancel "second")
    task:wait()
    assert.are.equal("first", select(2, task:result()).reason)
  end))

  it("is false for a task that is done", in_task(function()
    local task = cosched.spawn(function() end)
    task:wait()
    assert.is_false(task:cancel "late")
    assert.are.equal("ok", task:result())
  end))

  it("lets a task start that never ran, up to its first wait", in_task(function()
    local log = {}
    local task = cosched.spawn(function(word)
      local _ <close> = closing(function() log[#log + 1] = "closed" end)
      log[#log + 1] = word
      cosched.sleep(LONG)
      log[#log + 1] = "not reached"
    end, "began")
    task:cancel "before its first run"
    assert.are.equal("cancelled", task:wait())
    assert.are.same({ "began", "closed" }, log)
  end))

  it("lets a task that never waits return its results", in_task(function()
    local task = cosched.spawn(function() return 7 end)
    task:cancel "too late"
    assert.are.equal(7, task:join())
  end))

  it("of a task that was woken is told at its next wait: the wake has committed",
    in_task(function()
      local woken, refused
      local target = cosched.spawn(function()
        cosched.checkpoint()
        return 7
      end)
      local task = cosched.spawn(function()
        woken = target:join()
        refused = caught(cosched.sleep, LONG)
        error(refused, 0)
      end)
      cosched.checkpoint() -- the joiner waits
      cosched.checkpoint() -- the target is done, the joiner is ready
      assert.are.equal("ready", task:status())
      task:cancel "now"
      assert.are.equal("cancelled", task:wait())
      assert.are.equal(7, woken)
      assert.is_true(cosched.is_cancelled(refused))
    end))

  it("is told at every wait, until the task has left", in_task(function()
    local refusals = 0
    local task = cosched.spawn(function()
      for _ = 1, 5 do
        local before = cosched.now()
        local ok, problem = pcall(cosched.sleep, LONG)
        assert(not ok and cosched.is_cancelled(problem))
        assert(cosched.now() - before < 5)
        refusals = refusals + 1
      end
      return "swallowed"
    end)
    cosched.checkpoint()
    task:cancel "now"
    assert.are.equal("swallowed", task:join()) -- R7: it is "ok" then
    assert.are.equal("ok", task:result())
    assert.are.equal(5, refusals)
  end))

  it("raises one object again and again", in_task(function()
    local first, second
    local task = cosched.spawn(function()
      first = caught(cosched.sleep, LONG)
      second = caught(cosched.checkpoint)
    end)
    cosched.checkpoint()
    task:cancel "now"
    task:join()
    assert.is_true(rawequal(first, second))
    assert.are.equal("cosched.Cancelled", getmetatable(first))
    assert.are.equal("cancelled (explicit): now", tostring(first))
  end))

  it("refuses a wait without attempting it", in_task(function()
    local one, two = assert(net.socketpair())
    local a <close> = one
    local b <close> = two
    local task = cosched.spawn(function()
      caught(b.send, b, "lost")
      caught(b.recv, b)
    end)
    task:cancel "now"
    task:join()
    b:send "kept"
    assert.are.equal("kept", a:recv())
  end))

  it("does not let a task that ignores it starve the others", in_task(function()
    local steps, stop = 0, false
    local stubborn = cosched.spawn(function()
      while not stop do pcall(cosched.sleep, LONG) end
    end)
    stubborn:cancel "now"
    for _ = 1, 50 do
      cosched.checkpoint()
      steps = steps + 1
    end
    stop = true
    assert.are.equal(50, steps)
    assert.are.equal("ok", stubborn:wait())
  end))

  it("does not affect siblings nor the parent", in_task(function()
    local sibling = cosched.spawn(function()
      cosched.sleep(0.002)
      return "fine"
    end)
    local task = sleeper()
    task:cancel "alone"
    assert.are.equal("cancelled", task:wait())
    assert.are.equal("fine", sibling:join())
  end))

  it("of oneself is told at the next wait", in_task(function()
    local log = {}
    local task = cosched.spawn(function()
      assert.is_true(cosched.current():cancel "myself")
      log[#log + 1] = "goes on"
      cosched.checkpoint()
      log[#log + 1] = "not reached"
    end)
    assert.are.equal("cancelled", task:wait())
    assert.are.same({ "goes on" }, log)
  end))

  it("of the main task is raised by run", function()
    local problem = caught(cosched.run, function()
      cosched.current():cancel "all of it"
      cosched.sleep(LONG)
    end)
    assert.is_true(cosched.is_cancelled(problem))
    assert.are.equal("all of it", problem.reason)
  end)

  it("works from a finalizer", in_task(function()
    local task = sleeper()
    setmetatable({}, { __gc = function() task:cancel "collected" end })
    collectgarbage()
    collectgarbage()
    assert.are.equal("cancelled", task:wait())
    assert.are.equal("collected", select(2, task:result()).reason)
  end))

  it("may be called from outside of run, on a task that is done", function()
    local task
    cosched.run(function() task = cosched.spawn(function() end) end)
    assert.is_false(task:cancel "late")
  end)
end)

describe("a cancellation", function()
  it("that is raised where nothing is cancelled is an error", function()
    local object
    local errors = caught(cosched.run, function()
      local task = sleeper()
      task:cancel "now"
      task:wait()
      object = select(2, task:result())
      error(object, 0)
    end)
    assert.is_true(cosched.is_cancelled(object))
    assert.is_true(cosched.is_errors(errors))
    assert.matches("stray Cancelled", errors.error, 1, true)
    assert.is_string(tostring(errors))
  end)

  it("leaves no timer behind: the run ends at once", function()
    local before = cosched.now()
    cosched.run(function()
      local task = sleeper()
      task:cancel "now"
    end)
    assert.is_true(cosched.now() - before < LONG / 10)
  end)
end)
