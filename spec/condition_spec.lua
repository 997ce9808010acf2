-- cosched.condition: a lock, and those who wait for what it protects to change.
local cosched = require "cosched"
local support = require "spec.support.task"
local in_task, caught = support.in_task, support.caught

local LONG = 3600

local function settle()
  for _ = 1, 5 do cosched.checkpoint() end
end

-- A task that waits once, and notes `name` when it owns the lock again.
local function waiter(condition, log, name)
  return cosched.spawn(function()
    local guard <close> = condition:acquire()
    assert(condition:wait() == true)
    assert(guard:owner() == cosched.current())
    log[#log + 1] = name
  end)
end

local function waiters(condition, log, count)
  local tasks = {}
  for i = 1, count do tasks[i] = waiter(condition, log, i) end
  settle()
  return tasks
end

local function notify(condition, n)
  local _ <close> = condition:acquire()
  return condition:notify(n)
end

describe("a condition", function()
  it("lets one who waits go on for each notification, in their order", in_task(function()
    local condition, log = cosched.condition(), {}
    waiters(condition, log, 5)
    assert.are.equal(1, notify(condition))
    settle()
    assert.are.same({ 1 }, log)
    assert.are.equal(2, notify(condition, 2))
    settle()
    assert.are.same({ 1, 2, 3 }, log)
    do
      local _ <close> = condition:acquire()
      assert.are.equal(2, condition:notify_all())
    end
    settle()
    assert.are.same({ 1, 2, 3, 4, 5 }, log)
    assert.are.equal(0, notify(condition))
  end))

  it("keeps the lock from those who are notified until it is released", in_task(function()
    local condition, log = cosched.condition(), {}
    waiters(condition, log, 2)
    do
      local _ <close> = condition:acquire()
      condition:notify_all()
      settle()
      assert.are.same({}, log)
    end
    settle()
    assert.are.same({ 1, 2 }, log)
  end))

  it("protects a queue between producers and consumers", in_task(function()
    local condition, queue, got = cosched.condition(), {}, {}
    local consumers = {}
    for i = 1, 5 do
      consumers[i] = cosched.spawn(function()
        for _ = 1, 20 do
          local _ <close> = condition:acquire()
          while #queue == 0 do condition:wait() end
          got[#got + 1] = table.remove(queue, 1)
        end
      end)
    end
    for i = 1, 100 do
      local _ <close> = condition:acquire()
      queue[#queue + 1] = i
      condition:notify()
      if i % 7 == 0 then cosched.checkpoint() end
    end
    for _, task in ipairs(consumers) do task:join() end
    for i = 1, 100 do assert.are.equal(i, got[i]) end
  end))

  it("may share a lock with another", in_task(function()
    local lock, log = cosched.lock(), {}
    local full, empty = cosched.condition(lock), cosched.condition(lock)
    waiter(full, log, "full")
    waiter(empty, log, "empty")
    settle()
    local _ <close> = lock:acquire()
    assert.are.equal(1, empty:notify_all())
    lock:release()
    settle()
    assert.are.same({ "empty" }, log)
    lock:acquire()
    full:notify()
  end))

  it("wants its lock owned by the caller", in_task(function()
    local condition = cosched.condition()
    local line = debug.getinfo(1, "l").currentline
    for _, name in ipairs { "wait", "notify", "notify_all" } do
      assert.matches(("condition_spec.lua:%d: '%s' needs the lock of the condition")
        :format(line + 4, name), caught(function()
          local r = condition[name](condition) return r end))
    end
    local owner = cosched.spawn(function()
      condition:acquire()
      cosched.sleep(LONG)
    end)
    settle()
    assert.matches("needs the lock", caught(condition.notify, condition))
    local problem = caught(function() condition:release() end)
    assert.matches("condition_spec.lua:%d+: lock .- is held by task " .. owner.tid, problem)
    owner:kill()
    problem = caught(function() condition:acquire() end)
    assert.matches("condition_spec.lua:%d+: lock .- is broken", problem)
  end))

  it("wants a lock of cosched", function()
    assert.matches("bad argument #1 to 'condition'", caught(cosched.condition, {}))
    assert.matches("bad argument #1 to 'condition'", caught(cosched.condition, cosched.event()))
  end)

  it("is for tasks", function()
    local condition = cosched.condition()
    assert.matches("needs the lock", caught(condition.wait, condition))
    assert.matches("condition_spec.lua:%d+: 'acquire' waits, so it needs a task",
      caught(function() condition:acquire() end))
  end)

  it("is named in the report of a deadlock", function()
    local problem = caught(cosched.run, function()
      for _, condition in ipairs { cosched.condition(), cosched.condition(nil, "the mail") } do
        cosched.spawn(function()
          local _ <close> = condition:acquire()
          condition:wait()
        end)
      end
    end)
    assert.is_true(cosched.is_deadlock(problem))
    assert.is_nil(problem.errors)
    assert.matches("waits for a condition", problem.report)
    assert.matches("waits for the mail", problem.report)
  end)

  it("below what Lua cannot suspend raises, and keeps the lock", in_task(function()
    local lock = cosched.lock()
    local condition = cosched.condition(lock)
    local _ <close> = condition:acquire()
    local problem = caught(table.sort, { 2, 1 }, function() condition:wait() end)
    assert.matches("condition_spec.lua:%d+: 'wait' cannot wait inside", problem)
    assert.are.equal(cosched.current(), lock:owner())
  end))
end)

describe("a task that waits for a condition", function()
  -- What it finds when wait raises: is it the owner, and what was raised?
  local function interrupted(condition, lock, found)
    return cosched.spawn(function()
      local _ <close> = condition:acquire()
      local ok, problem = pcall(condition.wait, condition)
      found.ok, found.problem, found.owner = ok, problem, lock:owner()
      if not ok then error(problem, 0) end
    end)
  end

  it("owns the lock when a cancellation is raised", in_task(function()
    local lock, found = cosched.lock(), {}
    local condition = cosched.condition(lock)
    local task = interrupted(condition, lock, found)
    settle()
    task:cancel "enough"
    assert.are.equal("cancelled", task:wait())
    assert.is_false(found.ok)
    assert.are.equal("enough", found.problem.reason)
    assert.are.equal(task, found.owner)
    assert.is_nil(lock:owner())
  end))

  it("waits for the lock even though it is cancelled", in_task(function()
    local lock, found = cosched.lock(), {}
    local condition = cosched.condition(lock)
    local task = interrupted(condition, lock, found)
    settle()
    do
      local _ <close> = lock:acquire()
      task:cancel()
      settle()
      assert.is_nil(found.ok) -- it is still kept out
      assert.are.equal("waiting", task:status())
    end
    assert.are.equal("cancelled", task:wait())
    assert.are.equal(task, found.owner)
    assert.is_nil(lock:owner())
  end))

  it("waits for the lock when it is cancelled after the notification", in_task(function()
    local lock, found = cosched.lock(), {}
    local condition = cosched.condition(lock)
    local task = interrupted(condition, lock, found)
    settle()
    do
      local _ <close> = lock:acquire()
      condition:notify()
      settle() -- it waits for the lock by now
      task:cancel()
      settle()
      assert.is_nil(found.ok)
    end
    assert.are.equal("ok", task:wait()) -- it was notified: that has happened
    assert.is_true(found.ok)
    assert.are.equal(task, found.owner)
  end))

  it("keeps the lock when it was cancelled before", in_task(function()
    local lock, found = cosched.lock(), {}
    local condition = cosched.condition(lock)
    local task = cosched.spawn(function()
      local _ <close> = lock:acquire()
      cosched.current():cancel()
      found.problem = caught(condition.wait, condition)
      found.owner = lock:owner()
    end)
    task:wait()
    assert.is_true(cosched.is_cancelled(found.problem))
    assert.are.equal(task, found.owner)
  end))

  it("owns the lock when a time limit ends the wait", in_task(function()
    local lock = cosched.lock()
    local condition = cosched.condition(lock)
    local _ <close> = lock:acquire()
    assert.is_false((cosched.move_on(0.001, condition.wait, condition)))
    assert.are.equal(cosched.current(), lock:owner())
    local other = cosched.spawn(function()
      local _ <close> = lock:acquire()
      cosched.sleep(0.003)
    end)
    assert.is_false((cosched.move_on(0.001, condition.wait, condition)))
    assert.are.equal(cosched.current(), lock:owner()) -- it has waited for the other
    assert.are.equal("ok", (other:wait()))
    assert.is_true(cosched.sleep(0))
  end))

  it("passes nothing on when it is cancelled before a notification", in_task(function()
    local condition, log = cosched.condition(), {}
    local tasks = waiters(condition, log, 3)
    tasks[1]:cancel()
    assert.are.equal(1, notify(condition))
    settle()
    assert.are.same({ 2 }, log)
    tasks[3]:cancel()
  end))

  it("passes the notification on when it is killed before it has run", in_task(function()
    local condition, log = cosched.condition(), {}
    local tasks = waiters(condition, log, 3)
    notify(condition)
    tasks[1]:kill()
    settle()
    assert.are.same({ 2 }, log)
    tasks[3]:kill()
  end))

  it("passes the notification on when it is killed while it waits for the lock",
    in_task(function()
      local condition, log = cosched.condition(), {}
      local tasks = waiters(condition, log, 3)
      do
        local _ <close> = condition:acquire()
        condition:notify()
        settle() -- the first waits for the lock
        tasks[1]:kill()
        settle()
      end
      settle()
      assert.are.same({ 2 }, log)
      tasks[3]:kill()
    end))

  it("passes the notification on when it is killed with the lock handed to it",
    in_task(function()
      local lock, log = cosched.lock(), {}
      local condition = cosched.condition(lock)
      local tasks = waiters(condition, log, 3)
      lock:acquire()
      condition:notify()
      settle()
      lock:release()
      assert.are.equal(tasks[1], lock:owner())
      tasks[1]:kill()
      settle()
      assert.are.same({ 2 }, log)
      assert.is_nil(lock:owner())
      tasks[3]:kill()
    end))

  it("is not woken for nothing when it came after notify_all", in_task(function()
    local condition, log = cosched.condition(), {}
    local tasks = waiters(condition, log, 2)
    do
      local _ <close> = condition:acquire()
      condition:notify_all()
    end
    local late = waiter(condition, log, "late")
    tasks[1]:kill()
    settle()
    assert.are.same({ 2 }, log)
    late:kill()
  end))

  it("hears that the lock was broken, whether notified or cancelled", function()
    for _, how in ipairs { "notified", "cancelled" } do
      local problem
      cosched.run(cosched.supervisor, function(nursery)
        local condition = cosched.condition(cosched.lock "accounts")
        local task = nursery:spawn(function()
          condition:acquire()
          local ok
          ok, problem = pcall(function() condition:wait() end)
          assert(not ok)
        end)
        settle()
        local owner = nursery:spawn(function()
          condition:acquire()
          if how == "notified" then condition:notify() else task:cancel() end
          settle()
        end)
        owner:wait()
        task:wait()
      end)
      assert.matches("condition_spec.lua:%d+: lock 'accounts' is broken: task %d+ ended", problem)
    end
  end)

  it("ends a deadlocked run, killed if need be", function()
    local condition = cosched.condition()
    local problem = caught(cosched.run, function()
      cosched.spawn(function()
        local _ <close> = condition:acquire()
        condition:wait()
      end)
      cosched.checkpoint()
      condition:acquire()
      cosched.spawn(function() condition:acquire() end)
    end)
    assert.is_true(cosched.is_deadlock(problem))
    assert.matches("waits for a condition", problem.report)
  end)
end)

describe("where tasks are preempted", function()
  -- Computes for a while: somewhere in there its slice ends.
  local function burn()
    local sum = 0
    for i = 1, math.random(100, 5000) do sum = sum + i end
    return sum
  end

  it("no notification is lost between the look and the wait", function()
    local turn, turns = 1, 0
    cosched.run({ slice = 0.0001 }, function()
      local condition = cosched.condition()
      for i = 1, 2 do
        cosched.spawn(function()
          for _ = 1, 300 do -- each must hear of the other, or both wait for ever
            local _ <close> = condition:acquire()
            while turn ~= i do condition:wait() end
            turn, turns = 3 - i, turns + 1
            burn()
            condition:notify()
          end
        end)
      end
    end)
    assert.are.equal(600, turns)
  end)

  it("says so, at the caller's line, when a method is called with a dot", in_task(function()
    local condition = cosched.condition()
    for _, name in ipairs { "wait", "notify", "notify_all", "acquire", "release" } do
      assert.matches("condition_spec.lua:%d+: bad argument #1 to '" .. name
        .. "' %(cosched.Condition expected; call it with ':'%)",
        caught(function() local r = condition[name]() return r end))
    end
  end))
end)
