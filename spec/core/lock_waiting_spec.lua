-- Those who wait for a lock: interrupted, killed, broken off, deadlocked, collected.
local cosched = require "cosched"
local locks = require "spec.support.locks"
local support = require "spec.support.task"
local in_task, caught, closing = support.in_task, support.caught, support.closing
local holder, taker = locks.holder, locks.taker
local direct, yielded = locks.direct, locks.yielded

local sys, yield = cosched.sys, coroutine.yield
local LONG = 3600

local function here(offset)
  return ("^[^\n]*lock_waiting_spec.lua:%d: "):format(debug.getinfo(2, "l").currentline + offset)
end

describe("a task that waits for a lock", function()
  for name, acquire in pairs { directly = direct, ["by a yield"] = yielded } do
    it(name .. " leaves the queue when it is cancelled", in_task(function()
      local lock, log = cosched.lock(), {}
      lock:acquire()
      local first = taker(lock, log, 1, acquire)
      cosched.checkpoint()
      local second = taker(lock, log, 2, acquire)
      cosched.checkpoint()
      first:cancel()
      lock:release()
      assert.are.equal("cancelled", first:wait())
      second:join()
      assert.are.same({ 2 }, log)
      assert.is_nil(lock:owner())
    end))

    it(name .. " leaves the queue when it is killed", in_task(function()
      local lock, log = cosched.lock(), {}
      lock:acquire()
      local tasks = {}
      for i = 1, 4 do tasks[i] = taker(lock, log, i, acquire) end
      cosched.checkpoint()
      tasks[1]:kill()
      tasks[4]:kill()
      cosched.checkpoint()
      lock:release()
      tasks[3]:join()
      assert.are.same({ 2, 3 }, log)
    end))

    it(name .. " owns it when the cancellation comes after the hand-off", in_task(function()
      local lock, log = cosched.lock(), {}
      lock:acquire()
      local task = cosched.spawn(function()
        local _ <close> = acquire(lock)
        log[#log + 1] = lock:owner().tid
        cosched.sleep(LONG)
      end)
      cosched.checkpoint()
      lock:release()
      task:cancel()
      assert.are.equal("cancelled", task:wait())
      assert.are.same({ task.tid }, log)
      assert.is_nil(lock:owner())
    end))

    it(name .. " hands it on when it is killed after the hand-off", in_task(function()
      local lock, log = cosched.lock(), {}
      lock:acquire()
      local tasks = {}
      for i = 1, 4 do tasks[i] = taker(lock, log, i, acquire) end
      cosched.checkpoint()
      lock:release()
      tasks[1]:kill()
      assert.are.equal(tasks[2], lock:owner())
      tasks[2]:kill()
      assert.are.equal(tasks[3], lock:owner())
      tasks[4]:join()
      assert.are.same({ 3, 4 }, log)
      assert.is_nil(lock:owner())
    end))

    it(name .. " leaves it free when it is killed after the hand-off, alone", in_task(function()
      local lock, log = cosched.lock(), {}
      lock:acquire()
      local task = taker(lock, log, 1, acquire)
      cosched.checkpoint()
      lock:release()
      task:kill()
      assert.is_nil(lock:owner())
      assert.are.same({}, log)
    end))
  end

  for seed = 1, 5 do
    it("is one of many who come, are cancelled and killed: seed " .. seed, in_task(function()
      math.randomseed(seed)
      local locks_of_all, inside, tasks = { cosched.lock(), cosched.lock() }, { 0, 0 }, {}
      for i = 1, 100 do
        tasks[i] = cosched.spawn(function()
          for _ = 1, 5 do
            local k = math.random(2)
            local _ <close> = (math.random(2) == 1 and direct or yielded)(locks_of_all[k])
            inside[k] = inside[k] + 1
            local _ <close> = closing(function() inside[k] = inside[k] - 1 end)
            assert(inside[k] == 1)
            if math.random(2) == 1 then cosched.checkpoint() end
          end
        end)
      end
      for _ = 1, 400 do
        local task, roll = tasks[math.random(#tasks)], math.random(10)
        if roll == 1 then task:cancel() elseif roll == 2 then task:kill() end
        if roll > 5 then cosched.checkpoint() end
      end
      for _, task in ipairs(tasks) do assert.are_not.equal("error", (task:wait())) end
      for k = 1, 2 do
        assert.is_nil(locks_of_all[k]:owner())
        assert.matches("free", tostring(locks_of_all[k]))
      end
    end))
  end

  for _, when in ipairs { "before", "after" } do
    it("passes it on if a stranger closed its coroutine " .. when .. " the hand-off", function()
      local log, ended = {}, nil
      cosched.run(cosched.supervisor, function(nursery)
        local lock, thread = cosched.lock(), nil
        lock:acquire()
        local task = nursery:spawn(function()
          thread = coroutine.running()
          lock:acquire()
        end)
        cosched.checkpoint()
        taker(lock, log, "next")
        cosched.checkpoint()
        if when == "after" then lock:release() end
        coroutine.close(thread)
        if when == "before" then lock:release() end
        ended = task:wait()
      end)
      assert.are.equal("error", ended)
      assert.are.same({ "next" }, log)
    end)
  end
end)

describe("a time limit", function()
  for name, acquire in pairs { direct = direct, yielded = yielded } do
    it("ends a wait for a lock by a " .. name .. " call, and nothing else", in_task(function()
      local lock, log = cosched.lock(), {}
      local owner = cosched.spawn(function()
        local _ <close> = lock:acquire()
        cosched.sleep(LONG)
      end)
      cosched.checkpoint()
      assert.is_false((cosched.move_on(0.001, acquire, lock)))
      assert.are.equal(owner, lock:owner())
      local next_one = taker(lock, log, "next")
      cosched.checkpoint()
      owner:cancel()
      next_one:join()
      assert.are.same({ "next" }, log)
    end))
  end

  it("on a block that owns a lock releases it", in_task(function()
    local lock = cosched.lock()
    assert.is_false((cosched.move_on(0.001, function()
      local _ <close> = lock:acquire()
      cosched.sleep(LONG)
    end)))
    assert.is_nil(lock:owner())
  end))
end)

describe("a lock whose owner has ended", function()
  local ends = {
    ["by a return"] = function() end,
    ["by an error"] = function() error("boom", 0) end,
    ["cancelled"] = function() cosched.current():cancel() cosched.sleep(LONG) end,
    ["killed"] = function() cosched.current():kill() end,
  }
  for name, finish in pairs(ends) do
    it(name .. " is broken for those who wait and those who come", function()
      local answers, lock, owner = {}, cosched.lock "accounts", nil
      pcall(cosched.run, cosched.supervisor, function(nursery)
        owner = nursery:spawn(function()
          lock:acquire()
          cosched.checkpoint()
          cosched.checkpoint()
          finish()
        end)
        nursery:spawn(function() answers[1] = caught(lock.acquire, lock) end)
        nursery:spawn(function() answers[2] = caught(yielded, lock) end)
        owner:wait()
        cosched.checkpoint()
        cosched.checkpoint()
        answers[3] = caught(lock.acquire, lock)
        answers[4] = caught(lock.try_acquire, lock)
        answers[5] = caught(lock.release, lock)
      end)
      local text = ("lock 'accounts' is broken: task %d ended holding it"):format(owner.tid)
      assert.are.equal(5, #answers)
      for _, answer in ipairs(answers) do
        assert.are.equal(text, (answer:gsub("^.-:%d+: ", "")))
      end
      assert.is_nil(lock:owner())
      assert.are.equal("cosched.Lock: accounts (broken)", tostring(lock))
    end)
  end

  it("raises at the line of the caller", in_task(function()
    local lock = cosched.lock "broken"
    cosched.spawn(lock.acquire, lock):join()
    local at = here(1)
    local problem = caught(function() lock:acquire() end)
    assert.matches(at .. "lock 'broken' is broken", problem)
  end))

  it("is only one of those it had: others it had released, or are not its own", in_task(function()
    local mine, released = cosched.lock(), cosched.lock()
    local broken = { cosched.lock(), cosched.lock() }
    mine:acquire()
    cosched.spawn(function()
      broken[1]:acquire()
      released:acquire()
      broken[2]:acquire()
      released:release()
    end):join()
    assert.are.equal(cosched.current(), mine:owner())
    mine:release()
    released:acquire()
    released:release()
    for _, lock in ipairs(broken) do assert.matches("is broken", caught(lock.acquire, lock)) end
  end))

  it("is not broken while its children run: it ends after them", in_task(function()
    local lock, log = cosched.lock(), {}
    local parent = cosched.spawn(function()
      lock:acquire()
      cosched.spawn(cosched.sleep, 0.001)
    end)
    cosched.checkpoint()
    cosched.checkpoint()
    log[1] = lock:owner() == parent
    parent:join()
    assert.are.same({ true }, log)
    assert.is_nil(lock:owner())
  end))

  it("takes nothing from a waiter that is killed before it hears of it", in_task(function()
    local lock, log = cosched.lock(), {}
    local owner = holder(lock)
    local waiter = taker(lock, log, 1)
    cosched.checkpoint()
    owner:kill()
    waiter:kill()
    assert.are.equal("cancelled", waiter:wait())
    assert.are.same({}, log)
  end))
end)

describe("tasks that wait for each other's locks", function()
  it("are a deadlock whose report names the locks and their owners", function()
    local closed, first, second = 0, nil, nil
    local problem = caught(cosched.run, function()
      local a, b = cosched.lock "accounts", cosched.lock "audit"
      local function both(one, other)
        local _ <close> = closing(function() closed = closed + 1 end)
        local _ <close> = one:acquire()
        cosched.checkpoint()
        local _ <close> = other:acquire()
      end
      first = cosched.spawn(both, a, b)
      second = cosched.spawn(both, b, a)
    end)
    assert.is_true(cosched.is_deadlock(problem))
    assert.is_nil(problem.errors)
    assert.are.equal(2, closed)
    local function row(task, lock, owner)
      return ("\n  task %d %%b() waits for lock '%s' held by task %d at .-_spec.lua:%%d")
        :format(task.tid, lock, owner.tid)
    end
    assert.matches(row(first, "audit", second), problem.report)
    assert.matches(row(second, "accounts", first), problem.report)
  end)

  it("unwind with their locks released, whatever their ends do with them", function()
    local log = {}
    local shared = { cosched.lock(), cosched.lock(), cosched.lock() }
    local problem = caught(cosched.run, function()
      for i = 1, 3 do
        cosched.spawn(function()
          local _ <close> = closing(function()
            local told = caught(shared[i].acquire, shared[i])
            log[#log + 1] = cosched.is_cancelled(told)
            local guard <close> = shared[i % 3 + 1]:try_acquire()
            log[#log + 1] = guard == nil or guard:owner() == cosched.current()
          end)
          local _ <close> = shared[i]:acquire()
          cosched.checkpoint()
          shared[i % 3 + 1]:acquire()
        end)
      end
    end)
    assert.is_true(cosched.is_deadlock(problem))
    assert.are.same({ true, true, true, true, true, true }, log)
    for _, lock in ipairs(shared) do assert.is_nil(lock:owner()) end
  end)

  it("is found when the owner has ended its body, but not its children", function()
    local problem = caught(cosched.run, function()
      local lock = cosched.lock "parental"
      lock:acquire()
      cosched.spawn(function() lock:acquire() end)
    end)
    assert.is_true(cosched.is_deadlock(problem))
    assert.matches("waits for lock 'parental' held by task", problem.report)
  end)
end)

describe("the collector", function()
  local function gone(weak)
    for _ = 1, 3 do collectgarbage() end
    return next(weak) == nil
  end

  it("takes locks that nobody refers to, held or not", in_task(function()
    local weak = setmetatable({}, { __mode = "k" })
    for i = 1, 100 do
      local lock = cosched.lock("lock " .. i)
      if i % 2 == 0 then lock:acquire() end
      weak[lock] = true
    end
    assert.is_true(gone(weak))
    local lock = cosched.lock() -- the list of held locks is sound
    lock:acquire()
    lock:release()
  end))

  it("leaves a lock for which somebody waits", in_task(function()
    local weak = setmetatable({}, { __mode = "v" })
    local waiter
    do
      local lock = cosched.lock "kept"
      weak[1] = lock
      lock:acquire()
      waiter = cosched.spawn(function() return yield(sys.acquire(weak[1])) == weak[1] end)
      cosched.checkpoint()
      cosched.checkpoint()
    end
    collectgarbage()
    collectgarbage()
    weak[1]:release()
    assert.is_true(waiter:join())
  end))

  for _, when in ipairs { "waits for it", "was handed it" } do
    it("takes a lock whose only user, closed by a stranger, " .. when, function()
      local problem
      cosched.run(cosched.supervisor, function(nursery)
        local weak = setmetatable({}, { __mode = "k" })
        local task, thread
        do
          local lock = cosched.lock()
          weak[lock] = true
          lock:acquire()
          local box = { lock }
          task = nursery:spawn(function()
            thread = coroutine.running()
            table.remove(box):acquire()
          end)
          cosched.checkpoint()
          if when == "was handed it" then lock:release() end
          coroutine.close(thread)
        end
        assert(gone(weak))
        task:wait()
        problem = select(2, task:result()).error
      end)
      assert.are.equal("task was closed outside the scheduler", problem)
    end)
  end
end)

describe("a finalizer", function()
  it("may use locks while tasks run", in_task(function()
    local lock, other, log = cosched.lock(), cosched.lock(), {}
    setmetatable({}, { __gc = function()
      log[1] = lock:try_acquire() ~= nil
      lock:release()
      log[2] = pcall(other.release, other)
      log[3] = tostring(select(2, pcall(other.acquire, other)))
    end })
    local task = holder(other)
    collectgarbage()
    collectgarbage()
    assert.are.same({ true, false }, { log[1], log[2] })
    assert.matches("cannot wait inside a finalizer", log[3])
    task:kill()
  end))
end)
