-- Instruments: functions that are told what happens.
local cosched = require "cosched"
local net = require "cosched.net"
local process = require "spec.support.process"
local support = require "spec.support.task"
local time = require "spec.support.virtual"
local caught, virtual = support.caught, time.virtual

local TASK_EVENTS = {
  "task_spawned", "task_scheduled", "before_step", "after_step", "task_exited", "wait_begin",
  "wait_end", "cancel",
}

-- An instrument for events of tasks that adds "event tid detail" to a list; tids are
-- counted from the running task, which is 0.
local function noting(events)
  local list, functions, first = {}, {}, cosched.get_tid() or 0
  for _, event in ipairs(events) do
    functions[event] = function(task, ...)
      list[#list + 1] = table.concat({ event, task.tid - first, ... }, " ")
    end
  end
  return list, cosched.instrument(functions)
end

-- What the warnings are that fn leads to, run by a program of its own.
local function warnings(code)
  local file <close> = process.file(code)
  local command = process.words(process.LUA, "-W", file.path)
  local status, out, err = process.run(command)
  return err, out, status
end

describe("an instrument", function()
  it("is told of a task's whole life, in order", virtual(function()
    local list, instrument <close> = noting(TASK_EVENTS)
    cosched.spawn(function() cosched.sleep(1) return "done" end)
    cosched.sleep(2)
    instrument:remove()
    local of_child = {}
    for _, line in ipairs(list) do
      if line:find(" 1", 1, true) then of_child[#of_child + 1] = line:gsub(" 1", "", 1) end
    end
    assert.same({
      "task_spawned", "task_scheduled", "before_step", "after_step", "wait_begin sleep",
      "task_scheduled", "wait_end", "before_step", "task_exited ok",
    }, of_child)
  end))

  it("is told how a task has ended", virtual(function()
    local list, _ <close> = noting { "task_exited" }
    cosched.supervisor({ on_error = function() end }, function(n)
      n:spawn(error, "boom")
      n:spawn(cosched.sleep, 60):cancel()
      n:spawn(cosched.sleep, 60):kill()
      n:spawn(function() end)
    end)
    table.sort(list)
    assert.same({
      "task_exited 1 error", "task_exited 2 cancelled", "task_exited 3 cancelled",
      "task_exited 4 ok",
    }, list)
  end))

  it("is told before a task hears that it is cancelled", virtual(function()
    local list, _ <close> = noting { "cancel", "before_step" }
    local task = cosched.spawn(function()
      pcall(cosched.sleep, 60)
      list[#list + 1] = "told"
    end)
    cosched.sleep(1)
    for i = #list, 1, -1 do list[i] = nil end
    task:cancel()
    task:wait()
    assert.same({ "cancel 1", "before_step 1", "told" }, { table.unpack(list, 1, 3) })
  end))

  it("is told when the system is asked, for how long, and that it was", function()
    local seen = {}
    cosched.run(function()
      local _ <close> = cosched.instrument {
        io_before = function(...)
          seen[#seen + 1] = select("#", ...) == 0 and "for ever" or math.type((...))
        end,
        io_after = function(...) seen[#seen + 1] = "after " .. select("#", ...) end,
      }
      cosched.sleep(0.001)
      assert.same({ "float", "after 0" }, { seen[1], seen[2] })
      net.resolve "localhost"
    end)
    local for_ever = 0
    for i = 1, #seen, 2 do
      if seen[i] == "for ever" then for_ever = for_ever + 1 end
      assert.equal("after 0", seen[i + 1])
    end
    assert.is_true(for_ever > 0)
  end)

  it("is told of a deadlock, with the error that run is going to raise", function()
    local told
    local instrument <close> = cosched.instrument {
      deadlock = function(problem) told = problem end,
    }
    local problem = caught(cosched.run, cosched.forever)
    assert.is_true(cosched.is_deadlock(told))
    assert.is_true(rawequal(problem, told))
    assert.is_true(instrument:remove())
  end)

  it("outlives a run, and may come before one", function()
    local list, instrument = noting { "task_exited" }
    cosched.run(function() end)
    cosched.run(function() end)
    assert.equal(2, #list)
    instrument:remove()
    cosched.run(function() end)
    assert.equal(2, #list)
  end)

  it("is removed by remove, once, and at the end of its block", virtual(function()
    local n = 0
    local function count() n = n + 1 end
    local instrument = cosched.instrument { task_spawned = count }
    cosched.spawn(print, "")
    cosched.tasks()[2]:kill()
    assert.equal(1, n)
    assert.is_true(instrument:remove())
    assert.is_false(instrument:remove())
    do
      local _ <close> = cosched.instrument { task_spawned = count }
      cosched.spawn(cosched.checkpoint)
    end
    cosched.spawn(cosched.checkpoint)
    assert.equal(2, n)
  end))

  it("is not told of what happens while one is called", virtual(function()
    local list, _ <close> = noting { "task_spawned" }
    local spawned = 0
    local _ <close> = cosched.instrument {
      task_spawned = function()
        spawned = spawned + 1
        cosched.spawn(function() spawned = spawned + 10 end)
      end,
    }
    cosched.spawn(cosched.checkpoint)
    cosched.sleep(1)
    assert.same({ "task_spawned 1" }, list)
    assert.equal(11, spawned)
  end))

  it("may be one of several, which are called in their order", virtual(function()
    local log = {}
    local list = {}
    for i = 1, 3 do
      list[i] = cosched.instrument { task_spawned = function() log[#log + 1] = i end }
    end
    cosched.spawn(cosched.checkpoint)
    list[2]:remove()
    cosched.spawn(cosched.checkpoint)
    list[1]:remove()
    list[3]:remove()
    cosched.spawn(cosched.checkpoint)
    assert.same({ 1, 2, 3, 1, 3 }, log)
  end))

  it("may remove itself and others, and add more, while it is called", virtual(function()
    local log = {}
    local first, second
    first = cosched.instrument {
      task_spawned = function()
        log[#log + 1] = "first"
        first:remove()
        second:remove()
        cosched.instrument { task_spawned = function() log[#log + 1] = "third" end }
      end,
    }
    second = cosched.instrument { task_spawned = function() log[#log + 1] = "second" end }
    cosched.spawn(cosched.checkpoint)
    log[#log + 1] = "-"
    local before = #log
    cosched.spawn(cosched.checkpoint)
    assert.equal("third", log[before + 1])
    assert.equal(before + 1, #log)
    for _, word in ipairs(log) do assert.not_equal("second", word) end
    -- what it has added goes by its own error
    cosched.instrument { task_spawned = function() end }:remove()
  end))

  it("copies its table: changing that later changes nothing", virtual(function()
    local n = 0
    local functions = { task_spawned = function() n = n + 1 end }
    local _ <close> = cosched.instrument(functions)
    functions.task_spawned = nil
    cosched.spawn(cosched.checkpoint)
    assert.equal(1, n)
  end))

  it("cannot wait", virtual(function()
    local problem
    local _ <close> = cosched.instrument {
      task_spawned = function() problem = caught(cosched.sleep, 1) end,
    }
    cosched.spawn(cosched.checkpoint)
    assert.is_string(problem)
  end))

  it("may cancel and kill the task that it is told of, at any event", function()
    for _, what in ipairs { "cancel", "kill" } do
      for _, event in ipairs(TASK_EVENTS) do
        for _ = 1, 2 do
          time.run(function()
            local victims, hits = {}, 0
            local instrument = cosched.instrument {
              [event] = function(task)
                if not victims[task.tid] then return end
                hits = hits + 1
                pcall(task[what], task)
              end,
            }
            if event == "task_spawned" then
              for i = 1, 9 do victims[cosched.get_tid() + i] = true end
            end
            local tasks = {}
            for i = 1, 9 do
              tasks[i] = cosched.spawn(function()
                for _ = 1, 5 do
                  coroutine.yield()
                  pcall(cosched.sleep, 1)
                end
              end)
              if i % 2 == 0 then victims[tasks[i].tid] = true end
            end
            cosched.sleep(2.5)
            tasks[1]:cancel()
            tasks[2]:cancel()
            cosched.sleep(20)
            instrument:remove()
            assert.equal(1, #cosched.tasks())
            assert.is_true(hits > 0, event)
          end)
        end
      end
    end
  end)

  it("is refused for unknown events, what is no function, and no table", function()
    local function check(message, functions)
      local problem = caught(function()
        local r = cosched.instrument(functions)
        return r
      end)
      assert.matches("instrument_spec.lua:%d+: " .. message, problem)
    end
    check("bad argument #1 to 'instrument' %(table expected, got nil%)", nil)
    check("unknown event 'task_born'", { task_born = print })
    check("unknown event '1'", { print })
    check("task_exited: function expected, got boolean", { task_exited = true })
  end)
end)

describe("an instrument that raises", function()
  it("is removed, and reported by warn; the program goes on, and so do others", function()
    local err, out, status = warnings [[
      local cosched = require "cosched"
      local n, others = 0, 0
      local instrument = cosched.instrument {
        task_spawned = function() n = n + 1 error "oops" end,
        task_exited = function() n = n + 100 end,
      }
      cosched.instrument { task_spawned = function() others = others + 1 end }
      print(cosched.run(function()
        for _ = 1, 3 do cosched.spawn(cosched.checkpoint) end
        cosched.sleep(0.001)
        return "fine", n, others, instrument:remove()
      end))
    ]]
    assert.equal(0, status)
    assert.equal("fine\t1\t4\tfalse\n", out)
    assert.matches("^Lua warning: cosched: an instrument has raised in task_spawned and is "
      .. "removed: .*oops\n$", err)
  end)

  it("does so whatever it raises", function()
    local err = warnings [[
      local cosched = require "cosched"
      local function raise(problem)
        cosched.instrument { task_spawned = function() error(problem) end }
        cosched.run(function() end)
      end
      raise(nil)
      raise {}
      raise(setmetatable({}, { __tostring = function() return "speaks" end }))
      raise(setmetatable({}, { __tostring = function() error "mute" end }))
      print(cosched.run(function() return "fine" end))
    ]]
    assert.matches("removed: nil\n.*removed: table: .*\n.*removed: speaks\n", err)
    assert.equal(4, select(2, err:gsub("an instrument has raised", "")))
  end)

  it("having removed itself, counts once: nothing is paid afterwards", virtual(function()
    local instrument
    instrument = cosched.instrument {
      task_spawned = function()
        instrument:remove()
        error "oops"
      end,
    }
    cosched.spawn(cosched.checkpoint)
    local list, other = noting { "task_spawned" }
    cosched.spawn(cosched.checkpoint)
    assert.equal(1, #list)
    other:remove()
  end))
end)
