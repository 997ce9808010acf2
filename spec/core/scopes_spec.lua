-- Scopes in virtual time: what ends where, and when.
local cosched = require "cosched"
local support = require "spec.support.task"
local time = require "spec.support.virtual"
local caught, closing, virtual = support.caught, support.closing, time.virtual

local LONG = 3600

local function wait_long() cosched.sleep(LONG) end

-- "true ..." or "false source" of what scope:run and move_on return
local function outcome(ok, what)
  return ("%s %s"):format(ok, cosched.is_cancelled(what) and what.source or what)
end

describe("scope:run", function()
  it("gives true and all results, nil included", virtual(function()
    local results = table.pack(cosched.scope():run(function(...) return ... end, 1, nil, 3, nil))
    assert.are.same({ n = 5, true, 1, nil, 3, nil }, results)
  end))

  it("gives false and the cancellation that ends there", virtual(function()
    local scope = cosched.scope()
    local ok, cancelled = scope:run(function()
      scope:cancel "enough"
      cosched.sleep(1)
    end)
    assert.is_false(ok)
    assert.are.equal("explicit", cancelled.source)
    assert.are.equal("enough", cancelled.reason)
    assert.is_true(scope.caught)
    assert.are.equal(0, cosched.now())
  end))

  it("lets the task go on afterwards: what is left is not cancelled", virtual(function()
    assert.are.equal("false deadline", outcome(cosched.move_on(1, wait_long)))
    assert.is_true(cosched.sleep(1))
    assert.are.equal(2, cosched.now())
  end))

  it("passes errors on as they are, by identity", virtual(function()
    local object = {}
    local scope = cosched.scope()
    assert.is_true(rawequal(object, caught(scope.run, scope, error, object)))
    assert.is_false(scope.caught)
  end))

  it("takes results for success, although it was cancelled meanwhile", virtual(function()
    local scope = cosched.scope()
    assert.are.equal("true done", outcome(scope:run(function()
      scope:cancel()
      return "done"
    end)))
    assert.is_true(scope.cancelled)
    assert.is_false(scope.caught)
  end))

  it("is refused the second time, and while it is running", virtual(function()
    local scope = cosched.scope()
    local message = "a scope can be used only once"
    scope:run(function()
      assert.matches(message, caught(scope.run, scope, print), 1, true)
    end)
    assert.matches(message, caught(scope.run, scope, print), 1, true)
  end))

  it("enters a scope that was cancelled before: its first wait raises", virtual(function()
    local scope, entered = cosched.scope(), false
    assert.is_true(scope:cancel "early")
    assert.is_true(scope.cancelled)
    local ok, cancelled = scope:run(function()
      entered = true
      cosched.sleep(1)
    end)
    assert.is_true(entered)
    assert.is_false(ok)
    assert.are.equal("early", cancelled.reason)
  end))

  it("keeps the first reason, and is deaf once it is over", virtual(function()
    local scope = cosched.scope()
    local _, cancelled = scope:run(function()
      assert.is_true(scope:cancel "first")
      assert.is_false(scope:cancel "second")
      cosched.checkpoint()
    end)
    assert.are.equal("first", cancelled.reason)
    local other = cosched.scope()
    other:run(function() end)
    assert.is_false(other:cancel "late")
    assert.is_false(other.cancelled)
  end))

  it("needs a task, a function, and a place where Lua can suspend", virtual(function()
    local scope = cosched.scope()
    assert.matches("function expected", caught(scope.run, scope, 5), 1, true)
    assert.has_error(function()
      table.sort({ 2, 1 }, function() scope:run(print) end)
    end)
    assert.is_true(scope:run(function() end)) -- it was not used up
  end))
end)

