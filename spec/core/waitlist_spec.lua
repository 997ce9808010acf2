-- cosched.waitlist: waiting for one another, and nothing lost when a task that was woken
-- is killed.
local cosched = require "cosched"
local support = require "spec.support.task"
local in_task, caught, closing = support.in_task, support.caught, support.closing

local sys, yield = cosched.sys, coroutine.yield
local LONG = 3600

local function direct(list) return list:wait() end

local function yielded(list)
  local result = yield(sys.wait_on(list))
  return result
end

-- A task that waits by `how` and then notes `name`.
local function waiter(list, log, name, how)
  return cosched.spawn(function()
    assert((how or direct)(list) == true)
    log[#log + 1] = name
  end)
end

local function waiters(list, log, count, how)
  local tasks = {}
  for i = 1, count do tasks[i] = waiter(list, log, i, how) end
  while list:waiting() < count do cosched.checkpoint() end
  return tasks
end

-- Lets everybody who is ready have some turns.
local function settle()
  for _ = 1, 5 do cosched.checkpoint() end
end

local function end_all(tasks)
  for _, task in ipairs(tasks) do task:cancel() end
end

describe("a waiting list", function()
  for name, how in pairs { ["direct calls"] = direct, ["yielded calls"] = yielded } do
    it("wakes those who wait in the order in which they came, by " .. name, in_task(function()
      local list, log = cosched.waitlist(), {}
      waiters(list, log, 5, how)
      assert.are.equal(1, list:wake())
      assert.are.equal(2, list:wake(2))
      assert.are.equal(2, list:waiting())
      assert.are.same({}, log) -- a wake makes ready, it does not run
      settle()
      assert.are.same({ 1, 2, 3 }, log)
      assert.are.equal(2, list:wake(100))
      assert.are.equal(0, list:wake())
      settle()
      assert.are.same({ 1, 2, 3, 4, 5 }, log)
    end))

    it("keeps permits, which a wait takes without parking, by " .. name, in_task(function()
      local list = cosched.waitlist()
      assert.are.equal(0, list:give(2))
      assert.are.equal(2, list:count())
      assert.is_true(how(list))
      assert.is_true(how(list))
      assert.are.equal(0, list:count())
    end))

    it("forgets those who are cancelled, by " .. name, in_task(function()
      local list, log = cosched.waitlist(), {}
      local tasks = waiters(list, log, 3, how)
      tasks[1]:cancel()
      tasks[2]:cancel()
      assert.are.equal(1, list:waiting())
      assert.are.equal(1, list:wake())
      settle()
      assert.are.same({ 3 }, log)
      assert.are.equal("cancelled", tasks[1]:wait())
    end))

    it("forgets those who are killed, by " .. name, in_task(function()
      local list, log = cosched.waitlist(), {}
      local tasks = waiters(list, log, 3, how)
      tasks[3]:kill()
      tasks[1]:kill()
      assert.are.equal(1, list:waiting())
      assert.are.equal(1, list:wake(3))
      settle()
      assert.are.same({ 2 }, log)
    end))

    it("wakes another when one is killed that was woken, by " .. name, in_task(function()
      local list, log = cosched.waitlist(), {}
      local tasks = waiters(list, log, 4, how)
      list:wake(2)
      tasks[2]:kill()
      tasks[3]:kill() -- who was woken in its place
      settle()
      assert.are.same({ 1, 4 }, log)
      assert.are.equal(0, list:waiting())
      assert.are.equal(0, list:count())
    end))

    it("gives a permit to another, or keeps it, when its taker is killed, by " .. name,
      in_task(function()
        local list, log = cosched.waitlist(), {}
        local tasks = waiters(list, log, 2, how)
        assert.are.equal(1, list:give())
        tasks[1]:kill()
        tasks[2]:kill()
        assert.are.equal(1, list:count())
        assert.is_true(list:try())
        settle()
        assert.are.same({}, log)
      end))

    it("keeps the wake of a task that is cancelled after it, by " .. name, in_task(function()
      local list, log = cosched.waitlist(), {}
      local tasks = waiters(list, log, 2, how)
      list:wake()
      tasks[1]:cancel()
      settle()
      assert.are.same({ 1 }, log) -- what has happened is returned
      assert.are.equal("ok", tasks[1]:wait())
      end_all(tasks)
    end))
  end

  it("drops a wake that finds nobody, and keeps what is given", in_task(function()
    local list, log = cosched.waitlist(), {}
    assert.are.equal(0, list:wake(3))
    assert.are.equal(0, list:count())
    waiters(list, log, 2)
    assert.are.equal(2, list:give(5))
    assert.are.equal(3, list:count())
    settle()
    assert.are.same({ 1, 2 }, log)
  end))

  it("tries for as many permits as one wants, all or none", in_task(function()
    local list = cosched.waitlist()
    assert.is_false(list:try())
    list:give(3)
    assert.is_false(list:try(4))
    assert.is_true(list:try(2))
    assert.are.equal(1, list:count())
    assert.is_true(list:try(0))
    assert.is_true(list:try())
    assert.is_false(list:try())
  end))

  it("wakes all at once, and the killed among them pass nothing on", in_task(function()
    local list, log = cosched.waitlist(), {}
    local tasks = waiters(list, log, 3)
    assert.are.equal(3, list:wake_all())
    local late = waiter(list, log, "late")
    tasks[2]:kill()
    settle()
    tasks[1]:join()
    assert.are.same({ 1, 3 }, log)
    assert.are.equal(1, list:waiting())
    late:cancel()
  end))

  it("hands a killed task's wake to one who came later, rather than lose it", in_task(function()
    local list, log = cosched.waitlist(), {}
    local first = waiters(list, log, 1)[1]
    waiter(list, log, "late")
    cosched.spawn(first.kill, first)
    list:wake() -- so the first runs after these two, or would have
    settle()
    assert.are.same({ "late" }, log)
    assert.are.equal(0, list:waiting())
  end))

  it("may be open: then nobody waits, and who waited goes on", in_task(function()
    local list, log = cosched.waitlist(), {}
    waiters(list, log, 2)
    assert.is_false(list:is_open())
    list:open()
    assert.is_true(list:is_open())
    assert.are.equal(0, list:waiting())
    assert.is_true(direct(list))
    assert.is_true(yielded(list))
    list:shut()
    local late = waiter(list, log, "late")
    settle()
    assert.are.same({ 1, 2 }, log)
    late:cancel()
  end))

  it("releases a lock at the moment when the task waits", in_task(function()
    local list, lock, log = cosched.waitlist(), cosched.lock(), {}
    local task = cosched.spawn(function()
      lock:acquire()
      log[1] = list:wait(lock)
      log[2] = lock:owner() == nil
    end)
    settle()
    assert.is_nil(lock:owner())
    list:wake()
    task:join()
    assert.are.same({ true, true }, log)
    assert.matches("must be held by the caller", caught(list.wait, list, lock))
    assert.matches("cosched.Lock expected", caught(list.wait, list, {}))
    lock:acquire()
    list:give() -- nothing to wait for: it keeps the lock
    list:wait(lock)
    assert.are.equal(cosched.current(), lock:owner())
    lock:release()
  end))

  it("says what is waited for, in reports", function()
    local problem = caught(cosched.run, function()
      local list = cosched.waitlist "a spare tyre"
      assert.are.equal("cosched.WaitList: a spare tyre (0 waiting)", tostring(list))
      cosched.spawn(function() cosched.waitlist():wait() end)
      list:wait()
    end)
    assert.is_true(cosched.is_deadlock(problem))
    assert.matches("waits for a spare tyre at .-waitlist_spec.lua", problem.report)
    assert.matches("waits for a waiting list at .-waitlist_spec.lua", problem.report)
  end)

  it("may be woken from anywhere, and waited for by tasks alone", function()
    local list = cosched.waitlist()
    assert.matches("'wait' waits, so it needs a task", caught(list.wait, list))
    list:give(2)
    cosched.run(function() list:wait() end)
    assert.are.equal(1, list:count())
    assert.is_true(list:try())
  end)

  it("refuses what makes no sense, at the line of the caller", in_task(function()
    local list = cosched.waitlist()
    local line = debug.getinfo(1, "l").currentline
    assert.matches("waitlist_spec.lua:" .. line + 2 .. ": bad argument #1 to 'wake'",
      caught(function() list:wake(-1) end))
    assert.matches("must not be negative", caught(list.give, list, -1))
    assert.matches("must not be negative", caught(list.try, list, -1))
    assert.matches("number has no integer representation", caught(list.give, list, 0.5))
    list:give(math.maxinteger)
    assert.matches("too many permits", caught(list.give, list, 1))
    assert.are.equal(math.maxinteger, list:count())
    assert.matches("cosched.WaitList expected", caught(list.wait, {}))
    assert.matches("cosched.WaitList expected", caught(list.wake, cosched.lock()))
    assert.are.equal("cosched.WaitList", getmetatable(list))
  end))

  it("is refused to a cancelled task, which takes no permit", in_task(function()
    local list = cosched.waitlist()
    list:give()
    local task = cosched.spawn(direct, list)
    task:cancel()
    assert.are.equal("cancelled", task:wait())
    assert.are.equal(1, list:count())
  end))

  it("loses no permit of a task that is killed while it gives up its turn", in_task(function()
    for _, how in ipairs { direct, yielded } do
      local list, got = cosched.waitlist(), 0
      list:give(1000)
      local task = cosched.spawn(function()
        for _ = 1, 1000 do
          how(list)
          got = got + 1
        end
      end)
      while got == 0 do cosched.checkpoint() end
      cosched.checkpoint()
      task:kill()
      assert.are.equal(1000 - got, list:count())
      assert.is_true(got < 1000)
    end
  end))

  it("lets others have a turn now and then, however many permits there are", in_task(function()
    local list, turns = cosched.waitlist(), 0
    list:give(200)
    cosched.spawn(function() turns = 1 end)
    while turns == 0 and list:count() > 0 do list:wait() end
    assert.are.equal(1, turns)
  end))

  it("is sound with hundreds who come, go, are cancelled and killed", in_task(function()
    math.randomseed(7)
    local list, got, given = cosched.waitlist(), 0, 0
    local tasks = {}
    for i = 1, 300 do
      tasks[i] = cosched.spawn(function()
        for _ = 1, 5 do
          (math.random(2) == 1 and direct or yielded)(list)
          got = got + 1
        end
      end)
    end
    for _ = 1, 2000 do
      local roll = math.random(20)
      local task = tasks[math.random(#tasks)]
      if roll == 1 then task:cancel() elseif roll == 2 then task:kill() end
      local n = math.random(0, 3)
      list:give(n)
      given = given + n
      if roll % 3 == 0 then cosched.checkpoint() end
    end
    settle()
    assert.are.equal(given, got + list:count())
    end_all(tasks)
  end))
end)

describe("a waiting list that is collected", function()
  it("is gone when nobody refers to it", in_task(function()
    local weak = setmetatable({}, { __mode = "k" })
    for _ = 1, 10 do weak[cosched.waitlist "name"] = true end
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(weak))
  end))

  it("stays while somebody waits", in_task(function()
    local weak = setmetatable({}, { __mode = "v" })
    weak[1] = cosched.waitlist()
    local task = cosched.spawn(function() return weak[1]:wait() end)
    cosched.checkpoint()
    collectgarbage()
    collectgarbage()
    weak[1]:wake()
    assert.is_true(task:join())
  end))

  for _, when in ipairs { "waits", "was woken", "was given a permit" } do
    it("ends a task, closed by a stranger, that " .. when, function()
      local problem
      cosched.run(cosched.supervisor, function(nursery)
        local weak = setmetatable({}, { __mode = "k" })
        local task, thread
        do
          local list = cosched.waitlist()
          weak[list] = true
          local box = { list }
          task = nursery:spawn(function()
            thread = coroutine.running()
            local _ <close> = closing(function() end)
            table.remove(box):wait()
          end)
          cosched.checkpoint()
          if when == "was woken" then list:wake() end
          if when == "was given a permit" then list:give() end
          coroutine.close(thread)
        end
        collectgarbage()
        collectgarbage()
        assert(next(weak) == nil)
        task:wait()
        problem = select(2, task:result()).error
      end)
      assert.are.equal("task was closed outside the scheduler", problem)
    end)
  end
end)

describe("a primitive of one's own", function()
  it("is a few lines of Lua on a waiting list", in_task(function()
    local function barrier(size)
      local list, here = cosched.waitlist "the others", 0
      return function()
        here = here + 1
        if here < size then return list:wait() end
        here = 0
        list:wake_all()
      end
    end
    local log, meet = {}, barrier(3)
    local tasks = {}
    for i = 1, 3 do
      tasks[i] = cosched.spawn(function()
        for round = 1, 3 do
          cosched.sleep(0.0001 * i)
          log[#log + 1] = round
          meet()
        end
      end)
    end
    for _, task in ipairs(tasks) do task:join() end
    assert.are.same({ 1, 1, 1, 2, 2, 2, 3, 3, 3 }, log)
  end))

  it("unwinds when its task is cancelled after a long wait", in_task(function()
    local list, told = cosched.waitlist(), nil
    local task = cosched.spawn(function()
      local _ <close> = closing(function(err) told = err end)
      list:wait()
      cosched.sleep(LONG)
    end)
    cosched.checkpoint()
    task:cancel "enough"
    task:wait()
    assert.are.equal("enough", told.reason)
  end))
end)
