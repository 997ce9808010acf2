-- One table of calls: each directly, and as an object that is yielded.
local cosched = require "cosched"
local core = require "cosched.core"
local support = require "spec.support.task"
local in_task, caught = support.in_task, support.caught
local sys = cosched.sys

local function nothing() end

local TWICE = [[
  local m, object = ...
  return function(...) return table.pack(m.%s(...)) end,
    function() return table.pack(coroutine.yield(object)) end
]]

-- Where a row is a function: of the module, or of objects.
local function home_of(name)
  for _, home in ipairs { core, core.Socket, core.Listener } do
    if home[name] then return home end
  end
  return { [name] = cosched.current()[name] }
end

-- Makes the same call twice: as it is, under its own name, and yielded.
local function both(name, ...)
  local source = TWICE:format(name)
  local direct, yielded = load(source, "=twice")(home_of(name), sys[name](...))
  local function without_line(ok, result, ...)
    return { ok, type(result) == "string" and result:gsub("twice:%d+:", "twice:") or result, ... }
  end
  return without_line(pcall(direct, ...)), without_line(pcall(yielded))
end

describe("a call and its object", function()
  local rows = {
    { "sleep", 0 }, { "sleep", 0.0001 }, { "sleep" }, { "sleep", "x" }, { "sleep", "0.0001" },
    { "sleep", -1 }, { "sleep", 0 / 0 }, { "sleep", {} }, { "sleep", nil, 1 },
    { "checkpoint" }, { "get_tid" }, { "current" },
    { "wait_task", 0 }, { "wait_task", -1 }, { "wait_task" }, { "wait_task", "x" },
    { "wait_task", 1.5 }, { "wait_task", print },
    { "kill_task", 0 }, { "kill_task" }, { "kill_task", {} },
    { "task", 0 }, { "task" }, { "task", "x" },
    { "new_task" }, { "new_task", 5 }, { "spawn", "x" },
    { "join" }, { "join", 5 }, { "wait", {} }, { "cancel", "x" }, { "kill", 5 },
    { "read_wait", -1 }, { "read_wait" }, { "read_wait", {} }, { "read_wait", 1 << 30 },
    { "write_wait", "x" }, { "write_wait", 999999 },
    { "resolve" }, { "resolve", 5 }, { "resolve", "127.0.0.1" }, { "resolve", "::1", "inet" },
    { "resolve", "localhost", "ipx" }, { "resolve", "a\0b" },
    { "connect" }, { "connect", "127.0.0.1" }, { "connect", "127.0.0.1", 65536 },
    { "connect", "not an address", 80 }, { "listen", "127.0.0.1", -1 },
    { "listen", "127.0.0.1", 0, 5 }, { "accept", 5 }, { "recv" }, { "send", 5, "x" },
    { "syscall", 5 }, { "syscall", {} }, { "syscall", { name = "x" } },
  }
  for _, row in ipairs(rows) do
    local name = row[1]
    local arguments = {}
    for i = 2, #row do arguments[#arguments + 1] = tostring(row[i]) end

    it(("give the same: %s(%s)"):format(name, table.concat(arguments, ", ")), in_task(function()
      local direct, yielded = both(table.unpack(row))
      assert.are.equal(direct[1], yielded[1])
      assert.are.same(direct[2], yielded[2])
      if not direct[1] then
        assert.matches("^twice: ", direct[2])
        assert.matches(name, direct[2], 1, true)
      end
    end))
  end

  it("exist for every call of the module", function()
    for name in pairs(sys) do
      local object = sys[name]()
      assert.are.equal("cosched.syscall: " .. name, tostring(object))
    end
    for _, name in ipairs {
      "get_tid", "new_task", "kill_task", "wait_task", "sleep", "checkpoint", "now",
      "read_wait", "write_wait", "recv", "send", "accept", "resolve", "spawn", "current",
    } do
      assert.is_function(sys[name], name)
    end
  end)

  it("give the time", in_task(function()
    local before = cosched.now()
    local now = coroutine.yield(sys.now())
    assert.is_true(before <= now and now <= cosched.now())
  end))

  it("give a task's tid and its outcome", in_task(function()
    local tid = coroutine.yield(sys.new_task(function(a, b) return a + b end, 1, 2))
    assert.is_true(math.type(tid) == "integer")
    local slow = cosched.new_task(cosched.sleep, 0.001)
    assert.are.equal("ok", (coroutine.yield(sys.wait_task(slow))))
    assert.are.equal("cancelled", (function()
      local other = cosched.new_task(cosched.sleep, 3600)
      cosched.spawn(cosched.kill_task, other)
      local outcome = coroutine.yield(sys.wait_task(other))
      return outcome
    end)())
  end))

  it("join a task, with all its results", in_task(function()
    local task = cosched.spawn(function() return 1, nil, 3, nil end)
    assert.are.same({ n = 4, 1, nil, 3 }, table.pack(coroutine.yield(sys.join(task))))
    assert.are.same({ n = 4, 1, nil, 3 }, table.pack(coroutine.yield(sys.join(task))))
  end))

  it("raise the very error of a task that is joined", function()
    local object, seen = {}, nil
    cosched.run(cosched.supervisor, function(nursery)
      local task = nursery:spawn(error, object)
      seen = caught(function()
        local result = coroutine.yield(sys.join(task))
        return result
      end)
    end)
    assert.is_true(cosched.is_errors(seen))
    assert.is_true(rawequal(object, seen.error))
  end)
end)

