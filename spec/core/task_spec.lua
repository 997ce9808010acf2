-- Tasks: order, identity, what goes in and what comes out.
local cosched = require "cosched"
local support = require "spec.support.task"
local in_task, caught = support.in_task, support.caught

local function numbers(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return list
end

local function nothing() end

describe("spawn", function()
  it("runs no child before its maker waits, and then each in the order of its making",
    in_task(function()
      local log = {}
      for i = 1, 3 do cosched.spawn(function() log[#log + 1] = i end) end
      log[#log + 1] = "p"
      cosched.checkpoint()
      assert.are.same({ "p", 1, 2, 3 }, log)
    end))

  it("puts a task that was made ready behind those that are", in_task(function()
    local log = {}
    local function say(word)
      return function() log[#log + 1] = word end
    end
    cosched.spawn(function()
      cosched.spawn(say "grandchild")
      log[#log + 1] = "first"
      cosched.checkpoint()
      log[#log + 1] = "first again"
    end)
    cosched.spawn(say "second")
    cosched.sleep(0.001)
    assert.are.same({ "first", "second", "grandchild", "first again" }, log)
  end))

  it("gives each task a number that none had before it", function()
    local seen, last = {}, 0
    for _ = 1, 3 do
      cosched.run(function()
        for _ = 1, 50 do
          local task = cosched.spawn(nothing)
          task:join()
          assert.is_nil(seen[task.tid])
          assert.is_true(task.tid > last)
          seen[task.tid], last = true, task.tid
        end
      end)
    end
  end)

  for _, n in ipairs { 0, 1, 2, 20, 250, 10000 } do
    it(("hands over %d arguments and %d results"):format(n, n), in_task(function()
      local got
      local task = cosched.spawn(function(...)
        got = table.pack(...)
        cosched.checkpoint()
        return ...
      end, table.unpack(numbers(n)))
      local results = table.pack(task:join())
      assert.are.equal(n, got.n)
      assert.are.equal(n, results.n)
      assert.are.equal(n, select("#", task:join()))
      for i = 1, n do
        assert(got[i] == i and results[i] == i)
      end
    end))
  end

  it("keeps every nil among arguments and results", in_task(function()
    local task = cosched.spawn(function(...)
      assert.are.equal(4, select("#", ...))
      return nil, ..., nil
    end, nil, 1, nil, nil)
    assert.are.same({ n = 3, [2] = nil }, table.pack(task:join()))
    local first = table.pack(cosched.spawn(function() return nil end):join())
    assert.are.same({ n = 1 }, first)
  end))

  it("starts a C function as well", in_task(function()
    local task = cosched.spawn(math.max, 1, 7, 3)
    assert.are.equal("C function", task.name)
    assert.are.equal(7, task:join())
  end))

  it("refuses what is not a function, naming the argument", in_task(function()
    local before = cosched.spawn(nothing).tid
    assert.has_error(function() cosched.spawn() end,
      "bad argument #1 to 'spawn' (function expected, got no value)")
    assert.has_error(function() cosched.spawn(setmetatable({}, { __call = nothing })) end,
      "bad argument #1 to 'spawn' (function expected, got table)")
    assert.are.equal(before + 1, cosched.spawn(nothing).tid)
  end))

  it("says what to do when no scheduler runs", function()
    local message = caught(cosched.spawn, nothing)
    assert.matches("no scheduler is running", message, 1, true)
    assert.matches("cosched.run", message, 1, true)
  end)

  it("takes too many arguments for an error, and goes on", in_task(function()
    local list = numbers(300000)
    local ok, message = pcall(function()
      return cosched.spawn(nothing, table.unpack(list)):join()
    end)
    if not ok then assert.matches("too many", message) end
    assert.are.equal(5, cosched.spawn(function() return 5 end):join())
  end))
end)

describe("run", function()
  it("returns what its function returns, nil included", function()
    assert.are.same({ n = 3, 1, nil, 3 }, table.pack(cosched.run(function(...)
      return ...
    end, 1, nil, 3)))
    assert.are.equal(0, select("#", cosched.run(nothing)))
    assert.are.equal(10000, select("#", cosched.run(table.unpack, numbers(10000))))
  end)

  it("ends when the last task has, not with its function", function()
    local log = {}
    cosched.run(function()
      cosched.spawn(function()
        cosched.spawn(function()
          cosched.sleep(0.002)
          log[#log + 1] = "grandchild"
        end)
        cosched.sleep(0.001)
        log[#log + 1] = "child"
      end)
      log[#log + 1] = "main"
    end)
    assert.are.same({ "main", "child", "grandchild" }, log)
  end)

  it("refuses what is not a function", function()
    assert.has_error(function() cosched.run(5) end,
      "bad argument #1 to 'run' (function expected, got number)")
    assert.has_error(function() cosched.run() end,
      "bad argument #1 to 'run' (function expected, got no value)")
  end)

  it("names an option that it does not know", function()
    assert.matches("unknown field 'colour'",
      caught(cosched.run, { colour = "red" }, nothing), 1, true)
    assert.are.equal(1, cosched.run({}, function() return 1 end))
  end)
end)

describe("a task", function()
  it("has a name made of its function's place", in_task(function()
    local line = debug.getinfo(1, "l").currentline + 1
    local task = cosched.spawn(function() end)
    local expected = debug.getinfo(1, "S").short_src .. ":" .. line
    assert.are.equal(expected, task.name)
    assert.are.equal(("cosched.Task: %d (%s)"):format(task.tid, expected), tostring(task))
    task:join()
    assert.are.equal(expected, task.name)
  end))

  it("says what state it is in", in_task(function()
    local main = cosched.current()
    local task = cosched.spawn(function()
      assert.are.equal("running", cosched.current():status())
      assert.are.equal("waiting", main:status())
      cosched.sleep(0.001)
    end)
    assert.are.equal("ready", task:status())
    task:join()
    assert.are.equal("running", main:status())
    assert.are.equal("done", task:status())
  end))

  it("waits, then is done", in_task(function()
    local task = cosched.spawn(cosched.sleep, 0.001)
    cosched.checkpoint()
    assert.are.equal("waiting", task:status())
    task:join()
    assert.are.equal("done", task:status())
  end))

  it("has no result before its end", in_task(function()
    local task = cosched.spawn(cosched.sleep, 0.001)
    assert.is_nil((task:result()))
    cosched.checkpoint()
    assert.is_nil((task:result()))
    assert.are.equal("ok", task:wait())
    assert.are.same({ n = 2, "ok", true }, table.pack(task:result()))
  end))

  it("keeps all its results", in_task(function()
    local task = cosched.spawn(function() return 1, nil, 3, nil end)
    task:wait()
    assert.are.same({ n = 5, "ok", 1, nil, 3, nil }, table.pack(task:result()))
    local empty = cosched.spawn(nothing)
    empty:wait()
    assert.are.same({ n = 1, "ok" }, table.pack(empty:result()))
  end))

  it("has a cancellation for its result when it was cancelled", in_task(function()
    local task = cosched.spawn(cosched.sleep, 10)
    task:cancel "enough"
    assert.are.equal("cancelled", task:wait())
    local status, reason = task:result()
    assert.are.equal("cancelled", status)
    assert.is_true(cosched.is_cancelled(reason))
    assert.are.equal("enough", reason.reason)
  end))

  it("shows where it waits", in_task(function()
    local task = cosched.spawn(function()
      local line = debug.getinfo(1, "l").currentline + 1
      cosched.sleep(0.002)
      return line
    end)
    cosched.checkpoint()
    local traceback = task:traceback()
    assert.matches("task_spec.lua:" .. task:join(), traceback, 1, true)
    assert.is_nil(task:traceback())
  end))

  it("shows its own stack, and one that has not begun", in_task(function()
    assert.matches("task_spec.lua", cosched.current():traceback(), 1, true)
    local task = cosched.spawn(nothing)
    assert.matches("^stack traceback:", task:traceback())
  end))

  it("is one object, however it is found", in_task(function()
    local task
    task = cosched.spawn(function()
      assert.is_true(rawequal(task, cosched.current()))
      assert.is_true(rawequal(task, cosched.task(cosched.get_tid())))
      assert.are.equal(task.tid, cosched.get_tid())
    end)
    task:join()
  end))

  it("cannot be found once it is done", in_task(function()
    local task = cosched.spawn(nothing)
    task:join()
    assert.are.same({ n = 3, nil, "no such task", "ESRCH" },
      table.pack(cosched.task(task.tid)))
    assert.is_nil((cosched.task(0)))
    assert.is_nil((cosched.task(-1)))
    assert.is_nil((cosched.task(math.maxinteger)))
  end))

  it("is found by a number only", in_task(function()
    assert.has_error(function() cosched.task "x" end,
      "bad argument #1 to 'task' (number expected, got string)")
    assert.has_error(function() cosched.task(1.5) end,
      "bad argument #1 to 'task' (number has no integer representation)")
  end))

  it("does not exist outside of run", function()
    assert.is_nil((cosched.current()))
    assert.is_nil((cosched.get_tid()))
    assert.is_nil((cosched.task(1)))
  end)

  it("hides its metatable", in_task(function()
    assert.are.equal("cosched.Task", getmetatable(cosched.current()))
    assert.has_error(function() cosched.current().tid = 5 end)
    assert.is_nil(cosched.current().colour)
  end))

  for _, method in ipairs {
    "join", "wait", "result", "cancel", "kill", "status", "traceback",
  } do
    it(("has %s, which refuses what is not a task"):format(method), in_task(function()
      local fn = cosched.current()[method]
      for _, wrong in ipairs { 5, "x", {}, io.stdout, cosched.sys.now() } do
        assert.matches("cosched.Task expected, got ", caught(fn, wrong), 1, true)
      end
      assert.matches("cosched.Task expected, got no value", caught(fn), 1, true)
    end))
  end

  it("can be asked after its run has ended", function()
    local task
    cosched.run(function() task = cosched.spawn(function() return 7 end) end)
    collectgarbage()
    assert.are.equal("done", task:status())
    assert.are.same({ "ok", 7 }, { task:result() })
    assert.is_false(task:cancel "late")
    assert.is_false(task:kill())
    assert.are.equal(7, cosched.run(function() return task:join() end))
  end)

  it("is forgotten when nobody holds it", in_task(function()
    local weak = setmetatable({}, { __mode = "k" })
    for _ = 1, 10 do weak[cosched.spawn(nothing)] = true end
    cosched.checkpoint()
    collectgarbage()
    assert.is_nil(next(weak))
  end))
end)
