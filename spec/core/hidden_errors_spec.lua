-- Which of two errors in flight comes out: a real one, whatever Lua hides.
local cosched = require "cosched"
local support = require "spec.support.task"
local time = require "spec.support.virtual"
local caught, closing, virtual = support.caught, support.closing, time.virtual

local LONG = 3600

-- Raises `problem` through a `<close>` whose wait raises the cancellation instead.
local function raise_hidden(problem)
  local _ <close> = closing(function() cosched.sleep(1) end)
  error(problem, 0)
end

-- The function's scope is cancelled when it is called.
local ways = {
  ["a scope"] = function(fn)
    local scope = cosched.scope()
    return scope:run(function()
      scope:cancel()
      fn()
    end)
  end,
  ["a timeout"] = function(fn)
    return cosched.timeout(1, function()
      pcall(cosched.sleep, 5)
      fn()
    end)
  end,
  ["a shield"] = function(fn)
    return cosched.shield(1, function()
      pcall(cosched.sleep, 5)
      fn()
    end)
  end,
  ["a nursery"] = function(fn)
    return cosched.nursery(function(n)
      n:cancel()
      fn()
    end)
  end,
  ["a supervisor"] = function(fn)
    return cosched.supervisor(function(n)
      n:cancel()
      fn()
    end)
  end,
  ["a task"] = function(fn)
    return cosched.nursery(function(n)
      local task = n:spawn(function()
        cosched.current():cancel()
        fn()
      end)
      task:join()
    end)
  end,
  ["a task in scopes"] = function(fn)
    return cosched.nursery(function(n)
      n:spawn(function()
        cosched.current():cancel()
        cosched.shield(5, function() end)
        cosched.scope({ shield = true }):run(function()
          cosched.current():cancel()
          pcall(cosched.move_on, 0, cosched.checkpoint)
        end)
        fn()
      end)
    end)
  end,
}

describe("an error that a cancellation in a <close> hides", function()
  for name, run in pairs(ways) do
    it("comes out of " .. name, virtual(function()
      local object = {}
      local problem = caught(run, function() raise_hidden(object) end)
      assert.is_true(rawequal(object, cosched.cause(problem)))
    end))

    it("comes out of " .. name .. ", even if it is nil, false, or NaN", virtual(function()
      local ok, problem = pcall(run, function() raise_hidden(nil) end)
      assert.is_false(ok)
      assert.is_nil(cosched.cause(problem))
      ok, problem = pcall(run, function() raise_hidden(false) end)
      assert.is_false(ok)
      assert.is_false(cosched.cause(problem))
      ok, problem = pcall(run, function() raise_hidden(0 / 0) end)
      assert.is_false(ok)
      assert.is_true(cosched.cause(problem) ~= cosched.cause(problem))
    end))

    it("does not come out of " .. name .. " when a pcall in between took it", virtual(function()
      local between, ok, problem
      ok, problem = pcall(run, function()
        between = caught(raise_hidden, "boom")
        error(between, 0)
      end)
      assert.is_true(cosched.is_cancelled(between)) -- it sees what Lua shows it
      if not ok then -- no way out but a Timeout
        assert.is_false(cosched.cause(problem) == "boom")
      end
    end))
  end

  it("keeps its traceback", virtual(function()
    local function original_place()
      local _ <close> = closing(function() cosched.sleep(1) end)
      error("boom", 0)
    end
    local problem = caught(cosched.nursery, function(n)
      n:spawn(function()
        cosched.move_on(1, function()
          pcall(cosched.sleep, LONG)
          original_place()
        end)
      end)
    end)
    assert.matches("original_place", problem.errors[1].traceback, 1, true)
  end))

  it("is raised once, by one scope among many", virtual(function()
    local problem = caught(cosched.nursery, function(n)
      n:cancel()
      raise_hidden "boom"
    end)
    assert.are.equal(1, #problem.errors)
    assert.are.equal("boom", problem.error)
  end))
end)

describe("an error in a <close>", function()
  it("replaces the one in flight, as in Lua", virtual(function()
    local problem = caught(cosched.nursery, function()
      local _ <close> = closing(function(err)
        assert(err == "first")
        error("second", 0)
      end)
      error("first", 0)
    end)
    assert.are.equal("second", problem.error)
    assert.are.equal(1, #problem.errors)
  end))

  it("replaces a cancellation in flight: scope, nursery and task raise it", virtual(function()
    local function fail()
      local _ <close> = closing(function() error("cleanup", 0) end)
      cosched.sleep(LONG)
    end
    assert.are.equal("cleanup", caught(cosched.move_on, 1, fail))
    assert.are.equal("cleanup", cosched.cause(caught(cosched.move_on, 1, cosched.nursery, fail)))
    assert.are.equal("cleanup", cosched.supervisor(function(n)
      local task = n:spawn(fail)
      cosched.sleep(1)
      task:cancel()
      return cosched.cause(caught(task.join, task))
    end))
  end))

  it("lets the others run, with the new error", virtual(function()
    local seen = {}
    caught(cosched.move_on, 1, function()
      local _ <close> = closing(function(err) seen[2] = err end)
      local _ <close> = closing(function(err)
        seen[1] = err.source
        error("cleanup", 0)
      end)
      cosched.sleep(LONG)
    end)
    assert.are.same({ "deadline", "cleanup" }, seen)
  end))

  it("is not undone by waits after it was handled", virtual(function()
    local ok, cancelled = cosched.move_on(1, function()
      pcall(function()
        local _ <close> = closing(function() error "cleanup" end)
        error "first"
      end)
      cosched.sleep(LONG)
    end)
    assert.is_false(ok)
    assert.is_true(cosched.is_cancelled(cancelled))
  end))
end)

describe("a Cancelled raised where nothing is cancelled", function()
  local function stray()
    local _, cancelled = cosched.move_on(0, cosched.checkpoint)
    return cancelled
  end

  it("is an error of the task", virtual(function()
    local cancelled = stray()
    local problem = caught(cosched.nursery, function(n) n:spawn(error, cancelled) end)
    assert.is_true(cosched.is_errors(problem))
    assert.matches("stray Cancelled", problem.error, 1, true)
  end))

  it("is an error of the main task", function()
    local problem = caught(time.run, function() error(stray()) end)
    assert.is_true(cosched.is_errors(problem))
    assert.matches("stray Cancelled", problem.error, 1, true)
  end)

  it("is none where the task is cancelled, by whatever", virtual(function()
    local cancelled = stray()
    local task = cosched.spawn(function()
      pcall(cosched.sleep, LONG)
      error(cancelled)
    end)
    cosched.checkpoint()
    task:cancel()
    assert.are.equal("cancelled", task:wait())
  end))

  it("cancels the siblings as any error does", virtual(function()
    local log, cancelled = {}, stray()
    pcall(cosched.nursery, function(n)
      n:spawn(function()
        local _ <close> = time.noting(log, "sibling")
        cosched.sleep(LONG)
      end)
      cosched.sleep(1)
      n:spawn(error, cancelled)
    end)
    assert.are.same({ "sibling: nursery" }, log)
  end))
end)
