-- tasks, ps, tree, stats: what all tasks are doing.
local cosched = require "cosched"
local net = require "cosched.net"
local support = require "spec.support.task"
local time = require "spec.support.virtual"
local in_task, many, virtual = support.in_task, support.many, time.virtual

local function here() return debug.getinfo(2, "l").currentline end

-- The place of WAIT, which may have spaces, as its name may.
local WAIT = "^ *" .. ("%S+ +"):rep(5) .. "%S+  (" .. ("."):rep(24) .. ")"

-- The rows of ps, by tid: each a table of its columns.
local function rows()
  local found, columns = {}, nil
  for line in (cosched.ps() .. "\n"):gmatch "(.-)\n" do
    local words = {}
    for word in line:gmatch "%S+" do words[#words + 1] = word end
    if columns then
      local row = { WAIT = line:match(WAIT):match "^(.-) *$", line = line }
      for i = 1, 6 do row[columns[i]] = words[i] end
      found[tonumber(words[1])] = row
    else
      columns = words
    end
  end
  return found, columns
end

local function wait_for_all() cosched.sleep(0.001) end

describe("tasks", function()
  it("are all that have not ended, the oldest first", virtual(function()
    local main = cosched.current()
    local list = { main }
    for i = 2, 6 do list[i] = cosched.spawn(cosched.sleep, i) end
    assert.same(list, cosched.tasks())
    cosched.sleep(3.5)
    assert.same({ main, table.unpack(list, 4) }, cosched.tasks())
  end))

  it("are in order, whoever owns them", virtual(function()
    cosched.nursery(function(outer)
      cosched.nursery(function(inner)
        for i = 1, 9 do
          local owner = i % 2 == 0 and inner or outer
          owner:spawn(function() cosched.spawn(cosched.sleep, 1) cosched.sleep(1) end)
        end
        cosched.checkpoint()
        local last = 0
        for _, task in ipairs(cosched.tasks()) do
          assert.is_true(task.tid > last)
          last = task.tid
        end
        assert.equal(19, #cosched.tasks())
      end)
    end)
  end))

  it("are none outside of a run", function()
    assert.same({}, cosched.tasks())
    assert.equal("", cosched.tree())
    assert.matches("^ *TID[^\n]*$", cosched.ps())
  end)
end)

describe("ps", function()
  it("has the columns that its head names", virtual(function()
    local _, columns = rows()
    assert.equal("TID PPID STATE AGE STEPS CPU WAIT NAME WHERE", table.concat(columns, " "))
  end))

  it("tells parents, states, ages and steps", virtual(function()
    local main = cosched.get_tid()
    local child, grandchild
    child = cosched.spawn(function()
      grandchild = cosched.spawn(cosched.sleep, 60)
      cosched.checkpoint()
      cosched.sleep(60)
    end)
    cosched.sleep(2)
    local ready = cosched.spawn(wait_for_all)
    local found = rows()
    assert.equal("running", found[main].STATE)
    assert.equal("0", found[main].PPID)
    assert.equal("2.000", found[main].AGE)
    assert.same({ tostring(main), "waiting", "2", "2.000" },
      { found[child.tid].PPID, found[child.tid].STATE, found[child.tid].STEPS,
        found[child.tid].AGE })
    assert.equal(tostring(child.tid), found[grandchild.tid].PPID)
    assert.same({ "ready", "0", "-", "0.000" },
      { found[ready.tid].STATE, found[ready.tid].STEPS, found[ready.tid].CPU,
        found[ready.tid].AGE })
    child:cancel()
  end))

  it("tells what each waits for", in_task(function()
    local lock, channel = cosched.lock "the accounts", cosched.channel()
    local a, peer = assert(net.socketpair())
    local waits = {
      sleep = function() cosched.sleep(60) end,
      ever = cosched.forever,
      ["lock 'the accounts'"] = function() lock:acquire() end,
      ["the end of a task"] = function()
        cosched.spawn(cosched.forever):join()
      end,
      data = function() a:recv() end,
      ["a condition"] = function()
        local condition = cosched.condition()
        local _ <close> = condition:acquire()
        condition:wait()
      end,
      ["the starting shot"] = function() cosched.event("the starting shot"):wait() end,
      Godot = cosched.syscall { name = "Godot", start = function(wait) return wait:park() end },
    }
    local guard <close> = lock:acquire()
    local tasks = {}
    for what, fn in pairs(waits) do tasks[what] = cosched.spawn(fn) end
    local receiver = cosched.spawn(channel.recv, channel)
    wait_for_all()
    local found = rows()
    for what, task in pairs(tasks) do
      assert.equal(what:sub(1, 24), found[task.tid].WAIT:sub(1, #what))
      task:cancel()
    end
    assert.equal("channel receive", found[receiver.tid].WAIT)
    assert.equal("-", found[cosched.get_tid()].WAIT)
    assert(guard)
    receiver:cancel()
    a:close()
    peer:close()
  end))

  it("names the place of each: of the running task that in the program", virtual(function()
    local line = here()
    local task = cosched.spawn(function()
      cosched.sleep(60) -- line + 2
    end)
    wait_for_all()
    local found = rows() -- line + 5
    assert.matches("inspect_spec.lua:" .. line + 2 .. "$", found[task.tid].line)
    assert.matches("inspect_spec.lua:%d+$", found[cosched.get_tid()].line)
    local text = cosched.ps() -- line + 8
    assert.matches(("\n *%d [^\n]*inspect_spec.lua:%d\n"):format(cosched.get_tid(), line + 8), text)
    task:cancel()
  end))

  it("names functions of C, and tasks that have not begun", virtual(function()
    local task = cosched.spawn(cosched.sleep, 60)
    assert.matches("C function +%-$", rows()[task.tid].line)
    wait_for_all()
    assert.matches("C function +%-$", rows()[task.tid].line)
    task:cancel()
  end))

  it("tells the CPU seconds where they are measured", function()
    cosched.run({ cpu = true }, function()
      local task = cosched.spawn(cosched.sleep, 0.005)
      wait_for_all()
      assert.matches("^0%.%d%d%d$", rows()[task.tid].CPU)
    end)
  end)

  it("survives a task whose thread was closed by somebody else", virtual(function()
    local thread
    local task = cosched.spawn(function()
      thread = coroutine.running()
      pcall(cosched.sleep, 60)
    end)
    cosched.supervisor(function()
      cosched.checkpoint()
      coroutine.close(thread)
      assert.equal("waiting", rows()[task.tid].STATE)
      assert.matches("task " .. task.tid, cosched.tree())
      assert.is_true(cosched.dump(assert(io.tmpfile())))
    end)
    task:kill()
  end))

  it("has a row for each of ten thousand tasks, and so have tree and dump", virtual(function()
    local n = many(10000)
    cosched.nursery(function(nursery)
      for _ = 1, n do nursery:spawn(cosched.sleep, 1) end
      cosched.checkpoint()
      local lines = select(2, cosched.ps():gsub("\n", ""))
      assert.equal(n + 1, lines)
      assert.equal(n + 1, select(2, cosched.tree():gsub("\n", "")))
      local file <close> = assert(io.tmpfile())
      assert.is_true(cosched.dump(file))
      file:seek "set"
      assert.equal(n + 1 .. " tasks", file:read "l")
    end)
  end))

  it("and tree take thousands of tasks below one another", virtual(function()
    local n = many(5000)
    local function nest(left)
      if left > 0 then cosched.spawn(nest, left - 1) end
      cosched.sleep(60)
    end
    local top = cosched.spawn(nest, n)
    cosched.sleep(1)
    assert.equal(n + 2, select(2, cosched.ps():gsub("\n", "")))
    assert.equal(n + 1, select(2, cosched.tree():gsub("\n", "")))
    top:cancel()
  end))
end)

-- tree without what differs from machine to machine: names and numbers of lines
local function tree()
  local first = cosched.tasks()[1].tid
  return "\n" .. cosched.tree():gsub("%b() ", ""):gsub("task (%d+)", function(tid)
    return "task " .. tid - first + 1
  end) .. "\n"
end

describe("tree", function()
  it("shows tasks below the nurseries and tasks that own them", virtual(function()
    cosched.spawn(function()
      cosched.spawn(cosched.sleep, 60)
      cosched.nursery(function(n)
        n:spawn(cosched.sleep, 60)
        n:daemon(cosched.forever)
        cosched.sleep(60)
      end)
    end)
    cosched.spawn(cosched.sleep, 60)
    cosched.sleep(1)
    assert.equal([[

task 1 running
  task 2 waiting, on sleep
    task 4 waiting, on sleep
    nursery
      task 5 waiting, on sleep
      task 6 waiting, on ever, daemon
  task 3 waiting, on sleep
]], tree())
  end))

  it("shows scopes one inside the other, with deadlines, shields, cancellations",
    virtual(function()
      local scope = cosched.scope { shield = true, timeout = 30 }
      local task = cosched.spawn(function()
        cosched.move_on(10, function()
          cosched.nursery(function(n)
            scope:run(function()
              n:spawn(cosched.sleep, 60)
              cosched.sleep(20)
            end)
          end)
        end)
      end)
      cosched.sleep(1)
      assert.equal([[

task 1 running
  task 2 waiting, on sleep
    scope, deadline in 9.000 s
      nursery
        task 3 waiting, on sleep
        scope, shielded, deadline in 29.000 s
]], tree())
      task:cancel()
      assert.equal([[

task 1 running
  task 2 waiting, on sleep, cancelled
    scope, cancelled, deadline in 9.000 s
      nursery, cancelled
        task 3 ready, cancelled
        scope, shielded, deadline in 29.000 s
]], (tree():gsub("task 2 waiting, on sleep\n", "task 2 waiting, on sleep, cancelled\n")))
      scope:cancel()
      cosched.checkpoint()
      assert.equal("\ntask 1 running\n", tree())
    end))

  it("shows the children of a killed task at the root", virtual(function()
    local task = cosched.spawn(function()
      cosched.spawn(function()
        pcall(cosched.sleep, 60)
        cosched.shield(5, cosched.sleep, 3)
      end)
      cosched.sleep(60)
    end)
    cosched.sleep(1)
    task:kill()
    cosched.sleep(1)
    assert.equal("\ntask 1 running\ntask 3 waiting, on sleep, cancelled\n  scope, shielded, "
      .. "deadline in 4.000 s\n", (tree():gsub("on sleep\n", "on sleep, cancelled\n")))
  end))
end)

describe("stats", function()
  it("counts tasks, steps, deadlines", virtual(function()
    local before = cosched.stats()
    for _ = 1, 5 do cosched.spawn(cosched.sleep, 1) end
    cosched.checkpoint()
    local now = cosched.stats()
    assert.same({ 5, 5, 5 },
      { now.tasks - before.tasks, now.spawned - before.spawned, now.timers - before.timers })
    for name, value in pairs(now) do assert.equal("integer", math.type(value), name) end
    cosched.sleep(2)
    assert.equal(before.tasks, cosched.stats().tasks)
    assert.is_true(cosched.stats().steps > before.steps)
  end))
end)
