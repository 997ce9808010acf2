-- Kill in virtual time: of tasks inside scopes and nurseries, and what they leave.
local cosched = require "cosched"
local support = require "spec.support.task"
local time = require "spec.support.virtual"
local caught, closing, virtual, noting = support.caught, support.closing, time.virtual, time.noting

local LONG = 3600

local function sleep_noting(log, name)
  local _ <close> = noting(log, name)
  cosched.sleep(LONG)
end

-- Runs fn in a task, which is killed after a second; returns its outcome.
local function killed(fn)
  local task = cosched.spawn(fn)
  cosched.sleep(1)
  assert.is_true(task:kill())
  return task:wait()
end

describe("the kill of a task", function()
  it("inside scopes leaves them all, and their deadlines", virtual(function()
    local log, scopes = {}, {}
    local function nest(depth)
      if depth == 0 then return sleep_noting(log, "innermost") end
      scopes[depth] = cosched.scope { timeout = 10 }
      local _ <close> = noting(log, depth)
      scopes[depth]:run(nest, depth - 1)
    end
    assert.are.equal("cancelled", killed(function() nest(3) end))
    assert.are.same({ "innermost: nil", "1: nil", "2: nil", "3: nil" }, log)
    for _, scope in ipairs(scopes) do
      assert.are.equal("cosched.Scope: over", tostring(scope))
      assert.is_false(scope:cancel())
    end
    assert.are.equal(0, cosched.stats().timers)
  end))

  it("inside a nursery cancels the children, which run on with the root", virtual(function()
    local log, child = {}, nil
    local function body(n)
      child = n:spawn(function()
        local _ <close> = closing(function(err)
          log[#log + 1] = err.source
          cosched.shield(10, cosched.sleep, 2)
          log[#log + 1] = cosched.now()
        end)
        cosched.sleep(LONG)
      end)
      sleep_noting(log, "body")
    end
    assert.are.equal("cancelled", killed(function() cosched.nursery(body) end))
    assert.are.equal("cancelled", child:wait())
    assert.are.same({ "body: nil", "kill", 3 }, log)
  end))

  it("is not the end of run before the children have ended", function()
    local ended
    time.run(function()
      killed(function()
        cosched.spawn(function()
          pcall(cosched.sleep, LONG)
          cosched.shield(LONG, cosched.sleep, 10)
          ended = cosched.now()
        end)
        cosched.sleep(LONG)
      end)
    end)
    assert.are.equal(11, ended)
  end)

  it("that waits for its children cancels them", virtual(function()
    local log = {}
    assert.are.equal("cancelled", killed(function()
      cosched.spawn(sleep_noting, log, "child")
      return "never seen"
    end))
    cosched.checkpoint()
    assert.are.same({ "child: kill" }, log)
  end))

  it("that waits for the children of a nursery cancels them, daemons included", virtual(function()
    local log = {}
    killed(function()
      cosched.supervisor(function(n)
        n:daemon(sleep_noting, log, "daemon")
        n:spawn(sleep_noting, log, "child")
      end)
    end)
    cosched.checkpoint()
    table.sort(log)
    assert.are.same({ "child: kill", "daemon: kill" }, log)
  end))

  it("inside a shield is not hindered by it", virtual(function()
    local log = {}
    assert.are.equal("cancelled", killed(function()
      cosched.shield(LONG, cosched.nursery, function(n)
        n:spawn(sleep_noting, log, "child")
        sleep_noting(log, "body")
      end)
    end))
    cosched.checkpoint()
    assert.are.same({ "body: nil", "child: kill" }, log)
    assert.are.equal(1, cosched.now())
  end))

  it("cancels what a shield of a child's hides, no more than any cancellation", virtual(function()
    local ended
    killed(function()
      cosched.spawn(cosched.shield, LONG, function()
        cosched.sleep(5)
        ended = cosched.now()
      end)
      cosched.sleep(LONG)
    end)
    cosched.sleep(10)
    assert.are.equal(5, ended)
  end))

  it("in its cleanup, while that waits, ends that too", virtual(function()
    local log = {}
    local task = cosched.spawn(function()
      local _ <close> = noting(log, "outer")
      local _ <close> = closing(function()
        local _ <close> = noting(log, "inner")
        cosched.shield(LONG, cosched.sleep, LONG)
        log[#log + 1] = "not reached"
      end)
      cosched.sleep(LONG)
    end)
    cosched.sleep(1)
    task:cancel()
    cosched.sleep(1)
    task:kill()
    assert.are.equal("cancelled", task:wait())
    assert.are.equal("inner: nil", log[1])
    assert.matches("^outer", log[2])
    assert.are.equal(2, #log)
  end))

  it("refuses scopes, nurseries and shields in a <close>", virtual(function()
    local problems = {}
    assert.are.equal("cancelled", killed(function()
      local _ <close> = closing(function()
        for i, call in ipairs { cosched.nursery, cosched.supervisor } do
          problems[i] = caught(call, print)
        end
        for _, call in ipairs { cosched.timeout, cosched.move_on, cosched.shield } do
          problems[#problems + 1] = caught(call, 1, print)
        end
        local scope = cosched.scope()
        problems[#problems + 1] = caught(scope.run, scope, print)
      end)
      cosched.sleep(LONG)
    end))
    assert.are.equal(6, #problems)
    for _, problem in ipairs(problems) do assert.matches("killed", problem, 1, true) end
  end))

  it("lets a <close> spawn, cancel and kill; what is spawned is cancelled", virtual(function()
    local log, late = {}, nil
    local one = cosched.spawn(sleep_noting, log, "one")
    local two = cosched.spawn(sleep_noting, log, "two")
    killed(function()
      local _ <close> = closing(function()
        late = cosched.spawn(sleep_noting, log, "late")
        one:cancel()
        two:kill()
      end)
      cosched.sleep(LONG)
    end)
    late:wait()
    one:wait()
    table.sort(log)
    assert.are.same({ "late: kill", "one: explicit", "two: nil" }, log)
  end))

  it("is an error when a <close> raises, told to the nursery as any other", virtual(function()
    local log = {}
    local problem = caught(cosched.nursery, function(n)
      n:spawn(sleep_noting, log, "sibling")
      local victim = n:spawn(function()
        local _ <close> = closing(function() error("in close", 0) end)
        cosched.sleep(LONG)
      end)
      cosched.sleep(1)
      victim:kill()
      cosched.sleep(LONG)
    end)
    assert.are.equal("in close", problem.error)
    assert.are.same({ "sibling: nursery" }, log)
  end))

  it("leaves errors that its children had before to run", function()
    local problem = caught(time.run, function()
      killed(function()
        cosched.supervisor(function(n)
          n:spawn(error, "unobserved")
          cosched.sleep(LONG)
        end)
      end)
    end)
    assert.are.equal("unobserved", problem.error)
  end)

  it("makes joiners raise TaskCancelled, which counts as an error of theirs", virtual(function()
    local target = cosched.spawn(cosched.sleep, LONG)
    local problem
    cosched.supervisor(function(n)
      local joiner = n:spawn(target.join, target)
      cosched.sleep(1)
      target:kill()
      problem = cosched.cause(caught(joiner.join, joiner))
    end)
    assert.is_true(cosched.is_task_cancelled(problem))
    assert.is_true(rawequal(target, problem.task))
  end))

  it("twice, and of a done one, is false", virtual(function()
    local task = cosched.spawn(cosched.sleep, LONG)
    cosched.checkpoint()
    assert.is_true(task:kill())
    assert.is_false(task:kill())
    task:wait()
    assert.is_false(task:kill())
    assert.is_false(task:cancel())
  end))

  it("that is cancelled, ready to be told, is a kill", virtual(function()
    local log = {}
    local task = cosched.spawn(function()
      pcall(sleep_noting, log, "closed")
      log[#log + 1] = "not reached"
    end)
    cosched.checkpoint()
    task:cancel()
    task:kill()
    task:wait()
    assert.are.same({ "closed: nil" }, log)
  end))

  it("of a nursery's owner and its children in one go works in any order", virtual(function()
    local orders = { { 1, 2, 3 }, { 1, 3, 2 }, { 2, 1, 3 }, { 2, 3, 1 }, { 3, 1, 2 }, { 3, 2, 1 } }
    for _, order in ipairs(orders) do
      local log, tasks = {}, {}
      tasks[1] = cosched.spawn(cosched.nursery, function(n)
        tasks[2] = n:spawn(function()
          tasks[3] = cosched.spawn(sleep_noting, log, "grandchild")
          sleep_noting(log, "child")
        end)
        sleep_noting(log, "owner")
      end)
      cosched.sleep(1)
      for _, i in ipairs(order) do assert.is_true(tasks[i]:kill()) end
      for _, task in ipairs(tasks) do assert.are.equal("cancelled", task:wait()) end
      assert.are.same({ "grandchild: nil", "child: nil", "owner: nil" }, log)
    end
  end))

  it("that starts another leaves the nursery of that alone: the other ends", virtual(function()
    local started
    assert.are.equal("fine", cosched.nursery(function(n)
      local starter = cosched.spawn(n.start, n, function()
        started = cosched.current()
        pcall(cosched.sleep, LONG) -- swallows that its starter is gone
        cosched.started()
        cosched.sleep(5)
      end)
      cosched.sleep(1)
      starter:kill()
      assert.are.equal("cancelled", started:wait())
      return "fine"
    end))
    assert.are.equal(1, cosched.now())
  end))

  it("that starts another in a nursery of its own is no error of that one", function()
    local started
    time.run(function()
      local starter = cosched.spawn(cosched.nursery, function(n)
        n:start(function()
          started = cosched.current()
          pcall(cosched.sleep, LONG)
          cosched.started()
        end)
      end)
      cosched.sleep(1)
      starter:kill()
    end)
    assert.are.equal("ok", (started:result()))
  end)
end)
