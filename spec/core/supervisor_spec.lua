-- Supervisors in virtual time: a child that fails cancels nobody.
local cosched = require "cosched"
local support = require "spec.support.task"
local time = require "spec.support.virtual"
local caught, closing, virtual = support.caught, support.closing, time.virtual

local LONG = 3600

local function fail_after(seconds, problem)
  return function()
    cosched.sleep(seconds)
    error(problem, 0)
  end
end

describe("a supervisor", function()
  it("returns the results of its body when all goes well", virtual(function()
    assert.are.same({ n = 2, nil, "x" }, table.pack(cosched.supervisor(function(n)
      n:spawn(cosched.sleep, 1)
      return nil, "x"
    end)))
  end))

  it("lets siblings and body finish, then raises what nobody has observed", virtual(function()
    local log, note = time.log()
    local problem = caught(cosched.supervisor, function(n)
      n:spawn(fail_after(1, "boom"))
      n:spawn(function()
        cosched.sleep(3)
        note "sibling"
      end)
      cosched.sleep(2)
      note "body"
    end)
    assert.are.same({ "body", "sibling" }, log)
    assert.are.equal(1, #problem.errors)
    assert.are.equal("boom", problem.error)
    assert.are.equal(3, cosched.now())
  end))

  it("raises all unobserved errors in the order in which they happened", virtual(function()
    local problem = caught(cosched.supervisor, function(n)
      for _, delay in ipairs { 3, 1, 2 } do n:spawn(fail_after(delay, delay)) end
    end)
    local order = {}
    for i, leaf in ipairs(problem.errors) do order[i] = leaf.error end
    assert.are.same({ 1, 2, 3 }, order)
  end))

  it("takes a wait before the failure for observing it", virtual(function()
    assert.are.equal("error", cosched.supervisor(function(n)
      return n:spawn(fail_after(1, "boom")):wait()
    end))
  end))

  it("takes a wait after the failure for observing it", virtual(function()
    assert.are.equal("error", cosched.supervisor(function(n)
      local child = n:spawn(fail_after(1, "boom"))
      cosched.sleep(2)
      return child:wait()
    end))
  end))

  it("takes a join before the failure for observing it, which raises there", virtual(function()
    local problem = cosched.supervisor(function(n)
      local child = n:spawn(fail_after(1, "boom"))
      return caught(child.join, child)
    end)
    assert.is_true(cosched.is_errors(problem))
    assert.are.equal("boom", problem.error)
  end))

  it("takes a join after the failure for observing it", virtual(function()
    local problem = cosched.supervisor(function(n)
      local child = n:spawn(fail_after(1, "boom"))
      cosched.sleep(2)
      return caught(child.join, child)
    end)
    assert.are.equal("boom", problem.error)
  end))

  it("takes a join from outside of it for observing, too", virtual(function()
    local child
    local observer = cosched.spawn(function()
      cosched.checkpoint()
      return child:wait()
    end)
    cosched.supervisor(function(n) child = n:spawn(fail_after(1, "boom")) end)
    assert.are.equal("error", observer:join())
  end))

  it("raises an error once that was joined and let go", virtual(function()
    local problem = caught(cosched.supervisor, function(n)
      n:spawn(fail_after(1, "boom")):join()
    end)
    assert.are.equal(1, #problem.errors)
    assert.are.equal("boom", problem.error)
  end))

  it("does not take a look at the result for observing", virtual(function()
    local problem = caught(cosched.supervisor, function(n)
      local child = n:spawn(fail_after(1, "boom"))
      cosched.sleep(2)
      assert.are.equal("error", (child:result()))
    end)
    assert.are.equal("boom", problem.error)
  end))

  it("does not take a joiner that gave up for observing", virtual(function()
    local problem = caught(cosched.supervisor, function(n)
      local child = n:spawn(fail_after(5, "boom"))
      cosched.move_on(1, child.wait, child)
    end)
    assert.are.equal("boom", problem.error)
  end))

  it("is cancelled by an error of its body", virtual(function()
    local log = {}
    local problem = caught(cosched.supervisor, function(n)
      n:spawn(function()
        local _ <close> = time.noting(log, "child")
        cosched.sleep(LONG)
      end)
      cosched.sleep(1)
      error("body", 0)
    end)
    assert.are.same({ "child: nursery" }, log)
    assert.are.equal("body", problem.error)
  end))

  it("keeps a child's own children together: they fail as one", virtual(function()
    local log = {}
    local problem = caught(cosched.supervisor, function(n)
      n:spawn(function()
        cosched.spawn(fail_after(1, "grandchild"))
        local _ <close> = time.noting(log, "child")
        cosched.sleep(LONG)
      end)
      cosched.sleep(2)
    end)
    assert.are.same({ "child: nursery" }, log)
    assert.are.equal(1, #problem.errors)
    assert.are.equal("grandchild", problem.error)
  end))

  it("can be cancelled, and absorbs that as a nursery does", virtual(function()
    cosched.supervisor(function(n)
      n:spawn(cosched.sleep, LONG)
      cosched.sleep(1)
      n:cancel()
      cosched.sleep(LONG)
    end)
    assert.are.equal(1, cosched.now())
  end))

  it("joins its children also when the outer scope is cancelled, and raises their errors",
    virtual(function()
      local problem = caught(cosched.move_on, 1, cosched.supervisor, function(n)
        n:spawn(function()
          local _ <close> = closing(function() error("cleanup", 0) end)
          cosched.sleep(LONG)
        end)
      end)
      assert.are.equal("cleanup", problem.error)
    end))

  it("outlives 1000 failing children", virtual(function()
    local observed = 0
    cosched.supervisor({ on_error = function() observed = observed + 1 end }, function(n)
      for i = 1, 1000 do n:spawn(fail_after(i % 7, i)) end
    end)
    assert.are.equal(1000, observed)
  end))

  it("refuses options that it does not know", virtual(function()
    assert.has_error(function() cosched.supervisor({ onerror = print }, print) end)
    assert.has_error(function() cosched.supervisor({ on_error = 5 }, print) end)
    assert.has_error(function() cosched.supervisor {} end)
  end))
end)

describe("on_error", function()
  it("hears of each error at once, with the task; nothing is raised at the end",
    virtual(function()
      local log, children = {}, {}
      local function on_error(errors, task)
        log[#log + 1] = { errors.error, #errors.errors, rawequal(task, children[errors.error]),
          cosched.now() }
      end
      cosched.supervisor({ on_error = on_error }, function(n)
        children.late = n:spawn(fail_after(2, "late"))
        children.soon = n:spawn(fail_after(1, "soon"))
      end)
      assert.are.same({ { "soon", 1, true, 1 }, { "late", 1, true, 2 } }, log)
    end))

  it("may wait, also when the child was cancelled as it failed", virtual(function()
    local done
    cosched.supervisor({ on_error = function()
      cosched.sleep(3)
      done = cosched.now()
    end }, function(n)
      local child = n:spawn(function()
        local _ <close> = closing(function() error("cleanup", 0) end)
        cosched.sleep(LONG)
      end)
      cosched.sleep(1)
      child:cancel()
    end)
    assert.are.equal(4, done)
  end))

  it("may spawn, and what it spawns is waited for", virtual(function()
    local function on_error() cosched.spawn(cosched.sleep, 5) end
    cosched.supervisor({ on_error = on_error }, function(n) n:spawn(fail_after(1, "boom")) end)
    assert.are.equal(6, cosched.now())
  end))

  it("may restart the child in the same supervisor", virtual(function()
    local tries = 0
    local supervisor
    local function flaky()
      tries = tries + 1
      cosched.sleep(1)
      if tries < 5 then error "again" end
    end
    cosched.supervisor({ on_error = function() supervisor:spawn(flaky) end }, function(n)
      supervisor = n
      n:spawn(flaky)
    end)
    assert.are.equal(5, tries)
    assert.are.equal(5, cosched.now())
  end))

  it("that raises leaves the error to the supervisor's end", virtual(function()
    local function on_error() error("in the report", 0) end
    local problem = caught(cosched.supervisor, { on_error = on_error }, function(n)
      n:spawn(fail_after(1, "boom"))
    end)
    assert.are.equal("boom", problem.error)
  end))

  it("does not keep joiners from the error", virtual(function()
    cosched.supervisor({ on_error = function() end }, function(n)
      local child = n:spawn(fail_after(1, "boom"))
      assert.are.equal("boom", cosched.cause(caught(child.join, child)))
      assert.are.equal("error", child:wait())
    end)
  end))

  it("is not called for tasks that were cancelled or killed, or did well", virtual(function()
    local calls = 0
    cosched.supervisor({ on_error = function() calls = calls + 1 end }, function(n)
      local one, two = n:spawn(cosched.sleep, LONG), n:spawn(cosched.sleep, LONG)
      n:spawn(cosched.sleep, 2)
      cosched.sleep(1)
      one:cancel()
      two:kill()
    end)
    assert.are.equal(0, calls)
  end))

  it("does not see the error of the body", virtual(function()
    local calls = 0
    local problem = caught(cosched.supervisor, { on_error = function() calls = calls + 1 end },
      function() error("body", 0) end)
    assert.are.equal("body", problem.error)
    assert.are.equal(0, calls)
  end))
end)
