-- Errors: what crosses from one task to another, and what it looks like.
local cosched = require "cosched"
local support = require "spec.support.task"
local in_task, caught, closing = support.in_task, support.caught, support.closing

local function raise(value) error(value, 0) end

-- lists cannot hold nil, so each value stands in a box
local values = {
  { "nil", nil }, { "false", false }, { "true", true }, { "a number", 12.5 },
  { "a string", "boom" }, { "a table", {} }, { "a function", print },
  { "a userdata", io.stderr }, { "a coroutine", coroutine.create(print) },
  { "a table with a __tostring", setmetatable({}, { __tostring = function() return "!" end }) },
}

describe("an error object", function()
  for _, box in ipairs(values) do
    local name, value = box[1], box[2]

    it(("that is %s comes out of run untouched"):format(name), function()
      local errors = caught(cosched.run, raise, value)
      assert.is_true(cosched.is_errors(errors))
      assert.is_true(rawequal(value, errors.error))
      assert.is_true(rawequal(value, cosched.cause(errors)))
      assert.are.equal(1, #errors.errors)
      assert.is_true(rawequal(value, errors.errors[1].error))
      assert.is_string(tostring(errors))
    end)

    it(("that is %s comes out of join, wait and result untouched"):format(name), function()
      local errors = caught(cosched.run, function()
        local task = cosched.spawn(raise, value)
        local joined = caught(task.join, task)
        assert.is_true(cosched.is_errors(joined))
        assert.is_true(rawequal(value, joined.error))
        assert.are.equal("error", caught(task.wait, task) and (task:result()))
        local _, result = task:result()
        assert.is_true(cosched.is_errors(result))
        assert.is_true(rawequal(value, result.error))
      end)
      -- the wait was told of the failure, and so was the parent: once
      assert.are.equal(1, #errors.errors)
      assert.is_true(rawequal(value, errors.error))
    end)

    it(("that is %s is seen by a pcall as it is"):format(name), in_task(function()
      local ok, seen = pcall(function()
        cosched.sleep(0)
        raise(value)
      end)
      assert.is_false(ok)
      assert.is_true(rawequal(value, seen))
    end))
  end
end)

describe("the leaves of an error", function()
  it("name the task, its number, its place and its traceback", function()
    local task, line
    local errors = caught(cosched.run, function()
      task = cosched.spawn(function()
        line = debug.getinfo(1, "l").currentline + 1
        error "boom"
      end)
    end)
    local leaf = errors.errors[1]
    assert.is_true(rawequal(task, leaf.task))
    assert.are.equal(task.tid, leaf.tid)
    assert.are.equal(task.name, leaf.name)
    assert.matches("error_spec.lua:%d+: boom$", leaf.error)
    assert.matches("error_spec.lua:" .. line .. ": in function", leaf.traceback, 1, true)
    assert.are.equal(leaf.traceback, task:traceback())
  end)

  it("have the traceback of the place where the error was raised, not unwound to", function()
    local function deep() error "boom" end
    local function middle()
      local _ <close> = closing(function() cosched.sleep(0.001) end)
      deep()
      return true
    end
    local errors = caught(cosched.run, function()
      middle()
      return true
    end)
    local traceback = errors.errors[1].traceback
    assert.matches("deep", traceback)
    assert.matches("middle", traceback)
  end)

  it("come in the order in which the tasks failed", function()
    local errors = caught(cosched.run, function()
      for i = 1, 3 do
        cosched.spawn(function()
          local _ <close> = closing(function() raise("error " .. i) end)
          cosched.sleep(i == 2 and 0.001 or 10)
        end)
      end
    end)
    -- 2 fails, then the others are told, the newest first
    local found = {}
    for i, leaf in ipairs(errors.errors) do found[i] = leaf.error end
    assert.are.same({ "error 2", "error 3", "error 1" }, found)
  end)

  it("stay flat, however deep the tasks are nested", function()
    local function nest(depth)
      if depth == 0 then raise "boom" end
      cosched.spawn(nest, depth - 1)
    end
    local errors = caught(cosched.run, nest, 30)
    assert.are.equal(1, #errors.errors)
    assert.are.equal("boom", errors.errors[1].error)
  end)

  it("occur once when an error arrives twice", function()
    local errors = caught(cosched.run, function()
      local task = cosched.spawn(raise, "boom")
      for _ = 1, 3 do
        cosched.spawn(function() task:join() end)
      end
      task:join()
    end)
    assert.are.equal(1, #errors.errors)
    assert.are.equal("boom", errors.error)
  end)

  it("of an Errors that is raised again are the same objects", function()
    local first
    local errors = caught(cosched.run, function()
      local task = cosched.spawn(raise, "boom")
      first = caught(task.join, task)
      raise(first)
    end)
    assert.are.equal(1, #errors.errors)
    assert.is_true(rawequal(first.errors[1], errors.errors[1]))
  end)

  it("put the body's error before those of children that it cancelled", function()
    local errors = caught(cosched.run, function()
      cosched.spawn(function()
        local _ <close> = closing(function() raise "child" end)
        cosched.sleep(10)
      end)
      cosched.checkpoint()
      raise "body"
    end)
    assert.are.equal("body", errors.error)
    assert.are.equal(2, #errors.errors)
    assert.are.equal("child", errors.errors[2].error)
  end)

  it("never are cancellations", function()
    local errors = caught(cosched.run, function()
      for _ = 1, 5 do cosched.spawn(cosched.sleep, 10) end
      cosched.sleep(0.001)
      raise "boom"
    end)
    assert.are.equal(1, #errors.errors)
  end)
end)

describe("a child that fails", function()
  it("cancels its siblings and its parent, and is raised when all have unwound", function()
    local log = {}
    local function unwinds(name)
      local _ <close> = closing(function(err)
        assert(cosched.is_cancelled(err))
        log[#log + 1] = name
      end)
      cosched.sleep(10)
    end
    local errors = caught(cosched.run, function()
      cosched.spawn(unwinds, "sibling")
      cosched.spawn(function()
        cosched.checkpoint()
        raise "boom"
      end)
      unwinds "parent"
    end)
    assert.are.equal("boom", errors.error)
    assert.are.equal(1, #errors.errors)
    table.sort(log)
    assert.are.same({ "parent", "sibling" }, log)
  end)

  it("that handles its own error disturbs nobody", in_task(function()
    cosched.spawn(function() assert.is_false((pcall(error, "boom"))) end)
    assert.is_true(cosched.sleep(0.001))
  end))

  it("fails its parent even after the parent's body has returned", function()
    local errors = caught(cosched.run, function()
      cosched.spawn(function()
        cosched.sleep(0.001)
        raise "late"
      end)
      return "results"
    end)
    assert.are.equal("late", errors.error)
  end)

  it("cannot be kept secret by a pcall around the join", function()
    local errors = caught(cosched.run, function()
      local task = cosched.spawn(raise, "boom")
      assert.is_false((pcall(task.join, task)))
      return "fine"
    end)
    assert.are.equal("boom", errors.error)
  end)
end)

describe("tostring of an Errors", function()
  it("is the first error, then the others, then the first one's traceback", function()
    local errors = caught(cosched.run, function()
      cosched.spawn(function()
        local _ <close> = closing(function() raise "second" end)
        cosched.sleep(10)
      end)
      cosched.checkpoint()
      raise "first"
    end)
    local text = tostring(errors)
    assert.matches("^first\n  also, in task %d+ %(.-error_spec.lua:%d+%): second\n", text)
    assert.matches("stack traceback:", text, 1, true)
  end)

  it("shows at most ten of a thousand", function()
    local errors = caught(cosched.run, function()
      for i = 1, 1000 do
        cosched.spawn(function()
          local _ <close> = closing(function() raise(i) end)
          cosched.sleep(10)
        end)
      end
      cosched.checkpoint()
      raise "boom"
    end)
    assert.are.equal(1001, #errors.errors)
    local text = tostring(errors)
    assert.are.equal(9, select(2, text:gsub("also, in task", "")))
    assert.matches("and 991 more", text, 1, true)
    assert.is_true(#text < 5000)
  end)

  it("speaks also of an error whose __tostring raises, and the error stays whole", function()
    local value = setmetatable({}, { __tostring = function() error("no text", 0) end })
    local errors = caught(cosched.run, raise, value)
    assert.matches("(error object is a table value)", tostring(errors), 1, true)
    assert.is_true(rawequal(value, errors.error))
  end)

  it("survives an error in its hands that has no list", function()
    local errors = caught(cosched.run, raise, "boom")
    errors.errors = {}
    assert.is_string(tostring(errors))
  end)
end)

describe("the types of errors", function()
  it("hide their metatables", function()
    local errors = caught(cosched.run, raise, "boom")
    assert.are.equal("cosched.Errors", getmetatable(errors))
    assert.has_error(function() setmetatable(errors, nil) end,
      "cannot change a protected metatable")
  end)

  it("are told apart by functions that take any value", function()
    local errors = caught(cosched.run, raise, "boom")
    for _, is in ipairs { "is_errors", "is_cancelled", "is_task_cancelled", "is_deadlock" } do
      assert.are.equal(is == "is_errors", cosched[is](errors))
      for _, box in ipairs(values) do
        assert.is_false(cosched[is](box[2]))
      end
      assert.is_false(cosched[is]("cosched.Errors"))
      assert.matches("value expected", caught(cosched[is]), 1, true)
    end
    assert.are.equal("x", cosched.cause "x")
    assert.is_nil(cosched.cause(nil))
  end)
end)
