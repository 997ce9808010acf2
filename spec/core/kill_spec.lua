-- Kill: the last resort. The task does not notice, its `<close>` variables run.
local cosched = require "cosched"
local net = require "cosched.net"
local support = require "spec.support.task"
local in_task, caught, closing = support.in_task, support.caught, support.closing

local LONG = 3600

local function wait_long() cosched.sleep(LONG) end

describe("task:kill", function()
  it("ends the task with the outcome cancelled", in_task(function()
    local task = cosched.spawn(wait_long)
    cosched.checkpoint()
    assert.is_true(task:kill())
    assert.are.equal("cancelled", task:wait())
    local status, reason = task:result()
    assert.are.equal("cancelled", status)
    assert.are.equal("kill", reason.source)
  end))

  it("is raised to joiners as TaskCancelled", in_task(function()
    local task = cosched.spawn(wait_long)
    local problem
    local joiner = cosched.spawn(function() problem = caught(task.join, task) end)
    cosched.checkpoint()
    task:kill()
    joiner:join()
    assert.is_true(cosched.is_task_cancelled(problem))
    assert.are.equal(("task %d was killed"):format(task.tid), tostring(problem))
  end))

  it("is false for a task that is done, or that was killed already", in_task(function()
    local task = cosched.spawn(wait_long)
    cosched.checkpoint()
    assert.is_true(task:kill())
    assert.is_false(task:kill())
    task:wait()
    assert.is_false(task:kill())
    assert.is_false(task:cancel "late")
  end))

  it("enters no pcall, and runs <close> variables, the innermost first", in_task(function()
    local log = {}
    local task = cosched.spawn(function()
      local _ <close> = closing(function(err) log[#log + 1] = "outer " .. tostring(err) end)
      pcall(function()
        local _ <close> = closing(function(err) log[#log + 1] = "inner " .. tostring(err) end)
        cosched.sleep(LONG)
      end)
      log[#log + 1] = "the pcall was entered"
    end)
    cosched.checkpoint()
    task:kill()
    task:wait()
    assert.are.same({ "inner nil", "outer nil" }, log)
  end))

  it("refuses waits in a <close>, which goes on with the error", in_task(function()
    local ok, problem
    local task = cosched.spawn(function()
      local _ <close> = closing(function() ok, problem = pcall(cosched.sleep, LONG) end)
      cosched.sleep(LONG)
    end)
    cosched.checkpoint()
    task:kill()
    assert.are.equal("cancelled", task:wait())
    assert.is_false(ok)
    assert.matches("sleep", problem, 1, true)
    assert.matches("killed", problem, 1, true)
  end))

  it("lets a <close> send and close, as far as that needs no wait", in_task(function()
    local one, two = assert(net.socketpair())
    local reader <close> = one
    local task = cosched.spawn(function()
      local _ <close> = two
      cosched.sleep(LONG)
    end)
    cosched.checkpoint()
    task:kill()
    task:wait()
    assert.are.same({ n = 3, nil, "end of file", "EOF" }, table.pack(reader:recv()))
  end))

  it("makes it an error when a <close> raises", function()
    local object = {}
    local errors = caught(cosched.run, function()
      local task = cosched.spawn(function()
        local _ <close> = closing(function() error(object) end)
        cosched.sleep(LONG)
      end)
      cosched.checkpoint()
      task:kill()
      assert(task:wait() == "error")
    end)
    assert.is_true(rawequal(object, errors.error))
    assert.are.equal(1, #errors.errors)
  end)

  it("ends a task that never ran, which then never does", in_task(function()
    local ran = false
    local task = cosched.spawn(function() ran = true end)
    assert.is_true(task:kill())
    assert.are.equal("cancelled", task:wait())
    assert.is_false(ran)
  end))

  it("ends a task that is ready after a wait", in_task(function()
    local log = {}
    local task = cosched.spawn(function()
      cosched.checkpoint()
      log[#log + 1] = "not reached"
    end)
    cosched.checkpoint()
    assert.are.equal("ready", task:status())
    task:kill()
    task:wait()
    assert.are.same({}, log)
  end))

  it("ends a task that ignores its cancellation", in_task(function()
    local task = cosched.spawn(function()
      while true do pcall(cosched.sleep, LONG) end
    end)
    task:cancel "please"
    cosched.sleep(0.001)
    assert.is_true(task:kill())
    assert.are.equal("cancelled", task:wait())
  end))

  it("happens between two steps, the newest first", in_task(function()
    local log, tasks = {}, {}
    for i = 1, 4 do
      tasks[i] = cosched.spawn(function()
        local _ <close> = closing(function() log[#log + 1] = i end)
        cosched.sleep(LONG)
      end)
    end
    cosched.checkpoint()
    for _, i in ipairs { 2, 4, 1, 3 } do tasks[i]:kill() end
    assert.are.same({}, log)
    cosched.checkpoint()
    assert.are.same({ 4, 3, 2, 1 }, log)
  end))

  it("in a <close> of a killed task is queued, never nested", in_task(function()
    -- a chain in which each victim kills the next: deep recursion would crash
    local COUNT, ended, tasks = 30000, 0, {}
    for i = 1, COUNT do
      tasks[i] = cosched.spawn(function()
        local _ <close> = closing(function()
          ended = ended + 1
          if tasks[i + 1] then tasks[i + 1]:kill() end
        end)
        cosched.sleep(LONG)
      end)
    end
    cosched.checkpoint()
    tasks[1]:kill()
    tasks[COUNT]:wait()
    assert.are.equal(COUNT, ended)
  end))

  it("of oneself never returns", in_task(function()
    local log = {}
    local task = cosched.spawn(function()
      local _ <close> = closing(function() log[#log + 1] = "closed" end)
      pcall(function() cosched.current():kill() end)
      log[#log + 1] = "not reached"
    end)
    assert.are.equal("cancelled", task:wait())
    assert.are.same({ "closed" }, log)
  end))

  it("of oneself where Lua cannot suspend is an error that changes nothing", in_task(function()
    local problem
    local task = cosched.spawn(function()
      table.sort({ 1, 2, 3 }, function(a, b)
        problem = problem or caught(function() cosched.current():kill() end)
        return a < b
      end)
      cosched.checkpoint()
      return "alive"
    end)
    assert.are.equal("alive", task:join())
    assert.matches("a task can kill itself only where it can wait", problem, 1, true)
  end))

  it("of oneself in a coroutine is an error that changes nothing", in_task(function()
    local task = cosched.spawn(function()
      local self, ok = cosched.current(), nil
      coroutine.wrap(function() ok = pcall(self.kill, self) end)()
      cosched.checkpoint()
      return ok
    end)
    assert.is_false(task:join())
  end))

  it("of the main task ends the run", function()
    local problem = caught(cosched.run, function()
      cosched.current():kill()
    end)
    assert.is_true(cosched.is_cancelled(problem))
    assert.are.equal("kill", problem.source)
  end)

  it("works from a finalizer, and while a collection runs", in_task(function()
    local task = cosched.spawn(wait_long)
    cosched.checkpoint()
    setmetatable({}, { __gc = function() task:kill() end })
    collectgarbage()
    collectgarbage()
    assert.are.equal("cancelled", task:wait())
  end))
end)

describe("the children of a killed task", function()
  it("are cancelled and waited for by run", function()
    local log = {}
    cosched.run(function()
      local parent = cosched.spawn(function()
        cosched.spawn(function()
          local _ <close> = closing(function(err)
            log[#log + 1] = cosched.is_cancelled(err) and err.source
          end)
          cosched.sleep(LONG)
        end)
        cosched.sleep(LONG)
      end)
      cosched.sleep(0.001)
      parent:kill()
      parent:wait()
      log[#log + 1] = "parent is gone"
    end)
    table.sort(log)
    assert.are.same({ "kill", "parent is gone" }, log)
  end)

  it("report an error to run", function()
    local errors = caught(cosched.run, function()
      local parent = cosched.spawn(function()
        cosched.spawn(function()
          local _ <close> = closing(function() error("from the child", 0) end)
          cosched.sleep(LONG)
        end)
        cosched.sleep(LONG)
      end)
      cosched.sleep(0.001)
      parent:kill()
      parent:wait()
    end)
    assert.are.equal("from the child", errors.error)
  end)

  it("may be killed in their turn, and so may a parent that only waits for them",
    in_task(function()
      local child
      local parent = cosched.spawn(function()
        child = cosched.spawn(function()
          while true do pcall(cosched.sleep, LONG) end
        end)
      end)
      cosched.sleep(0.001)
      parent:kill()
      assert.are.equal("cancelled", parent:wait())
      child:kill()
      assert.are.equal("cancelled", child:wait())
    end))
end)

describe("kill_task", function()
  it("is true for a task, false for none", in_task(function()
    local tid = cosched.new_task(wait_long)
    cosched.checkpoint()
    assert.is_true(cosched.kill_task(tid))
    cosched.checkpoint()
    assert.is_false(cosched.kill_task(tid))
    assert.is_false(cosched.kill_task(0))
    assert.is_false(cosched.kill_task(math.maxinteger))
  end))

  it("refuses what is not a number", in_task(function()
    assert.has_error(function() cosched.kill_task "x" end,
      "bad argument #1 to 'kill_task' (number expected, got string)")
  end))
end)
