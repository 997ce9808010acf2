-- Errors in virtual time: raw inside a task, one flat type across its border.
local cosched = require "cosched"
local support = require "spec.support.task"
local time = require "spec.support.virtual"
local caught, closing, virtual = support.caught, support.closing, time.virtual

local LONG = 3600

local function nested(depth, fn)
  if depth == 0 then return fn() end
  return cosched.nursery(function() return nested(depth - 1, fn) end)
end

-- One of every type of Lua, and what tostring makes of those that need care.
local VALUES = {
  ["a string"] = "boom",
  ["a number"] = 42,
  ["a float"] = 1.5,
  ["true"] = true,
  ["false"] = false,
  ["a table"] = {},
  ["a table with __tostring"] = setmetatable({}, { __tostring = function() return "shown" end }),
  ["a table whose metatable is hidden"] = setmetatable({}, { __metatable = false }),
  ["a function"] = print,
  ["a coroutine"] = coroutine.create(print),
  ["a userdata"] = io.stdout,
  ["a scope"] = cosched.scope(),
}

describe("an error", function()
  for name, value in pairs(VALUES) do
    it(("that is %s is raised by run as it was, in one leaf"):format(name), function()
      local problem = caught(time.run, function() error(value) end)
      assert.is_true(cosched.is_errors(problem))
      assert.are.equal(1, #problem.errors)
      if type(value) == "string" then
        assert.matches(value, problem.error, 1, true)
      else
        assert.is_true(rawequal(value, problem.error))
        assert.is_true(rawequal(value, problem.errors[1].error))
        assert.is_true(rawequal(value, cosched.cause(problem)))
      end
      assert.are.equal("string", type(tostring(problem)))
    end)

    it(("that is %s passes scopes and nurseries unharmed"):format(name), virtual(function()
      local problem = caught(cosched.nursery, function(n)
        n:spawn(cosched.timeout, 5, cosched.shield, 5, cosched.supervisor, function()
          cosched.sleep(1)
          error(value, 0)
        end)
      end)
      assert.is_true(rawequal(value, problem.error))
      assert.are.equal(1, #problem.errors)
    end))
  end

  it("that is nil is an error all the same", virtual(function()
    for _, call in ipairs { cosched.nursery, cosched.supervisor } do
      local ok, problem = pcall(call, function() error(nil) end)
      assert.is_false(ok)
      assert.is_nil(problem.error)
      assert.are.equal(1, #problem.errors)
    end
    local ok, problem = pcall(cosched.timeout, 5, error)
    assert.is_false(ok)
    assert.is_nil(problem)
    local task = cosched.spawn(pcall, cosched.nursery, function(n) n:spawn(error) end)
    assert.is_false((task:join()))
  end))

  it("that is NaN is a leaf with a traceback, as others are", virtual(function()
    local problem = caught(cosched.nursery, function(n)
      n:spawn(cosched.timeout, 5, cosched.nursery, function() error(0 / 0) end)
    end)
    assert.are.equal(1, #problem.errors)
    assert.is_true(problem.error ~= problem.error)
    assert.are.equal("string", type(problem.errors[1].traceback))
  end))

  it("inside a task is the raw value, wherever it is caught there", virtual(function()
    local object = {}
    local function fail() error(object) end
    for _, call in ipairs { cosched.timeout, cosched.move_on, cosched.shield } do
      assert.is_true(rawequal(object, caught(call, 5, fail)))
    end
    local _, handled = xpcall(fail, function(e) return rawequal(e, object) end)
    assert.is_true(handled)
  end))

  it("of a task's own body is its raw outcome; join wraps it in one leaf", virtual(function()
    local object = {}
    cosched.supervisor(function(n)
      local task = n:spawn(function() error(object) end)
      local problem = caught(task.join, task)
      assert.is_true(cosched.is_errors(problem))
      assert.are.equal(1, #problem.errors)
      local leaf = problem.errors[1]
      assert.is_true(rawequal(object, leaf.error))
      assert.is_true(rawequal(task, leaf.task))
      assert.are.equal(task.tid, leaf.tid)
      assert.are.equal(task.name, leaf.name)
      assert.matches("stack traceback:", leaf.traceback, 1, true)
      assert.are.equal("error", (task:result()))
    end)
  end))
end)

describe("the leaves of an Errors", function()
  it("are in the order of occurrence, those during the cleanup behind the first",
    virtual(function()
      local problem = caught(cosched.nursery, function(n)
        n:spawn(function()
          local _ <close> = closing(function() error("during cleanup", 0) end)
          cosched.sleep(LONG)
        end)
        n:spawn(function()
          cosched.sleep(1)
          error("first", 0)
        end)
      end)
      assert.are.equal(2, #problem.errors)
      assert.are.equal("first", problem.error)
      assert.are.equal("first", problem.errors[1].error)
      assert.are.equal("during cleanup", problem.errors[2].error)
    end))

  it("are the same objects however many nurseries and joins they pass", virtual(function()
    local leaf
    local problem = caught(nested, 10, function()
      local inner = caught(cosched.nursery, function(n) n:spawn(error, "deep") end)
      leaf = inner.errors[1]
      error(inner)
    end)
    assert.are.equal(1, #problem.errors)
    assert.is_true(rawequal(leaf, problem.errors[1]))
  end))

  it("are not there twice when a body joins a failing child of its nursery", virtual(function()
    local problem = caught(cosched.nursery, function(n)
      n:spawn(function()
        cosched.sleep(1)
        error("child", 0)
      end):join()
    end)
    assert.are.equal(1, #problem.errors)
  end))

  it("are not there twice when several siblings join a failing one", virtual(function()
    local problem = caught(cosched.nursery, function(n)
      local failing = n:spawn(function()
        cosched.sleep(1)
        error("child", 0)
      end)
      for _ = 1, 5 do n:spawn(failing.join, failing) end
    end)
    assert.are.equal(1, #problem.errors)
  end))

  it("of equal values from two tasks are two", virtual(function()
    local problem = caught(cosched.supervisor, function(n)
      for _ = 1, 2 do n:spawn(function() error("same", 0) end) end
    end)
    assert.are.equal(2, #problem.errors)
    assert.are_not.equal(problem.errors[1].tid, problem.errors[2].tid)
  end))

  it("never include a cancellation", virtual(function()
    local problem = caught(cosched.nursery, function(n)
      for _ = 1, 5 do n:spawn(cosched.sleep, LONG) end
      n:spawn(function()
        cosched.sleep(1)
        error("boom", 0)
      end)
      cosched.sleep(LONG)
    end)
    assert.are.equal(1, #problem.errors)
    assert.is_false(cosched.is_cancelled(problem.error))
  end))
end)

describe("tostring of an Errors", function()
  local function errors_of(count)
    return caught(cosched.supervisor, function(n)
      for i = 1, count do n:spawn(function() error("error " .. i, 0) end) end
    end)
  end

  it("is the primary's message, the others, and the primary's traceback", virtual(function()
    local text = tostring(errors_of(3))
    assert.matches("^error 1\n", text)
    assert.matches("error 2", text, 1, true)
    assert.matches("error 3", text, 1, true)
    assert.matches("stack traceback:", text, 1, true)
  end))

  it("is bounded: nine others at most", virtual(function()
    local text = tostring(errors_of(200))
    assert.matches("error 10\n", text, 1, true)
    assert.is_nil(text:find("error 11", 1, true))
    assert.is_true(#text < 5000)
  end))

  it("uses __tostring, and survives one that raises", virtual(function()
    local function text_of(method)
      local object = setmetatable({}, { __tostring = method })
      return tostring(caught(cosched.nursery, error, object))
    end
    local function raised_by(method)
      local object = setmetatable({}, { __tostring = method })
      return tostring(caught(cosched.nursery, function() error(object) end))
    end
    assert.are.equal("string", type(text_of(function() return "x" end)))
    assert.matches("^shown", raised_by(function() return "shown" end))
    assert.are.equal("string", type(raised_by(function() error "no" end)))
  end))

  it("is shallow for an Errors of an Errors of an Errors", virtual(function()
    local problem = caught(nested, 50, function() error "deep" end)
    assert.is_true(#tostring(problem) < 20000)
    assert.are.equal(1, #problem.errors)
  end))
end)

describe("the traceback of a leaf", function()
  -- two places that raise the same, and how a traceback names them
  local function first_place() error("boom", 0) end
  local function second_place() error("boom", 0) end
  local function shows(leaf, place)
    local line = debug.getinfo(place, "S").linedefined
    return leaf.traceback:find(("errors_spec.lua:%d: in"):format(line), 1, true) ~= nil
  end

  it("shows the place of the error, not those that passed it on", virtual(function()
    local problem = caught(cosched.nursery, function(n)
      n:spawn(function()
        cosched.timeout(5, function()
          cosched.nursery(function()
            cosched.shield(5, function() cosched.supervisor(first_place) end)
          end)
        end)
      end)
    end)
    assert.is_true(shows(problem.errors[1], first_place))
  end))

  it("is that of the second error when the first was handled", virtual(function()
    local problem = caught(cosched.nursery, function()
      pcall(cosched.timeout, 5, first_place)
      cosched.timeout(5, second_place)
    end)
    assert.is_true(shows(problem.errors[1], second_place))
    assert.is_false(shows(problem.errors[1], first_place))
  end))

  it("is that of the error that replaced the first", virtual(function()
    local problem = caught(cosched.nursery, function()
      local _ <close> = closing(second_place)
      first_place()
    end)
    assert.is_true(shows(problem.errors[1], second_place))
  end))

  it("is not needed: a <close> of a killed task may raise, too", virtual(function()
    cosched.supervisor(function(n)
      local task = n:spawn(function()
        local _ <close> = closing(first_place)
        cosched.sleep(LONG)
      end)
      cosched.sleep(1)
      task:kill()
      assert.are.equal("boom", cosched.cause(caught(task.join, task)))
    end)
  end))
end)