describe("an object", function()
  it("can be yielded again and again", in_task(function()
    local object = sys.wait_task(0)
    for _ = 1, 100 do
      assert.are.same({ n = 3, nil, "no such task", "ESRCH" },
        table.pack(coroutine.yield(object)))
    end
  end))

  it("can be yielded by many tasks at once", in_task(function()
    local object, done = sys.sleep(0.002), 0
    for _ = 1, 100 do
      cosched.spawn(function()
        coroutine.yield(object)
        coroutine.yield(object)
        done = done + 1
      end)
    end
    coroutine.yield(object)
    coroutine.yield(object)
    coroutine.yield(object)
    assert.are.equal(100, done)
  end))

  it("can be made outside of run, and used in several", function()
    local object = sys.sleep(0.0001)
    for _ = 1, 3 do
      assert.is_true(cosched.run(function() return (coroutine.yield(object)) end))
    end
  end)

  it("cannot be changed nor looked into", function()
    local object = sys.sleep(1)
    assert.are.equal("cosched.syscall", getmetatable(object))
    assert.has_error(function() object.name = "x" end)
    assert.has_error(function() return object.name end)
    assert.has_error(function() setmetatable(object, {}) end)
  end)

  it("without arguments is made once", function()
    assert.is_true(rawequal(sys.checkpoint(), sys.checkpoint()))
  end)

  it("keeps its arguments, nil among them, through a collection", in_task(function()
    local got
    local object = sys.new_task(function(...) got = table.pack(...) end, nil, {}, nil)
    collectgarbage()
    local tid = coroutine.yield(object)
    cosched.wait_task(tid)
    assert.are.same({ n = 3, nil, {}, nil }, got)
  end))

  it("holds 250 arguments, and says when there are more", in_task(function()
    local list, got = {}, nil
    for i = 1, 249 do list[i] = i end
    coroutine.yield(sys.new_task(function(...) got = select("#", ...) end, table.unpack(list)))
    cosched.checkpoint()
    assert.are.equal(249, got)
    list[250] = 250
    assert.matches("too many arguments",
      caught(sys.new_task, nothing, table.unpack(list)), 1, true)
  end))

  it("goes through the ready queue even if its answer is there", in_task(function()
    local log = {}
    cosched.spawn(function() log[#log + 1] = "other" end)
    cosched.get_tid()
    log[#log + 1] = "direct"
    coroutine.yield(sys.get_tid())
    log[#log + 1] = "yielded"
    assert.are.same({ "direct", "other", "yielded" }, log)
  end))

  it("of new_task starts the task before its maker goes on", in_task(function()
    local log = {}
    local function child() log[#log + 1] = "child" end
    coroutine.yield(sys.new_task(child))
    log[#log + 1] = "maker"
    cosched.new_task(child)
    log[#log + 1] = "maker"
    cosched.checkpoint()
    assert.are.same({ "child", "maker", "maker", "child" }, log)
  end))

  it("of kill_task has ended the task before its killer goes on", in_task(function()
    local task = cosched.spawn(cosched.sleep, 3600)
    cosched.checkpoint()
    assert.is_true((coroutine.yield(sys.kill_task(task.tid))))
    assert.are.equal("done", task:status())
    assert.is_false((coroutine.yield(sys.kill_task(task.tid))))
  end))

  it("of kill_task on oneself never returns", in_task(function()
    local reached = false
    local task = cosched.spawn(function()
      pcall(coroutine.yield, sys.kill_task(cosched.get_tid()))
      reached = true
    end)
    assert.are.equal("cancelled", task:wait())
    assert.is_false(reached)
  end))
end)

describe("calls that can answer at once", function()
  it("let the others run after 64 in a row", in_task(function()
    local others = 0
    cosched.spawn(function() others = others + 1 end)
    local calls = 0
    while others == 0 and calls < 1000 do
      cosched.wait_task(0)
      calls = calls + 1
    end
    assert.is_true(calls > 1)
    assert.is_true(calls <= 64)
  end))

  it("give their results all the same when it is the turn of others", in_task(function()
    cosched.spawn(nothing)
    for _ = 1, 200 do
      assert.are.same({ n = 3, nil, "no such task", "ESRCH" }, table.pack(cosched.wait_task(0)))
    end
  end))

  it("that only look do not wait at all", in_task(function()
    local others = 0
    cosched.spawn(function() others = others + 1 end)
    for _ = 1, 1000 do
      cosched.now()
      cosched.get_tid()
      cosched.current()
    end
    assert.are.equal(0, others)
  end))
end)
