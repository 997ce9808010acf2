-- Deadlock: when nothing can wake the tasks that are left, run says who they are.
local cosched = require "cosched"
local net = require "cosched.net"
local support = require "spec.support.task"
local in_task, caught, closing = support.in_task, support.caught, support.closing

describe("tasks that nothing can wake", function()
  it("end the run with a report that says who waits for what, and where", function()
    local line = debug.getinfo(1, "l").currentline
    local problem = caught(cosched.run, function()
      local main = cosched.current()
      local function forever() cosched.sleep(math.huge) end -- line + 3
      local task = cosched.spawn(forever)
      cosched.spawn(function() task:join() end) -- line + 5
      assert(main.tid)
      coroutine.yield(cosched.sys.join(task)) -- line + 7
    end)
    assert.is_true(cosched.is_deadlock(problem))
    assert.are.equal("cosched.Deadlock", getmetatable(problem))
    assert.are.equal(problem.report, tostring(problem))
    local report = problem.report
    assert.matches("^deadlock: ", report)
    local function row(def, what, at)
      return ("\n  task %%d+ %%(.-report_spec.lua:%d%%) waits for %s at .-"
        .. "report_spec.lua:%d"):format(line + def, what, line + at)
    end
    assert.matches(row(1, "the end of a task", 7), report)
    assert.matches(row(3, "sleep", 3), report)
    assert.matches(row(5, "the end of a task", 5), report)
    assert.are.equal(3, #problem.tasks)
    for _, task in ipairs(problem.tasks) do
      assert.are.equal("done", task:status())
    end
  end)

  it("are cancelled, so that they can clean up", function()
    local seen
    local problem = caught(cosched.run, function()
      local _ <close> = closing(function(err) seen = err end)
      cosched.sleep(math.huge)
    end)
    assert.is_true(cosched.is_deadlock(problem))
    assert.is_true(cosched.is_cancelled(seen))
    assert.are.equal("deadlock", seen.source)
  end)

  it("are refused every further wait, in new tasks as well", function()
    local refused = 0
    local function check(...)
      assert(cosched.is_cancelled(caught(...)))
      refused = refused + 1
    end
    local problem = caught(cosched.run, function()
      local _ <close> = closing(function()
        local task = cosched.spawn(check, cosched.sleep, math.huge)
        check(task.join, task)
        check(cosched.sleep, 0)
      end)
      cosched.sleep(math.huge)
    end)
    assert.is_true(cosched.is_deadlock(problem))
    assert.are.equal(3, refused)
  end)

  it("keep what failed while they unwound", function()
    local problem = caught(cosched.run, function()
      local _ <close> = closing(function() error("while unwinding", 0) end)
      cosched.sleep(math.huge)
    end)
    assert.is_true(cosched.is_deadlock(problem))
    assert.are.equal("while unwinding", cosched.cause(problem.errors))
  end)

  it("raise the report even if they fail while they unwind", function()
    local problem = caught(cosched.run, function()
      local _ <close> = closing(function() error "boom" end)
      cosched.sleep(math.huge)
    end)
    assert.is_true(cosched.is_deadlock(problem))
    assert.is_true(cosched.run(function() return true end))
  end)

  it("are reported although the main task has returned", function()
    local problem = caught(cosched.run, function()
      cosched.spawn(cosched.sleep, math.huge)
      return "results"
    end)
    assert.is_true(cosched.is_deadlock(problem))
    assert.matches("waits for children", problem.report, 1, true)
  end)

  it("are reported in a short text, however many they are", function()
    local problem = caught(cosched.run, function()
      for _ = 1, 2000 do cosched.spawn(cosched.sleep, math.huge) end
    end)
    assert.is_true(cosched.is_deadlock(problem))
    assert.are.equal(2001, #problem.tasks)
    assert.is_true(#problem.report < 20000)
    assert.matches("and 1951 more", problem.report, 1, true)
  end)

  it("are not taken for dead while a timer or a descriptor can wake one", in_task(function()
    local one, two = assert(net.socketpair())
    local a <close> = one
    local b <close> = two
    local waiter = cosched.spawn(function()
      a:recv()
      return "fine"
    end)
    local joiner = cosched.spawn(function() return waiter:join() end)
    cosched.sleep(0.005)
    b:send "x"
    assert.are.equal("fine", joiner:join())
  end))

  it("are found at once when the last descriptor is closed", in_task(function()
    local one, two = assert(net.socketpair())
    local waiter = cosched.spawn(one.recv, one)
    cosched.checkpoint()
    one:close()
    two:close()
    assert.are.same({ n = 3, nil, "closed", "ECLOSED" }, table.pack(waiter:join()))
  end))
end)
