-- Waiting for the end of a task: join, wait, wait_task, and what they refuse.
local cosched = require "cosched"
local support = require "spec.support.task"
local in_task, caught = support.in_task, support.caught

local LONG = 3600

local function later(...)
  local values = table.pack(...)
  return cosched.spawn(function()
    cosched.sleep(0.001)
    return table.unpack(values, 1, values.n)
  end)
end

describe("task:join", function()
  it("gives every joiner all the results, nil included", in_task(function()
    local task = later(1, nil, 3, nil)
    local joiners = {}
    for i = 1, 3 do joiners[i] = cosched.spawn(function() return task:join() end) end
    assert.are.same({ n = 4, 1, nil, 3, nil }, table.pack(task:join()))
    for i = 1, 3 do
      assert.are.same({ n = 4, 1, nil, 3, nil }, table.pack(joiners[i]:join()))
    end
  end))

  it("wakes the joiners in the order in which they came", in_task(function()
    local task, log = later(), {}
    for i = 1, 5 do
      cosched.spawn(function()
        task:join()
        log[#log + 1] = i
      end)
    end
    cosched.sleep(0.002)
    task:join()
    cosched.checkpoint()
    assert.are.same({ 1, 2, 3, 4, 5 }, log)
  end))

  it("answers at once, and again and again, when the task is done", in_task(function()
    local task = later "x"
    task:join()
    local other_ran = false
    cosched.spawn(function() other_ran = true end)
    for _ = 1, 3 do assert.are.equal("x", task:join()) end
    assert.is_false(other_ran)
  end))

  it("raises the errors of a task that failed, to every joiner", function()
    local object, seen = {}, 0
    cosched.run(cosched.supervisor, function(nursery)
      local task = nursery:spawn(error, object)
      local errors = caught(task.join, task)
      for _ = 1, 3 do
        local again = caught(task.join, task)
        assert(cosched.is_errors(again) and rawequal(object, again.error))
        assert(rawequal(errors.errors[1], again.errors[1]))
        assert(#again.errors == 1)
        seen = seen + 1
      end
    end)
    assert.are.equal(3, seen)
  end)

  it("raises TaskCancelled for a task that was cancelled", in_task(function()
    local task = cosched.spawn(cosched.sleep, LONG)
    cosched.checkpoint()
    task:cancel "now"
    local problem = caught(task.join, task)
    assert.is_true(cosched.is_task_cancelled(problem))
    assert.is_false(cosched.is_cancelled(problem))
    assert.is_true(rawequal(task, problem.task))
    assert.are.equal("now", problem.cancelled.reason)
    assert.are.equal(("task %d was cancelled"):format(task.tid), tostring(problem))
    assert.is_true(cosched.is_task_cancelled(caught(task.join, task)))
  end))

  it("that is left uncaught fails the joiner with TaskCancelled", function()
    local errors = caught(cosched.run, function()
      local task = cosched.spawn(cosched.sleep, LONG)
      cosched.checkpoint()
      task:cancel "now"
      task:join()
    end)
    assert.is_true(cosched.is_errors(errors))
    assert.is_true(cosched.is_task_cancelled(errors.error))
  end)

  it("by a task that is cancelled leaves the other one as it is", in_task(function()
    local task = later "fine"
    local joiner = cosched.spawn(function() return task:join() end)
    cosched.checkpoint()
    joiner:cancel "now"
    assert.are.equal("cancelled", joiner:wait())
    assert.are.equal("fine", task:join())
  end))

  it("by the middle one of three that is cancelled wakes the other two", in_task(function()
    local task, log, joiners = later "x", {}, {}
    for i = 1, 3 do
      joiners[i] = cosched.spawn(function()
        local result = task:join()
        log[#log + 1] = i .. result
      end)
    end
    cosched.checkpoint()
    joiners[2]:cancel "now"
    for i = 1, 3 do joiners[i]:wait() end
    assert.are.same({ "1x", "3x" }, log)
  end))

  for _, gone in ipairs { 1, 3 } do
    it(("by number %d of three that is killed wakes the other two"):format(gone),
      in_task(function()
        local task, log, joiners = later "x", {}, {}
        for i = 1, 3 do
          joiners[i] = cosched.spawn(function()
            local result = task:join()
            log[#log + 1] = i .. result
          end)
        end
        cosched.checkpoint()
        joiners[gone]:kill()
        for i = 1, 3 do joiners[i]:wait() end
        assert.are.equal(2, #log)
        assert.are.equal((gone == 1 and 2 or 1) .. "x", log[1])
        assert.are.equal((gone == 3 and 2 or 3) .. "x", log[2])
      end))
  end
end)

describe("a join that could never end", function()
  for _, method in ipairs { "join", "wait" } do
    it(("of a task with itself is an error at the call: %s"):format(method), in_task(function()
      local self = cosched.current()
      assert.matches("a task cannot join itself", caught(self[method], self), 1, true)
      assert.are.equal("running", self:status())
    end))

    it(("with the parent is an error at the call: %s"):format(method), in_task(function()
      local parent = cosched.current()
      cosched.spawn(function()
        assert.matches("cannot join its ancestor", caught(parent[method], parent), 1, true)
      end):join()
    end))

    it(("with a grandparent is an error at the call: %s"):format(method), in_task(function()
      local grandparent = cosched.current()
      cosched.spawn(function()
        cosched.spawn(function()
          assert.matches("cannot join its ancestor",
            caught(grandparent[method], grandparent), 1, true)
        end):join()
      end):join()
    end))

    it(("in a cycle of two is an error at the second call: %s"):format(method), in_task(function()
      local a, b, problem
      a = cosched.spawn(function() return b:wait() end)
      b = cosched.spawn(function()
        problem = caught(a[method], a)
        return "b goes on"
      end)
      assert.are.equal("ok", a:join())
      assert.are.equal("b goes on", b:join())
      assert.matches(("joining task %d would close a cycle of joins"):format(a.tid),
        problem, 1, true)
    end))
  end

  it("in a cycle of many is an error at the last call", in_task(function()
    local tasks, problem = {}, nil
    for i = 1, 20 do
      tasks[i] = cosched.spawn(function()
        if i < 20 then return tasks[i + 1]:join() end
        problem = caught(tasks[1].join, tasks[1])
        return "end"
      end)
    end
    assert.are.equal("end", tasks[1]:join())
    assert.matches("cycle", problem, 1, true)
  end))

  it("by way of a child's end is a deadlock, which names all three", function()
    -- a joins b; b waits for its child; the child joins a
    local problem = caught(cosched.run, function()
      local a, b
      a = cosched.spawn(function() return b:wait() end)
      b = cosched.spawn(function() cosched.spawn(function() return a:join() end) end)
    end)
    assert.is_true(cosched.is_deadlock(problem))
    assert.are.equal(2, select(2, problem.report:gsub("waits for the end of a task", "")))
    assert.are.equal(2, select(2, problem.report:gsub("waits for children", "")))
  end)

  it("by number is an error as well", in_task(function()
    assert.matches("a task cannot join itself",
      caught(cosched.wait_task, cosched.get_tid()), 1, true)
    assert.matches("a task cannot join itself", caught(cosched.join, cosched.get_tid()), 1, true)
  end))
end)

describe("task:wait", function()
  it("gives the outcome, whatever it is, and raises nothing", function()
    local outcomes = {}
    cosched.run(cosched.supervisor, function(nursery)
      local cancelled = nursery:spawn(cosched.sleep, LONG)
      cosched.checkpoint()
      cancelled:cancel "now"
      outcomes[1] = cancelled:wait()
      outcomes[2] = cosched.spawn(function() return "x" end):wait()
      local failed = nursery:spawn(function()
        local _ <close> = support.closing(function() outcomes[3] = "unwound" end)
        error "boom"
      end)
      outcomes[4] = failed:wait()
      outcomes[5] = failed:wait()
    end)
    assert.are.same({ "cancelled", "ok", "unwound", "error", "error" }, outcomes)
  end)
end)

describe("waiting by number", function()
  it("gives the outcome", in_task(function()
    assert.are.equal("ok", cosched.wait_task(later("x").tid))
    assert.are.equal("x", cosched.join(later("x").tid))
  end))

  it("finds no task that is done, or never was", in_task(function()
    local task = later()
    task:join()
    for _, tid in ipairs { task.tid, 0, -1, math.mininteger, math.maxinteger } do
      assert.are.same({ n = 3, nil, "no such task", "ESRCH" },
        table.pack(cosched.wait_task(tid)))
      assert.are.same({ n = 3, nil, "no such task", "ESRCH" }, table.pack(cosched.join(tid)))
    end
  end))

  it("finds no task that has failed and whose error is still on its way", function()
    local found, killed
    caught(cosched.run, function()
      local task = cosched.spawn(error, "boom")
      pcall(task.wait, task)
      found, killed = table.pack(cosched.task(task.tid)), cosched.kill_task(task.tid)
    end)
    assert.are.same({ n = 3, nil, "no such task", "ESRCH" }, found)
    assert.is_false(killed)
  end)

  it("refuses what is not a number", in_task(function()
    assert.has_error(function() cosched.wait_task() end,
      "bad argument #1 to 'wait_task' (number expected, got no value)")
    assert.has_error(function() cosched.wait_task(cosched.current()) end,
      "bad argument #1 to 'wait_task' (number expected, got cosched.Task)")
    assert.has_error(function() cosched.wait_task(0.5) end,
      "bad argument #1 to 'wait_task' (number has no integer representation)")
  end))
end)
