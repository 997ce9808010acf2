-- What strangers do to a task's thread: resume it, close it, yield across it.
-- The task fails with a clear message, the others are fine. And finalizers that
-- call the runtime in the middle of its own work.
local cosched = require "cosched"
local net = require "cosched.net"
local support = require "spec.support.task"
local in_task, caught, closing = support.in_task, support.caught, support.closing

local LONG = 3600

-- Runs `body` beside a bystander; returns the errors of tasks that failed. One that
-- could not be reported by the task itself is raised by the supervisor at its end.
local function with_bystander(body)
  local errors, bystander = {}, nil
  local function on_error(e) errors[#errors + 1] = e end
  local ok, problem = pcall(cosched.run, cosched.supervisor, { on_error = on_error },
    function(nursery)
      bystander = nursery:spawn(function()
        cosched.sleep(0.002)
        return "unharmed"
      end)
      body(nursery)
    end)
  if not ok then errors[#errors + 1] = problem end
  assert.are.same({ "ok", "unharmed" }, { bystander:result() })
  return errors
end

-- A task that waits, and its thread.
local function waiting(nursery, wait)
  local thread
  local task = nursery:spawn(function()
    thread = coroutine.running()
    wait()
    return "went on"
  end)
  cosched.checkpoint()
  return task, thread
end

-- The same in a process of its own, for what might take this one down. The script
-- prints; returned is what it printed, or how it died.
local function alone(source)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(("package.path, package.cpath = %q, %q\n"):format(package.path, package.cpath))
  file:write "local cosched = require 'cosched'\nlocal net = require 'cosched.net'\n"
  file:write("print(select(2, pcall(cosched.run, function()\n", source, "\nend)))\n")
  file:close()
  local command = ("timeout 20 %s %s 2>&1"):format(os.getenv "LUA" or "lua5.4", path)
  local process = assert(io.popen(command))
  local output = process:read "a"
  local ok, how, code = process:close()
  os.remove(path)
  return ok and output or ("%s%s %d"):format(output, how, code)
end

local waits = {
  ["a sleep"] = function() cosched.sleep(0.001) end,
  ["a long sleep"] = function() cosched.sleep(LONG) end,
  ["a checkpoint"] = function() cosched.checkpoint() end,
  ["a bare yield"] = function() coroutine.yield() end,
  ["a pcall around a sleep"] = function()
    local ok, problem = pcall(cosched.sleep, 0.001)
    if not ok then error(problem, 0) end
  end,
  ["its children"] = function() cosched.spawn(cosched.sleep, 0.001) end,
}

describe("a stranger that resumes a task", function()
  for name, wait in pairs(waits) do
    it(("waiting in %s ends that task alone"):format(name), function()
      local task, resumed
      local errors = with_bystander(function(nursery)
        local thread
        task, thread = waiting(nursery, wait)
        resumed = table.pack(coroutine.resume(thread))
        if name == "a long sleep" then task:cancel "to bring its turn" end
      end)
      assert.is_table(resumed)
      assert.are.equal("done", task:status())
      -- a bare yield cannot tell who resumes it; all others say what happened
      local texts = {}
      for i, e in ipairs(errors) do texts[i] = tostring(e) end
      if #errors > 0 then
        assert.matches("outside the scheduler", table.concat(texts, "\n"), 1, true)
      else
        assert.are.equal("ok", task:result())
      end
    end)
  end

  it("gets an error for the task that is running", in_task(function()
    local thread = coroutine.running()
    assert.is_false((coroutine.resume(thread)))
    coroutine.wrap(function() assert.is_false((coroutine.resume(thread))) end)()
    assert.is_true(cosched.sleep(0))
  end))

  it("cannot crash by resuming one thread again and again", function()
    local errors = with_bystander(function(nursery)
      local task, thread = waiting(nursery, waits["a long sleep"])
      for _ = 1, 10 do coroutine.resume(thread) end
      task:cancel "to bring its turn"
    end)
    assert.are.equal(1, #errors)
    assert.matches("outside the scheduler", tostring(errors[1]), 1, true)
  end)
end)

describe("a stranger that closes a task", function()
  for name, wait in pairs(waits) do
    it(("waiting in %s makes it fail when its turn comes"):format(name), function()
      local task
      local errors = with_bystander(function(nursery)
        local thread
        task, thread = waiting(nursery, wait)
        coroutine.close(thread)
        if name == "a long sleep" then task:cancel "to bring its turn" end
      end)
      assert.are.equal("done", task:status())
      assert.are.equal(1, #errors)
      assert.matches("task was closed outside the scheduler", tostring(errors[1]), 1, true)
    end)
  end

  it("can be followed by a kill", in_task(function()
    cosched.nursery(function(nursery)
      local task, thread = waiting(nursery, waits["a long sleep"])
      coroutine.close(thread)
      assert.is_true(task:kill())
      assert.are_not.equal("ok", task:wait())
    end)
  end))

  it("can be followed by a look at the task", function()
    with_bystander(function(nursery)
      local task, thread = waiting(nursery, waits["a long sleep"])
      coroutine.close(thread)
      assert.is_string(task:traceback())
      assert.is_string(task:status())
      assert.is_string(tostring(task))
      task:kill()
    end)
  end)

  it("gets an error for the running task", in_task(function()
    assert.is_false((pcall(coroutine.close, coroutine.running())))
    assert.is_true(cosched.sleep(0))
  end))
end)

describe("a thread that was stolen", function()
  local TASK = [[
    local net, thread = require "cosched.net", nil
    local one, two = net.socketpair()
    local task = cosched.spawn(function()
      thread = coroutine.running()
      %s
      return "went on"
    end)
    cosched.checkpoint()
    %s
    two:send "x"
    cosched.sleep(0.005)
    if task:status() ~= "done" then task:cancel "to bring its turn" end
    local _, problem = pcall(task.join, task)
    one:close()
    two:close()
    return tostring(problem):match "^[^\n]*"
  ]]
  local CLOSE, RESUME = "coroutine.close(thread)", "coroutine.resume(thread)"
  local AFTER = " coroutine.yield 'and again'"

  for _, case in ipairs {
    { "coroutine.yield(cosched.sys.sleep(0.001))", CLOSE },
    { "coroutine.yield(cosched.sys.sleep(0.001))", RESUME },
    { "coroutine.yield(cosched.sys.sleep(0.001))" .. AFTER, RESUME },
    { "coroutine.yield(cosched.sys.recv(one))", CLOSE },
    { "coroutine.yield(cosched.sys.recv(one))", RESUME },
    { "coroutine.yield(cosched.sys.recv(one))" .. AFTER, RESUME },
    { "coroutine.yield(cosched.sys.wait_task(0))", CLOSE },
    { "coroutine.yield(cosched.sys.wait_task(0))", RESUME },
    { "coroutine.yield(cosched.sys.new_task(print, 1, 2))", RESUME },
    { "one:recv()", CLOSE },
    { "one:recv()", RESUME },
    { "one:read 'a'", CLOSE },
  } do
    it(("by %s, in %s"):format(case[2], case[1]), function()
      -- the error goes to run as well; either way it is there, and nothing crashed
      local output = alone(TASK:format(case[1], case[2]))
      assert.matches("outside the scheduler", output, 1, true)
    end)
  end

  it("leaves the socket that its task waited for to others", function()
    local output = alone [[
      local one, two = net.socketpair()
      cosched.supervisor(function(nursery)
        local thread
        nursery:spawn(function()
          thread = coroutine.running()
          one:recv()
        end)
        cosched.checkpoint()
        coroutine.close(thread)
        two:send "x"
        cosched.sleep(0.002)
        one:settimeout(1)
        print(one:recv())
        one:close()
        two:close()
      end)
    ]]
    assert.matches("^x\n", output)
    assert.matches("closed outside the scheduler", output, 1, true)
  end)

  it("by a kill as well dies once", function()
    assert.are.equal("true\tcancelled\n", alone [[
      local thread
      local task = cosched.spawn(function()
        thread = coroutine.running()
        coroutine.yield(cosched.sys.sleep(10))
      end)
      cosched.checkpoint()
      coroutine.close(thread)
      return tostring(task:kill()) .. "\t" .. task:wait()
    ]])
  end)

  local FINISHED = [[
    local thread
    cosched.spawn(function() thread = coroutine.running() end):join()
    %s
    local task = cosched.spawn(function(...) return coroutine.running() == thread, ... end, 1, 2)
    %s
    local ok, same, a, b = pcall(task.join, task)
    return ok and table.concat({ "fine", a, b }, " ") or tostring(same):match "^[^\n]*"
  ]]

  it("by a resume after its task has ended is dead, and no later task notices", function()
    assert.are.equal("fine 1 2\n", alone(FINISHED:format(
      "assert(not coroutine.resume(thread, 1, 2))", "")))
  end)

  it("by a close after its task has ended disturbs no later task", function()
    assert.are.equal("fine 1 2\n", alone(FINISHED:format("coroutine.close(thread)", "")))
  end)

  for _, how in ipairs { "close", "resume" } do
    it(("by a %s before the next task has begun in it fails that one, clearly"):format(how),
      function()
        local output = alone(FINISHED:format("", ("pcall(coroutine.%s, thread)"):format(how)))
        -- where a thread is not used again, nothing was stolen
        assert.is_true(output == "fine 1 2\n" or output:find("outside the scheduler", 1, true)
          ~= nil, output)
      end)
  end
end)

describe("a coroutine of a task", function()
  it("yields to its consumer, not to the scheduler", in_task(function()
    local step = coroutine.wrap(function()
      for i = 1, 3 do coroutine.yield(i) end
      coroutine.yield(cosched.sys.now())
    end)
    assert.are.same({ 1, 2, 3 }, { step(), step(), step() })
    assert.are.equal("userdata", type(step()))
  end))

  it("that is left suspended when its task ends is nobody's business", in_task(function()
    cosched.spawn(function()
      local step = coroutine.wrap(function() coroutine.yield() end)
      step()
    end):join()
    collectgarbage()
  end))

  it("that closes its own task's thread gets an error", in_task(function()
    local task = cosched.spawn(function()
      local thread = coroutine.running()
      return coroutine.wrap(function() return (pcall(coroutine.close, thread)) end)()
    end)
    assert.is_false(task:join())
  end))
end)

describe("a finalizer", function()
  -- garbage whose end calls `fn`, until `stop` is called
  local function rain(fn)
    local falling = true
    local function drop()
      setmetatable({}, { __gc = function()
        if not falling then return end
        fn()
        drop()
      end })
    end
    drop()
    return closing(function() falling = false end)
  end

  it("may spawn while tasks are spawned", in_task(function()
    local made, ran = 0, 0
    do
      local _ <close> = rain(function()
        if made >= 500 then return end
        made = made + 1
        cosched.spawn(function() ran = ran + 1 end)
      end)
      for i = 1, 20000 do
        cosched.spawn(function() ran = ran + 1 end)
        if i % 1000 == 0 then collectgarbage() end
      end
      cosched.sleep(0.001)
    end
    while ran < 20000 + made do cosched.sleep(0) end
    assert.is_true(made > 0)
  end))

  it("may cancel and kill while tasks are spawned, woken and ended", in_task(function()
    local tasks, hits = {}, 0
    do
      local _ <close> = rain(function()
        hits = hits + 1
        local task = tasks[hits % (#tasks + 1)]
        if task then task[hits % 2 == 0 and "cancel" or "kill"](task) end
      end)
      for i = 1, 5000 do
        tasks[i] = cosched.spawn(function()
          local _ <close> = closing(function() end)
          cosched.sleep(0.0001)
          return {}
        end)
        if i % 100 == 0 then
          cosched.checkpoint()
          collectgarbage()
        end
      end
      for i = 1, #tasks do tasks[i]:wait() end
    end
    assert.is_true(hits > 0)
    for i = 1, #tasks do assert.are.equal("done", tasks[i]:status()) end
  end))

  it("may close sockets that tasks wait for", in_task(function()
    local waiters = {}
    for i = 1, 50 do
      local one, two = assert(net.socketpair())
      waiters[i] = cosched.spawn(function() return select(3, one:recv()) end)
      setmetatable({}, { __gc = function()
        one:close()
        two:close()
      end })
    end
    cosched.checkpoint()
    collectgarbage()
    collectgarbage()
    for i = 1, 50 do assert.are.equal("ECLOSED", waiters[i]:join()) end
  end))

  it("that fails is Lua's business: a warning, and the run goes on", in_task(function()
    setmetatable({}, { __gc = function() error "in a finalizer" end })
    collectgarbage()
    assert.is_true(cosched.sleep(0.0001))
  end))

  it("cannot begin a run inside of a run", in_task(function()
    local seen
    setmetatable({}, { __gc = function() seen = caught(cosched.run, function() end) end })
    collectgarbage()
    assert.matches("running already", seen, 1, true)
  end))
end)
