-- Unwinding: `<close>` variables of a task run, and may wait, however it ends.
local cosched = require "cosched"
local support = require "spec.support.task"
local in_task, caught, closing = support.in_task, support.caught, support.closing

local function raise(value) error(value, 0) end

-- Runs `body(log)` as a task whose `<close>` waits, and returns the log.
local function log_of(body)
  local log = {}
  local function waits(name)
    return closing(function(err)
      log[#log + 1] = name .. " begins"
      cosched.sleep(0.001)
      log[#log + 1] = name .. " ends: " .. tostring(err)
    end)
  end
  local ok, problem = pcall(cosched.run, body, waits, log)
  log[#log + 1] = ok and "ok" or tostring(cosched.cause(problem))
  return log
end

describe("a <close> variable of a task", function()
  it("waits when its block is left by return", function()
    assert.are.same({ "a begins", "a ends: nil", "ok" }, log_of(function(waits)
      local _ <close> = waits "a"
      return 1
    end))
  end)

  it("waits when its block is left by break", function()
    assert.are.same({ "a begins", "a ends: nil", "after", "ok" }, log_of(function(waits, log)
      while #log == 0 do
        local _ <close> = waits "a"
        if #log == 0 then break end
        log[#log + 1] = "not reached"
      end
      log[#log + 1] = "after"
    end))
  end)

  it("waits when its block is left by goto", function()
    assert.are.same({ "a begins", "a ends: nil", "after", "ok" }, log_of(function(waits, log)
      do
        local _ <close> = waits "a"
        goto out
      end
      ::out::
      log[#log + 1] = "after"
    end))
  end)

  it("waits when an error that nobody catches unwinds the task", function()
    assert.are.same(
      { "b begins", "b ends: boom", "a begins", "a ends: boom", "boom" },
      log_of(function(waits)
        local _ <close> = waits "a"
        local _ <close> = waits "b"
        raise "boom"
      end))
  end)

  it("waits when the error is caught by a pcall", function()
    assert.are.same({ "a begins", "a ends: boom", "caught boom", "ok" },
      log_of(function(waits, log)
        local _, problem = pcall(function()
          local _ <close> = waits "a"
          raise "boom"
        end)
        log[#log + 1] = "caught " .. problem
      end))
  end)

  it("sees the error object itself", function()
    local object, seen = {}, nil
    caught(cosched.run, function()
      local _ <close> = closing(function(err)
        cosched.sleep(0)
        seen = err
      end)
      raise(object)
    end)
    assert.is_true(rawequal(object, seen))
  end)

  it("that raises replaces the error, and the outer ones still run", function()
    assert.are.same({ "a begins", "a ends: second", "second" }, log_of(function(waits)
      local _ <close> = waits "a"
      local _ <close> = closing(function()
        cosched.sleep(0)
        raise "second"
      end)
      raise "first"
    end))
  end)

  it("that raises on the way out of a return makes the task fail", function()
    local errors = caught(cosched.run, function()
      local _ <close> = closing(function() raise "in close" end)
      return 1
    end)
    assert.are.equal("in close", errors.error)
  end)

  it("may make a task, which is waited for", function()
    local ran
    caught(cosched.run, function()
      local _ <close> = closing(function()
        cosched.spawn(function() ran = true end):wait()
      end)
      raise "boom"
    end)
    assert.is_true(ran)
  end)

  it("runs in each of hundreds of tasks that fail at once", function()
    local closed = 0
    local errors = caught(cosched.run, function()
      for i = 1, 300 do
        cosched.spawn(function()
          local _ <close> = closing(function()
            closed = closed + 1
          end)
          raise(i)
        end)
      end
    end)
    assert.are.equal(300, closed)
    assert.are.equal(300, #errors.errors)
    assert.are.equal(1, errors.error)
    assert.are.equal(300, errors.errors[300].error)
  end)
end)

describe("an error hidden by a cancellation", function()
  it("is the outcome all the same", function()
    local errors = caught(cosched.run, function()
      local task
      task = cosched.spawn(function()
        local _ <close> = closing(function() cosched.sleep(0.001) end) -- raises Cancelled
        task:cancel "now"
        raise "boom"
      end)
      task:wait()
    end)
    assert.is_true(cosched.is_errors(errors))
    assert.are.equal("boom", errors.error)
    assert.are.equal(1, #errors.errors)
  end)

  it("is raised by identity, nil and false too", function()
    for _, box in ipairs { { nil }, { false }, { {} } } do
      local value = box[1]
      local errors = caught(cosched.run, function()
        local _ <close> = closing(function() cosched.sleep(10) end)
        cosched.current():cancel "now"
        raise(value)
      end)
      assert.is_true(cosched.is_errors(errors))
      assert.is_true(rawequal(value, errors.error))
    end
  end)

  it("is what a pcall in between shows it to be", in_task(function()
    local task = cosched.spawn(function()
      local ok, seen = pcall(function()
        local _ <close> = closing(function() cosched.sleep(10) end)
        cosched.current():cancel "now"
        raise "boom"
      end)
      assert.is_false(ok)
      assert.is_true(cosched.is_cancelled(seen))
    end)
    assert.are.equal("ok", task:wait())
  end))

  it("does not come back once the task has caught it", in_task(function()
    -- caught and done with; what ends the task later is the cancellation alone
    local task = cosched.spawn(function()
      pcall(raise, "old news")
      cosched.sleep(10)
    end)
    cosched.checkpoint()
    task:cancel "now"
    assert.are.equal("cancelled", task:wait())
  end))

  it("does not come back from a pcall inside the dying task either", in_task(function()
    local task = cosched.spawn(function()
      pcall(function()
        local _ <close> = closing(function() pcall(cosched.sleep, 10) end)
        raise "caught"
      end)
      cosched.sleep(10)
    end)
    cosched.checkpoint()
    task:cancel "now"
    assert.are.equal("cancelled", task:wait())
  end))

  it("is not replaced by what a pcall inside of a <close> catches", function()
    local errors = caught(cosched.run, function()
      local _ <close> = closing(function()
        pcall(raise, "minor")
        xpcall(raise, function(e) return e end, "minor")
      end)
      raise "boom"
    end)
    assert.are.equal("boom", errors.error)
  end)
end)

describe("a cancellation in flight", function()
  it("is replaced by a real error", function()
    local errors = caught(cosched.run, function()
      local task = cosched.spawn(function()
        local _ <close> = closing(function(err)
          assert(cosched.is_cancelled(err))
          raise "real"
        end)
        cosched.sleep(10)
      end)
      cosched.checkpoint()
      task:cancel "now"
      task:wait()
    end)
    assert.are.equal("real", errors.error)
  end)

  it("runs all <close> variables, and each wait in them is refused", in_task(function()
    local log = {}
    local function refused(name)
      return closing(function(err)
        assert.is_true(cosched.is_cancelled(err))
        local ok, problem = pcall(cosched.sleep, 10)
        log[#log + 1] = { name, ok, cosched.is_cancelled(problem) }
      end)
    end
    local task = cosched.spawn(function()
      local _ <close> = refused "a"
      local _ <close> = refused "b"
      cosched.sleep(10)
    end)
    cosched.checkpoint()
    task:cancel "now"
    assert.are.equal("cancelled", task:wait())
    assert.are.same({ { "b", false, true }, { "a", false, true } }, log)
  end))
end)

describe("running out of stack", function()
  it("is an error like any other, and <close> variables run", function()
    local closed
    local errors = caught(cosched.run, function()
      local _ <close> = closing(function() closed = true end)
      local function deeper() return 1 + deeper() end
      return deeper()
    end)
    assert.is_true(closed)
    assert.matches("stack overflow", errors.error, 1, true)
    assert.are.equal(1, cosched.run(function() return 1 end))
  end)

  it("of C is an error as well, when pcalls are nested", function()
    local function deeper(n)
      if n == 0 then return cosched.sleep(0) end
      local ok, problem = pcall(deeper, n - 1)
      if not ok then raise(problem) end
      return true
    end
    local ok = pcall(cosched.run, deeper, 150)
    assert.is_true(ok)
    assert.matches("overflow", tostring(caught(cosched.run, deeper, 1000)), 1, true)
  end)
end)
