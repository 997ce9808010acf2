-- The watchdog: a task that does not wait for too long is reported. And the CPU time
-- of tasks, and the thread that watches them.
local cosched = require "cosched"
local process = require "spec.support.process"
local support = require "spec.support.task"
local caught = support.caught

local LIMIT = 5 -- seconds of spinning, at most

local function spin(condition)
  local deadline = os.clock() + LIMIT
  repeat until condition() or os.clock() > deadline
end

-- Options with a watchdog that notes its reports.
local function watchdog(seconds, more)
  local reports = {}
  local options = {
    watchdog = seconds,
    on_stuck = function(task, traceback, reason)
      reports[#reports + 1] = { task = task, traceback = traceback, reason = reason }
    end,
  }
  for name, value in pairs(more or {}) do options[name] = value end
  return options, reports
end

describe("the watchdog", function()
  it("reports a busy task, with its traceback, to on_stuck", function()
    local options, reports = watchdog(0.002)
    local line = debug.getinfo(1, "l").currentline
    cosched.run(options, function()
      cosched.spawn(cosched.sleep, 0.001)
      local busy = cosched.spawn(function()
        spin(function() return #reports > 0 end) -- line + 4
        return "ended"
      end)
      assert.equal("ended", busy:join())
      assert.equal(1, #reports)
      assert.equal(busy, reports[1].task)
      assert.equal("busy", reports[1].reason)
      assert.matches("watchdog_spec.lua:" .. line + 4, reports[1].traceback, 1, true)
    end)
  end)

  it("reports it once for each time that it is busy", function()
    local options, reports = watchdog(0.002)
    cosched.run(options, function()
      for i = 1, 3 do
        spin(function() return #reports >= i end)
        local later = os.clock() + 0.006
        spin(function() return os.clock() > later end)
        assert.equal(i, #reports)
        cosched.checkpoint()
      end
    end)
  end)

  it("reports, where there are slices, what they cannot end", function()
    local options, reports = watchdog(0.04, { slice = 0.001 })
    cosched.run(options, function()
      local later = os.clock() + 0.05
      spin(function() return os.clock() > later end)
      assert.equal(0, #reports)
      table.sort({ 2, 1 }, function(a, b)
        spin(function() return #reports > 0 end)
        return a < b
      end)
      assert.equal(1, #reports)
    end)
  end)

  it("is silent about tasks that wait, for however long", function()
    local least = math.huge -- a busy machine may well stop a task for so long
    for _ = 1, 10 do
      local options, reports = watchdog(0.005)
      cosched.run(options, function()
        for _ = 1, 5 do cosched.spawn(cosched.sleep, 0.01) end
        cosched.sleep(0.015)
      end)
      least = math.min(least, #reports)
      if least == 0 then break end
    end
    assert.equal(0, least)
  end)

  it("reports what is busy below a C function, and in a coroutine once it has ended",
    function()
      local options, reports = watchdog(0.002)
      cosched.run(options, function()
        table.sort({ 2, 1 }, function(a, b)
          spin(function() return #reports > 0 end)
          return a < b
        end)
        assert.equal(1, #reports)
        cosched.checkpoint()
        local before = os.clock()
        coroutine.wrap(function() repeat until os.clock() > before + 0.008 end)()
        for _ = 1, 10 do end
        assert.equal(2, #reports)
      end)
    end)

  it("leaves the task as it was: it may be cancelled by on_stuck", function()
    local told
    cosched.run({
      watchdog = 0.002,
      on_stuck = function(task, _, reason) task:cancel(reason) end,
    }, function()
      local busy = cosched.spawn(function()
        spin(function() return cosched.deadline() == -math.huge end)
        told = caught(cosched.checkpoint)
        error(told, 0)
      end)
      assert.equal("cancelled", busy:wait())
    end)
    assert.equal("busy", told.reason)
  end)

  it("survives an on_stuck that raises, and one that wants to wait, with a warning", function()
    for _, fn in ipairs { function() error "oops" end, function() cosched.sleep(1) end } do
      local called, warned = 0, false
      cosched.run({
        watchdog = 0.002,
        on_stuck = function()
          called = called + 1
          warned = not pcall(fn)
          fn()
        end,
      }, function() spin(function() return called > 0 end) end)
      assert.equal(1, called)
      assert.is_true(warned)
    end
  end)

  it("warns of what on_stuck raises, such as by killing the task", function()
    local script <close> = process.file [[
      local cosched = require "cosched"
      for _, fn in ipairs { function() error {} end, function(task) task:kill() end } do
        local done
        local options = { watchdog = 0.002, on_stuck = function(task) done = true fn(task) end }
        print(cosched.run(options, function()
          local deadline = os.clock() + 5
          repeat until done or os.clock() > deadline
          return "fine"
        end))
      end
    ]]
    local status, out, err = process.run(process.words(process.LUA, "-W", script.path))
    assert.same({ 0, "fine\nfine\n" }, { status, out })
    assert.matches("^Lua warning: cosched: on_stuck has raised: table\nLua warning: cosched: "
      .. "on_stuck has raised: .-a task can kill itself only where it can wait\n$", err)
  end)

  it("reports to stderr unless there is an on_stuck", function()
    local script <close> = process.file [[
      local cosched = require "cosched"
      cosched.run({ watchdog = 0.002 }, function()
        local deadline = os.clock() + 0.02
        repeat until os.clock() > deadline
      end)
    ]]
    local status, out, err = process.run(process.words(process.LUA, script.path))
    assert.same({ 0, "" }, { status, out })
    assert.matches("^cosched: cosched%.Task: 1 %(.-%) has not waited for too long", err)
    assert.matches("stack traceback:\n.*" .. script.path:gsub("%p", "%%%0") .. ":4", err)
  end)

  it("goes with slices of instructions", function()
    local options, reports = watchdog(0.005, { slice_instructions = 1000000000 })
    cosched.run(options, function()
      local other = cosched.spawn(function() end)
      spin(function() return #reports > 0 end)
      assert.equal("ready", other:status()) -- its slice was not over
    end)
    assert.equal(1, #reports)
  end)
end)

describe("the thread that watches", function()
  local function threads()
    local n
    for line in io.lines "/proc/self/status" do n = n or line:match "^Threads:%s*(%d+)" end
    return tonumber(n)
  end

  it("is there during a run that wants it, and gone afterwards, also after errors", function()
    if not io.open "/proc/self/status" then return pending "no /proc" end
    local before = threads()
    cosched.run(function() assert.equal(before, threads()) end)
    for _, options in ipairs { { slice = 1 }, { watchdog = 1 }, { slice = 1, watchdog = 2 } } do
      cosched.run(options, function() assert.equal(before + 1, threads()) end)
      assert.equal(before, threads())
      caught(cosched.run, options, error, "boom")
      caught(cosched.run, options, cosched.forever)
      assert.equal(before, threads())
    end
  end)

  it("does not start for a run that cannot begin", function()
    if not io.open "/proc/self/status" then return pending "no /proc" end
    local before = threads()
    caught(cosched.run, { slice = 1, name = {} }, function() end)
    caught(cosched.run, { slice = 1, watchdog = -1 }, function() end)
    caught(cosched.run, { slice = 1 })
    assert.equal(before, threads())
  end)

  it("lets system calls be: a run that sleeps and reads is not disturbed", function()
    local options, reports = watchdog(0.004, { slice = 0.001 })
    cosched.run(options, function()
      local pipe = io.popen "sleep 0.02; echo done"
      assert.equal("done", pipe:read "l")
      pipe:close()
    end)
    assert.is_true(#reports > 0)
  end)
end)

describe("the CPU time of tasks", function()
  it("is measured when the run wants it, step by step", function()
    local core = require "cosched.core"
    cosched.run({ cpu = true }, function()
      local sleeper = cosched.spawn(cosched.sleep, 0.01)
      local busy = cosched.spawn(function()
        local deadline = os.clock() + 0.005
        repeat until os.clock() > deadline
        cosched.forever()
      end)
      cosched.sleep(0.005)
      local used, slept = core.inspect(busy).cpu, core.inspect(sleeper).cpu
      assert.is_true(used >= 0.004, used)
      assert.is_true(slept < used, slept)
      busy:cancel()
    end)
  end)

  it("does not grow while a task keeps the whole program waiting", function()
    local core = require "cosched.core"
    cosched.run({ cpu = true }, function()
      cosched.spawn(function()
        local pipe = io.popen "sleep 0.2"
        pipe:read "a"
        pipe:close()
        cosched.checkpoint()
        assert.is_true(core.inspect(cosched.current()).cpu < 0.15)
      end)
    end)
  end)

  it("is not otherwise", function()
    cosched.run(function()
      assert.is_nil(require("cosched.core").inspect(cosched.current()).cpu)
    end)
  end)
end)