describe("a cancellation that leaves a scope", function()
  it("ends at the scope that was cancelled, not further in", virtual(function()
    local log = {}
    local outer, inner = cosched.scope(), cosched.scope()
    log[#log + 1] = outcome(outer:run(function()
      inner:run(function()
        outer:cancel()
        cosched.sleep(1)
      end)
      log[#log + 1] = "not reached"
    end))
    assert.are.same({ "false explicit" }, log)
    assert.is_false(inner.caught)
    assert.is_true(inner.cancelled)
  end))

  it("ends at the inner one when only that was cancelled", virtual(function()
    local outer, inner = cosched.scope(), cosched.scope()
    assert.are.equal("true inner false", outcome(outer:run(function()
      return "inner " .. tostring((inner:run(function()
        inner:cancel()
        cosched.sleep(1)
      end)))
    end)))
    assert.is_false(outer.cancelled)
  end))

  it("passes both when the outer one is cancelled while the inner one cleans up",
    virtual(function()
      local outer, inner = cosched.scope(), cosched.scope()
      local went_on = false
      local ok, cancelled = outer:run(function()
        inner:run(function()
          local _ <close> = closing(function() outer:cancel "outer" end)
          inner:cancel "inner"
          cosched.sleep(1)
        end)
        went_on = true
      end)
      assert.is_false(ok)
      assert.are.equal("outer", cancelled.reason)
      assert.is_false(went_on)
    end))

  it("passes a scope when the task is cancelled, too", virtual(function()
    local scope = cosched.scope()
    local task = cosched.spawn(function()
      scope:run(wait_long)
      return "went on"
    end)
    cosched.sleep(1)
    scope:cancel()
    task:cancel()
    assert.are.equal("cancelled", task:wait())
  end))

  it("is the same object at each delivery", virtual(function()
    local scope, seen = cosched.scope(), {}
    local _, last = scope:run(function()
      scope:cancel()
      seen[1] = caught(cosched.sleep, 1)
      seen[2] = caught(cosched.checkpoint)
      error(seen[2], 0)
    end)
    assert.is_true(rawequal(seen[1], seen[2]))
    assert.is_true(rawequal(seen[1], last))
  end))

  it("of another place, raised where nothing is cancelled, is passed on", virtual(function()
    local _, foreign = cosched.move_on(0, cosched.checkpoint)
    local scope = cosched.scope()
    assert.is_true(rawequal(foreign, caught(scope.run, scope, error, foreign)))
  end))
end)

describe("entering a scope", function()
  it("is a checkpoint", virtual(function()
    local entered = false
    local function enter() entered = true end
    local ok = cosched.move_on(0, function()
      for _, call in ipairs { cosched.move_on, cosched.timeout } do
        assert.is_true(cosched.is_cancelled(caught(call, 1, enter)))
      end
      for _, call in ipairs { cosched.nursery, cosched.supervisor } do
        assert.is_true(cosched.is_cancelled(caught(call, enter)))
      end
      local scope = cosched.scope()
      scope:run(enter)
    end)
    assert.is_false(ok)
    assert.is_false(entered)
  end))

  it("does not use up a scope whose entry was cancelled", virtual(function()
    local scope = cosched.scope()
    cosched.move_on(0, scope.run, scope, print)
    assert.is_true(scope:run(function() end))
  end))

  it("with a shield is none", virtual(function()
    local entered = false
    cosched.move_on(0, cosched.shield, 1, function() entered = true end)
    assert.is_true(entered)
  end))
end)

describe("a loop of", function()
  local function loop_until_cancelled(step)
    local turns = 0
    local task = cosched.spawn(function()
      while turns < 10000 do
        step()
        turns = turns + 1
      end
    end)
    cosched.checkpoint()
    task:cancel()
    assert.are.equal("cancelled", task:wait())
    assert.is_true(turns < 10000)
  end

  it("empty nurseries can be cancelled from outside", virtual(function()
    loop_until_cancelled(function() cosched.nursery(function() end) end)
  end))

  it("empty supervisors can be cancelled from outside", virtual(function()
    loop_until_cancelled(function() cosched.supervisor(function() end) end)
  end))
end)
