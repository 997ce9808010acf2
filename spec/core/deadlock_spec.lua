-- Deadlock, in virtual time: reported, unwound, and forced the second time.
local cosched = require "cosched"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"
local support = require "spec.support.task"
local time = require "spec.support.virtual"
local caught, closing, noting = support.caught, support.closing, time.noting

local LONG = 3600

local function deadlock(fn, options)
  local problem = caught(time.run, fn, options)
  if not cosched.is_deadlock(problem) then error(problem, 0) end
  return problem
end

describe("a deadlock", function()
  it("is raised by run, with a report that names each task, its wait and its place", function()
    local tids = {}
    local problem = deadlock(function()
      tids[1] = cosched.get_tid()
      local child = cosched.spawn(function()
        tids[2] = cosched.get_tid()
        cosched.forever()
      end)
      child:join()
    end)
    for _, tid in ipairs(tids) do
      assert.matches(("task %d (spec/core/deadlock_spec.lua"):format(tid), problem.report, 1, true)
    end
    assert.matches("deadlock_spec.lua:%d+", problem.report)
    assert.matches("waits for ever", problem.report, 1, true)
    assert.matches("waits for the end of a task", problem.report, 1, true)
    assert.are.equal(problem.report, tostring(problem))
  end)

  it("lists all tasks that are left", function()
    local tasks = {}
    local problem = deadlock(function()
      tasks[1] = cosched.current()
      for i = 2, 4 do tasks[i] = cosched.spawn(cosched.forever) end
      cosched.forever()
    end)
    assert.are.equal(4, #problem.tasks)
    for _, task in ipairs(tasks) do
      local found = false
      for _, each in ipairs(problem.tasks) do found = found or rawequal(each, task) end
      assert.is_true(found)
    end
  end)

  it("lets the cleanup run, with its cancellation", function()
    local log = {}
    deadlock(function()
      cosched.spawn(function()
        local _ <close> = noting(log, "child")
        cosched.forever()
      end)
      local _ <close> = noting(log, "main")
      cosched.forever()
    end)
    assert.are.same({ "child: deadlock", "main: deadlock" }, log)
  end)

  it("lets the cleanup wait in a shield", function()
    local ended
    deadlock(function()
      local _ <close> = closing(function()
        cosched.shield(LONG, cosched.sleep, 3)
        ended = cosched.now()
      end)
      cosched.forever()
    end)
    assert.are.equal(3, ended)
  end)

  it("is raised although the task swallows it and returns", function()
    local problem = deadlock(function()
      pcall(cosched.forever)
      return "results"
    end)
    assert.are.equal(1, #problem.tasks)
  end)

  it("that comes again is ended by force, the newest first", function()
    local log = {}
    deadlock(function()
      for i = 1, 3 do
        cosched.spawn(function()
          local _ <close> = noting(log, i)
          cosched.shield(math.huge, cosched.forever)
        end)
      end
      local _ <close> = noting(log, "main")
      cosched.shield(math.huge, cosched.forever)
    end)
    assert.are.same({ "3: nil", "2: nil", "1: nil", "main: nil" }, log)
  end)

  it("of tasks that nothing can interrupt is ended by force at once", function()
    local problem = deadlock(function()
      cosched.spawn(cosched.shield, math.huge, cosched.forever):join()
    end)
    assert.are.equal(2, #problem.tasks)
  end)

  it("carries the errors of the cleanup", function()
    local problem = deadlock(function()
      local _ <close> = closing(function() error("cleanup", 0) end)
      cosched.forever()
    end)
    assert.is_true(cosched.is_errors(problem.errors))
    assert.are.equal("cleanup", problem.errors.error)
  end)

  it("without such errors has none", function()
    assert.is_nil(deadlock(cosched.forever).errors)
  end)

  it("is found in scopes and nurseries, which pass it on", function()
    local went_on = false
    deadlock(function()
      cosched.move_on(math.huge, cosched.nursery, function(n)
        n:spawn(cosched.forever)
        n:daemon(cosched.forever)
      end)
      went_on = true
    end)
    assert.is_false(went_on)
  end)

  it("is none as long as a deadline can wake somebody", function()
    time.run(function()
      assert.is_false((cosched.move_on(LONG, cosched.forever)))
      local scope = cosched.scope()
      scope.deadline = 2 * LONG
      scope:run(cosched.forever)
      assert.are.equal(2 * LONG, cosched.now())
    end)
  end)

  it("is found when the last thing outside has ended", function()
    local read
    deadlock(function()
      local a, b, _ <close> = sockets.pair()
      cosched.spawn(function() b:send "x" end)
      read = a:recv()
      cosched.forever()
    end)
    assert.are.equal("x", read)
  end)

  it("shows fifty tasks and counts the others", function()
    local problem = deadlock(function()
      for _ = 1, 99 do cosched.spawn(cosched.forever) end
      cosched.forever()
    end)
    assert.are.equal(100, #problem.tasks)
    assert.matches("and 50 more", problem.report, 1, true)
  end)

  it("leaves a runtime that runs again", function()
    deadlock(cosched.forever)
    assert.are.equal("fine", time.run(function()
      cosched.sleep(1)
      return "fine"
    end))
    deadlock(cosched.forever)
  end)

  it("is found on the real clock, too", function()
    assert.is_true(cosched.is_deadlock(caught(cosched.run, cosched.forever)))
  end)

  it("is found whatever the order", function()
    for seed = 1, 20 do
      deadlock(function()
        for _ = 1, 5 do cosched.spawn(cosched.forever) end
        cosched.forever()
      end, { seed = seed, shuffle = true })
    end
  end)
end)

describe("a token of cosched.external", function()
  local function outside() return cosched.stats().waiting_outside end

  it("counts until it is released, once", function()
    local token = cosched.external()
    assert.are.equal(1, outside())
    assert.is_true(token:release())
    assert.is_false(token:release())
    assert.are.equal(0, outside())
  end)

  it("is released at the end of its block, and when it is collected", function()
    do
      local _ <close> = cosched.external()
      assert.are.equal(1, outside())
    end
    assert.are.equal(0, outside())
    cosched.external()
    collectgarbage()
    collectgarbage()
    assert.are.equal(0, outside())
  end)

  it("keeps tasks that all wait from being deadlocked: they wait for a signal", function()
    local script <close> = process.file [[
      io.stdout:setvbuf "no"
      local cosched = require "cosched"
      local token <close> = cosched.external()
      cosched.spawn(function() print "ready" end) -- then nothing can wake anybody
      local _, problem = pcall(cosched.forever)
      print(problem.source)
    ]]
    local program <close> = process.start(process.cosched(script.path))
    assert.are.equal("ready", program:line())
    program:signal "TERM"
    local _, out = program:finish()
    assert.are.equal("signal\n", out)
  end)

  it("that was released lets a deadlock be found", function()
    deadlock(function()
      local token <close> = cosched.external()
      token:release()
      cosched.forever()
    end)
  end)

  it("is a token and nothing else", function()
    local token <close> = cosched.external()
    assert.has_error(function() token.release(5) end)
    assert.has_error(function() token.release(cosched.scope()) end)
  end)
end)
