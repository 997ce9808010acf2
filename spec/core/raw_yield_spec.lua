-- coroutine.yield in a task: objects, nothing, and everything else, in every
-- place where Lua lets a coroutine yield.
local cosched = require "cosched"
local support = require "spec.support.task"
local in_task, caught, closing = support.in_task, support.caught, support.closing
local sys = cosched.sys

local JUNK = "task yielded a value that is not a syscall"
local bad = sys.sleep(-1)

describe("a bare yield", function()
  it("lets all others run that are ready", in_task(function()
    local log = {}
    for i = 1, 3 do cosched.spawn(function() log[#log + 1] = i end) end
    assert.are.equal(0, select("#", coroutine.yield()))
    assert.are.same({ 1, 2, 3 }, log)
  end))

  it("raises when the task is cancelled", in_task(function()
    local problem, reached
    local task = cosched.spawn(function()
      cosched.current():cancel "now"
      local ok
      ok, problem = pcall(function()
        coroutine.yield()
        reached = true
      end)
      return ok
    end)
    assert.is_false(task:join())
    assert.is_true(cosched.is_cancelled(problem))
    assert.is_nil(reached)
  end))

  it("that has begun is over when a cancellation comes: the next one raises", in_task(function()
    local log = {}
    local task = cosched.spawn(function()
      coroutine.yield()
      log[#log + 1] = "first"
      coroutine.yield()
      log[#log + 1] = "second"
    end)
    cosched.checkpoint()
    task:cancel "now"
    assert.are.equal("cancelled", task:wait())
    assert.are.same({ "first" }, log)
  end))
end)

describe("a yielded value that is no syscall", function()
  for name, value in pairs {
    ["a string"] = "junk", ["a number"] = 1, ["false"] = false, ["a table"] = {},
    ["a function"] = print, ["a userdata"] = io.stdout,
    ["a row instead of its object"] = sys.sleep,
  } do
    it(("raises there: %s"):format(name), in_task(function()
      local ok, message = pcall(function()
        coroutine.yield(value)
        return "went on"
      end)
      assert.is_false(ok)
      assert.matches(JUNK, message, 1, true)
      assert.is_true(cosched.sleep(0)) -- and the task is as it was
    end))
  end

  it("raises when it is nil, or a task, or several values", in_task(function()
    for _, values in ipairs {
      { n = 1 }, { n = 1, cosched.current() }, { n = 2, sys.now(), sys.now() }, { n = 2 },
      { n = 2, sys.now(), nil },
    } do
      local message = caught(function()
        local result = coroutine.yield(table.unpack(values, 1, values.n))
        return result
      end)
      assert.matches(JUNK, message, 1, true)
    end
  end))

  it("fails the task alone when nobody catches it, naming the place", function()
    local other = false
    local errors
    local function on_error(e) errors = e end
    cosched.run(cosched.supervisor, { on_error = on_error }, function(nursery)
      nursery:spawn(function() coroutine.yield "junk" end)
      cosched.sleep(0.001)
      other = true
    end)
    assert.is_true(other)
    assert.matches(JUNK, tostring(errors), 1, true)
    assert.matches("raw_yield_spec.lua:%d+", errors.errors[1].traceback)
  end)
end)

describe("an object", function()
  local add = setmetatable({}, {
    __add = function() return (coroutine.yield(sys.sleep(0))) end,
    __index = function(_, key) return (coroutine.yield(key)) end,
    __newindex = function(_, key) coroutine.yield(key) end,
    __call = function(_, object) return (coroutine.yield(object)) end,
    __len = function() return (coroutine.yield(sys.get_tid())) end,
    __eq = function() return (coroutine.yield(sys.sleep(0))) end,
    __lt = function() return (coroutine.yield(sys.sleep(0))) end,
    __le = function() return (coroutine.yield(sys.sleep(0))) end,
    __concat = function() return (coroutine.yield(sys.sleep(0))) end,
    __unm = function() return (coroutine.yield(sys.sleep(0))) end,
  })

  local function result_of(ok, result)
    if not ok then error(result, 0) end
    return result
  end

  -- each gives true when the object it is given, or a good one, was dealt with
  local places = {
    ["a function"] = function(object) return (coroutine.yield(object)) end,
    ["a tail call"] = function(object) return coroutine.yield(object) end,
    ["a pcall"] = function(object)
      return result_of(pcall(function() return (coroutine.yield(object)) end))
    end,
    ["an xpcall"] = function(object)
      return result_of(xpcall(function() return (coroutine.yield(object)) end,
        function(e) return e end))
    end,
    ["__index"] = function(object) return add[object] end,
    ["__newindex"] = function(object)
      add[object] = 1
      return true
    end,
    ["__call"] = function(object) return add(object) end,
    ["an iterator"] = function(object)
      local last
      for result in function() return not last and coroutine.yield(object) or nil end do
        last = result
      end
      return last
    end,
    ["a <close> on return"] = function(object)
      local result
      do
        local _ <close> = closing(function() result = coroutine.yield(object) end)
      end
      return result
    end,
    ["a vararg function"] = function(...) return (coroutine.yield(...)) end,
    ["deep recursion"] = function(object)
      local function deeper(n)
        if n == 0 then return (coroutine.yield(object)) end
        return (deeper(n - 1))
      end
      return deeper(5000)
    end,
  }

  for name, place in pairs(places) do
    it(("can be yielded in %s"):format(name), in_task(function()
      assert.is_true(place(sys.sleep(0)))
      assert.is_true(place(sys.sleep(0.0001)))
    end))

    it(("raises its error in %s"):format(name), in_task(function()
      local ok, message = pcall(function()
        local result = place(bad)
        return result
      end)
      assert.is_false(ok)
      assert.matches("bad argument #1 to 'sleep' (seconds must not be negative",
        message, 1, true)
      assert.is_true(cosched.sleep(0))
    end))

    it(("is told of a cancellation in %s"):format(name), in_task(function()
      local task = cosched.spawn(function()
        local result = place(sys.sleep(3600))
        return result
      end)
      cosched.checkpoint()
      task:cancel "now"
      assert.are.equal("cancelled", task:wait())
    end))
  end

  it("can be yielded in each arithmetic or comparing metamethod", in_task(function()
    local other = setmetatable({}, getmetatable(add))
    assert.is_true(add + 1)
    assert.is_true(add .. "x")
    assert.is_true(-add)
    assert.is_true(add == other)
    assert.is_true(add < other)
    assert.is_true(add <= other)
    assert.are.equal(cosched.get_tid(), #add)
  end))

  it("that fails as the argument of pcall itself raises in the function around it",
    in_task(function()
      local after = false
      local message = caught(function()
        pcall(coroutine.yield, bad)
        after = true
      end)
      assert.matches("bad argument #1 to 'sleep'", message, 1, true)
      assert.is_false(after)
    end))

  it("that fails as a task's whole body fails the task", function()
    local errors = caught(cosched.run, coroutine.yield, bad)
    assert.matches("bad argument #1 to 'sleep'", tostring(errors), 1, true)
    errors = caught(cosched.run, pcall, coroutine.yield, bad)
    assert.matches("bad argument #1 to 'sleep'", tostring(errors), 1, true)
  end)

  it("that fails at the end of a task whose body is a tail call fails the task", function()
    local errors = caught(cosched.run, function() return coroutine.yield(bad) end)
    assert.matches("bad argument #1 to 'sleep'", tostring(errors), 1, true)
  end)

  it("that fails where no Lua code follows fails the task all the same", function()
    -- the hook that raises needs an instruction of Lua: the task's end has none
    local errors = caught(cosched.run, pcall, pcall, coroutine.yield, bad)
    assert.matches("bad argument #1 to 'sleep'", tostring(errors), 1, true)
  end)

  it("that fails as the argument of xpcall itself raises in the function around it", function()
    local reached
    local errors = caught(cosched.run, function()
      xpcall(coroutine.yield, function(e) return e end, bad)
      reached = true
    end)
    assert.is_nil(reached)
    assert.matches("bad argument #1 to 'sleep'", tostring(errors), 1, true)
  end)

  it("may be mixed with direct calls in any order", in_task(function()
    for i = 1, 300 do
      if i % 3 == 0 then
        assert.is_true(cosched.sleep(0))
      elseif i % 3 == 1 then
        assert.is_true((coroutine.yield(sys.sleep(0))))
      else
        assert.is_false((pcall(function()
          coroutine.yield(bad)
          return true
        end)))
      end
    end
  end))
end)

describe("a debug hook of the user's own", function()
  local function hooks(event, count)
    local hits = 0
    local function hook() hits = hits + 1 end
    debug.sethook(hook, event, count)
    return hook, function() return hits end
  end

  it("is there again after an error was raised at a yield", in_task(function()
    local hook, hits = hooks("", 1000)
    for _ = 1, 3 do
      caught(function()
        coroutine.yield(bad)
        return true
      end)
      local now, mask, count = debug.gethook()
      assert.is_true(rawequal(hook, now))
      assert.are.equal("", mask)
      assert.are.equal(1000, count)
    end
    for _ = 1, 20000 do local _ = {} end
    debug.sethook()
    assert.is_true(hits() >= 20)
  end))

  it("is there again after a cancellation was raised at a yield", in_task(function()
    local task = cosched.spawn(function()
      local hook = hooks "l"
      cosched.current():cancel "now"
      caught(function()
        coroutine.yield()
        return true
      end)
      local now, mask = debug.gethook()
      debug.sethook()
      return rawequal(hook, now), mask
    end)
    assert.are.same({ true, "l" }, { task:join() })
  end))

  it("sees the lines of a task on both sides of a wait", in_task(function()
    local hook, hits = hooks "l"
    cosched.sleep(0.0001)
    local before = hits()
    coroutine.yield(sys.sleep(0))
    local after = hits()
    debug.sethook()
    assert.is_function(hook)
    assert.is_true(after > before)
  end))

  it("is inherited by the tasks that are made under it, and by no other", in_task(function()
    -- as with Lua's own coroutines: the mask goes over, not debug's entry for it
    local function has_hook() return select("#", debug.gethook()) > 1 end
    hooks "l"
    local task = cosched.spawn(has_hook)
    debug.sethook()
    assert.is_true(task:join())
    for _ = 1, 3 do assert.is_false(cosched.spawn(has_hook):join()) end
  end))

  it("is none where there was none", in_task(function()
    caught(function()
      coroutine.yield(bad)
      return true
    end)
    assert.is_nil((debug.gethook()))
  end))
end)
