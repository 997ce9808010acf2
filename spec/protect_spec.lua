-- cosched.pcall and xpcall: they catch errors, but not their task's cancellation.
local cosched = require "cosched"
local support = require "spec.support.task"
local time = require "spec.support.virtual"
local caught, virtual = support.caught, time.virtual

-- What both have in common; `protected` is called as pcall is.
local function both(what, protected)
  describe(what, function()
    it("gives true and all results, nil included", virtual(function()
      assert.same({ n = 5, true, 1, nil, 3, nil },
        table.pack(protected(function(...) return ... end, 1, nil, 3, nil)))
    end))

    it("gives false and the error, whatever it is", virtual(function()
      local object = {}
      for _, problem in ipairs { "text", 7, false, object } do
        local ok, got = protected(error, problem, 0)
        assert.is_false(ok)
        assert.is_true(rawequal(problem, got))
      end
      assert.same({ n = 2, false, nil }, table.pack(protected(error, nil)))
    end))

    it("lets the function wait", virtual(function()
      assert.is_true(protected(cosched.sleep, 3))
      assert.equal(3, cosched.now())
    end))

    it("in a loop under a deadline is left at the first delivery", virtual(function()
      local rounds = 0
      local ok, cancelled = cosched.move_on(1, function()
        while true do
          rounds = rounds + 1
          protected(cosched.sleep, 60)
        end
      end)
      assert.is_false(ok)
      assert.equal("deadline", cancelled.source)
      assert.equal(1, rounds)
    end))

    it("lets task:cancel through, as the same object", virtual(function()
      local first, second
      local task = cosched.spawn(function()
        second = caught(protected, function()
          first = caught(cosched.sleep, 60)
          error(first, 0)
        end)
        error(second, 0)
      end)
      cosched.checkpoint()
      task:cancel "why"
      assert.equal("cancelled", task:wait())
      assert.equal("why", first.reason)
      assert.is_true(rawequal(first, second))
    end))

    it("catches the Cancelled of another task: it is a value there", virtual(function()
      local other = cosched.spawn(cosched.sleep, 60)
      other:cancel()
      other:wait()
      local _, cancelled = other:result()
      assert.is_true(cosched.is_cancelled(cancelled))
      local ok, got = protected(error, cancelled, 0)
      assert.is_false(ok)
      assert.is_true(rawequal(cancelled, got))
    end))

    it("catches a Cancelled of its own that is over", virtual(function()
      local _, cancelled = cosched.move_on(1, cosched.sleep, 60)
      assert.is_false((protected(error, cancelled, 0)))
    end))

    it("catches TaskCancelled, Timeout and Errors", virtual(function()
      local other = cosched.spawn(cosched.sleep, 60)
      other:cancel()
      local _, problem = protected(other.join, other)
      assert.is_true(cosched.is_task_cancelled(problem))
      _, problem = protected(cosched.timeout, 1, cosched.sleep, 60)
      assert.is_true(cosched.is_timeout(problem))
      _, problem = protected(cosched.nursery, function(n) n:spawn(error, "boom") end)
      assert.is_true(cosched.is_errors(problem))
    end))

    it("catches errors of a task that is cancelled", virtual(function()
      local got
      local task = cosched.spawn(function()
        pcall(cosched.sleep, 60)
        got = table.pack(protected(error, "in cleanup", 0))
      end)
      cosched.checkpoint()
      task:cancel()
      task:wait()
      assert.same({ n = 2, false, "in cleanup" }, got)
    end))

    it("catches inside of a shield as ever", virtual(function()
      local inside
      local task = cosched.spawn(function()
        local _ <close> = support.closing(function()
          cosched.shield(60, function()
            inside = protected(error, "x")
            assert(protected(cosched.sleep, 3))
          end)
        end)
        cosched.sleep(60)
      end)
      cosched.checkpoint()
      task:cancel()
      assert.equal("cancelled", task:wait())
      assert.is_false(inside)
      assert.equal(3, cosched.now())
    end))

    it("is Lua's own outside of tasks", function()
      assert.same({ true, 1 }, { protected(function() return 1 end) })
      assert.same({ false, "boom" }, { protected(error, "boom", 0) })
    end)

    it("gives false for what cannot be called", function()
      local ok, problem = protected(nil)
      assert.is_false(ok)
      assert.matches("attempt to call a nil value", problem)
    end)

    it("may be nested two hundred times less than Lua's C stack allows", virtual(function()
      local function nest(n)
        if n == 0 then return "deep" end
        return select(2, protected(nest, n - 1))
      end
      assert.equal("deep", nest(50))
      local function nest_for_ever() return assert(protected(nest_for_ever)) end
      assert.matches("stack overflow", caught(nest_for_ever))
    end))
  end)
end

local function same(problem) return problem end

both("cosched.pcall", cosched.pcall)
both("cosched.xpcall", function(fn, ...) return cosched.xpcall(fn, same, ...) end)

describe("the handler of cosched.xpcall", function()
  it("is called where the error was raised, and its result is what is given", virtual(function()
    local ok, text = cosched.xpcall(error, function(problem)
      return debug.traceback(problem)
    end, "boom", 0)
    assert.is_false(ok)
    assert.matches("^boom\nstack traceback:.*in function 'error'", text)
  end))

  it("is not called for the cancellation of the task", virtual(function()
    local called = false
    local ok = cosched.move_on(1, cosched.xpcall, cosched.sleep, function() called = true end, 60)
    assert.is_false(ok)
    assert.is_false(called)
  end))

  it("must be a function", function()
    local problem = caught(function() return (cosched.xpcall(print)) end)
    assert.matches("protect_spec.lua:%d+: bad argument #2 to 'xpcall' %(function expected", problem)
  end)
end)
