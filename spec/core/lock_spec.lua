-- cosched.lock: who owns it, who may release it, and what a guard does.
local cosched = require "cosched"
local locks = require "spec.support.locks"
local support = require "spec.support.task"
local in_task, caught = support.in_task, support.caught
local holder, taker = locks.holder, locks.taker
local direct, yielded = locks.direct, locks.yielded

local LONG = 3600

local function line() return debug.getinfo(2, "l").currentline end

local function here(offset)
  return ("^[^\n]*lock_spec.lua:%d: "):format(debug.getinfo(2, "l").currentline + offset)
end

describe("a lock", function()
  it("is owned by the task that has acquired it, until that releases it", in_task(function()
    local lock = cosched.lock()
    assert.is_nil(lock:owner())
    lock:acquire()
    assert.are.equal(cosched.current(), lock:owner())
    assert.are.equal(0, select("#", lock:release()))
    assert.is_nil(lock:owner())
  end))

  it("keeps all others out, however many there are", in_task(function()
    local lock, inside, total = cosched.lock(), 0, 0
    local tasks = {}
    for i = 1, 100 do
      tasks[i] = cosched.spawn(function()
        for _ = 1, 10 do
          local _ <close> = i % 3 == 0 and yielded(lock) or lock:acquire()
          inside = inside + 1
          assert(inside == 1)
          if i % 2 == 0 then cosched.checkpoint() end
          if i % 5 == 0 then cosched.sleep(0.00001) end
          inside, total = inside - 1, total + 1
        end
      end)
    end
    for _, task in ipairs(tasks) do task:join() end
    assert.are.equal(1000, total)
    assert.is_nil(lock:owner())
  end))

  it("goes to those who wait in the order in which they came", in_task(function()
    local lock, log = cosched.lock(), {}
    lock:acquire()
    for i = 1, 6 do taker(lock, log, i, i % 2 == 0 and yielded or nil) end
    cosched.checkpoint()
    cosched.checkpoint()
    lock:release()
    while #log < 6 do cosched.checkpoint() end
    -- a yielded acquire is made one step later than a direct one
    local odd, even = {}, {}
    for _, i in ipairs(log) do table.insert(i % 2 == 1 and odd or even, i) end
    assert.are.same({ 1, 3, 5 }, odd)
    assert.are.same({ 2, 4, 6 }, even)
  end))

  it("is owned by the next from the moment of the release", in_task(function()
    local lock, log = cosched.lock(), {}
    lock:acquire()
    local task = taker(lock, log, "next")
    cosched.checkpoint()
    lock:release()
    assert.are.equal(task, lock:owner()) -- though it has not run
    assert.are.equal("ready", task:status())
    assert.are.same({ nil, "busy", "EBUSY" }, { lock:try_acquire() })
    lock:acquire() -- behind it
    assert.are.same({ "next" }, log)
    lock:release()
  end))

  it("says who it is and whose it is", in_task(function()
    local lock = cosched.lock "accounts"
    assert.are.equal("cosched.Lock: accounts (free)", tostring(lock))
    lock:acquire()
    assert.are.equal(("cosched.Lock: accounts (held by task %d)"):format(cosched.get_tid()),
      tostring(lock))
    lock:release()
    assert.matches("^cosched.Lock: .-lock_spec.lua:" .. line(), tostring(cosched.lock()))
    assert.matches("string expected, got table", caught(cosched.lock, {}))
  end))

  it("may be owned by nobody but tasks", function()
    local lock = cosched.lock "mine"
    assert.matches("'acquire' waits, so it needs a task", caught(lock.acquire, lock))
    assert.matches("lock 'mine' can be owned by a task only", caught(lock.try_acquire, lock))
    assert.matches("lock 'mine' is held by nobody", caught(lock.release, lock))
    assert.is_nil(lock:owner())
  end)

  it("refuses what is no lock", function()
    local lock = cosched.lock()
    for _, name in ipairs { "try_acquire", "release", "owner" } do
      assert.matches("cosched.Lock expected", caught(lock[name], {}))
    end
    cosched.run(function()
      assert.matches("cosched.Lock expected", caught(lock.acquire, cosched.current()))
      assert.matches("cosched.Lock expected", caught(yielded, 1))
    end)
    assert.are.equal("cosched.Lock", getmetatable(lock))
  end)

  it("may be used again in another run", function()
    local lock = cosched.lock()
    for _ = 1, 3 do
      cosched.run(function()
        local _ <close> = lock:acquire()
        cosched.checkpoint()
      end)
      assert.is_nil(lock:owner())
    end
  end)
end)

describe("acquire", function()
  it("in the owner raises at once: a lock is not reentrant", in_task(function()
    local lock = cosched.lock "once"
    lock:acquire()
    local at = here(1)
    local problem = caught(function() lock:acquire() end)
    assert.matches(at .. "lock 'once' is held by this task already, and is not reentrant",
      problem)
    assert.matches("not reentrant", caught(function() return lock:try_acquire() end))
    assert.matches("not reentrant", caught(yielded, lock))
    assert.are.equal(cosched.current(), lock:owner())
    lock:release()
  end))

  it("is refused below what Lua cannot suspend, and has changed nothing", in_task(function()
    local lock, log = cosched.lock(), {}
    local problem = caught(table.sort, { 2, 1 }, function() lock:acquire() end)
    assert.matches("'acquire' cannot wait inside table.sort", problem)
    assert.is_nil(lock:owner())
    taker(lock, log, 1):join()
  end))

  it("is not attempted in a cancelled task", in_task(function()
    local lock = cosched.lock()
    local task = cosched.spawn(function() lock:acquire() end)
    task:cancel()
    assert.are.equal("cancelled", task:wait())
    assert.is_nil(lock:owner())
  end))

  it("lets others have a turn now and then, even if it never has to wait", in_task(function()
    local lock, turns = cosched.lock(), 0
    local task = cosched.spawn(function() turns = 1 end)
    for _ = 1, 200 do
      local _ <close> = lock:acquire()
      if turns > 0 then break end
    end
    assert.are.equal(1, turns)
    task:join()
  end))

  for name, acquire in pairs { direct = direct, yielded = yielded } do
    it(name .. ", whose task is killed before it has the answer, was never made",
      in_task(function()
        local lock = cosched.lock()
        local state = {}
        local task = cosched.spawn(function()
          for _ = 1, 1000 do -- in one of them the others get a turn
            state.asked = true
            acquire(lock)
            state.asked = false
            lock:release()
          end
        end)
        repeat cosched.checkpoint() until state.asked
        task:kill()
        assert.is_nil(lock:owner())
        assert(lock:try_acquire()):release()
        assert.is_truthy(tostring(lock):find("free", 1, true))
      end))
  end
end)

describe("try_acquire", function()
  it("acquires what is free, and says busy otherwise", in_task(function()
    local lock = cosched.lock()
    do
      local guard <close> = lock:try_acquire()
      assert.are.equal(cosched.current(), lock:owner())
      assert.are.same({ nil, "busy", "EBUSY" }, cosched.spawn(function()
        return { lock:try_acquire() }
      end):join())
      assert.is_truthy(guard)
    end
    assert.is_nil(lock:owner())
  end))
end)

describe("release", function()
  it("by a stranger raises at the caller, and says who holds it", in_task(function()
    local lock = cosched.lock "mine"
    local task = holder(lock)
    local at = here(1)
    local problem = caught(function() lock:release() end)
    assert.matches(at .. "lock 'mine' is held by task " .. task.tid
      .. ", and only that task can release it", problem)
    assert.are.equal(task, lock:owner())
    task:kill()
  end))

  it("of what nobody holds raises", in_task(function()
    local lock = cosched.lock "mine"
    local at = here(1)
    assert.matches(at .. "lock 'mine' is held by nobody", caught(function() lock:release() end))
    lock:acquire()
    lock:release()
    assert.matches("held by nobody", caught(lock.release, lock))
  end))

  it("runs nobody at once", in_task(function()
    local lock, log = cosched.lock(), {}
    lock:acquire()
    local task = taker(lock, log, 1)
    cosched.checkpoint()
    lock:release()
    assert.are.same({}, log)
    task:join()
  end))
end)

describe("a guard", function()
  local ways = {
    ["end of its block"] = function(lock)
      do
        local _ <close> = lock:acquire()
      end
    end,
    ["break"] = function(lock)
      while true do
        local _ <close> = lock:acquire()
        if lock:owner() then break end
      end
    end,
    ["goto"] = function(lock)
      do
        local _ <close> = lock:acquire()
        goto out
      end
      ::out::
    end,
    ["return"] = function(lock)
      local function inner()
        local _ <close> = lock:acquire()
        return lock:owner().tid
      end
      assert(inner() == cosched.get_tid())
    end,
    ["error"] = function(lock)
      assert.are.equal("boom", caught(function()
        local _ <close> = lock:acquire()
        error("boom", 0)
      end))
    end,
    ["end of a coroutine that the task resumes"] = function(lock)
      lock:try_acquire()
      local run = coroutine.wrap(function() local _ <close> = lock end)
      run()
    end,
  }
  for name, way in pairs(ways) do
    it("releases at " .. name, in_task(function()
      local lock = cosched.lock()
      way(lock)
      assert.is_nil(lock:owner())
    end))
  end

  it("does nothing when its task has released the lock before", in_task(function()
    local lock, log = cosched.lock(), {}
    do
      local _ <close> = lock:acquire()
      lock:release()
      assert.are.equal(lock, taker(lock, log, 1) and lock)
      cosched.checkpoint()
    end
    assert.are.same({ 1 }, log)
  end))

  it("of an earlier owner does not release a later one's lock", in_task(function()
    local lock = cosched.lock()
    local task
    do
      local _ <close> = lock:acquire()
      lock:release()
      task = holder(lock)
    end
    assert.are.equal(task, lock:owner())
    task:kill()
  end))

  it("releases when its task is cancelled, and the next goes on", in_task(function()
    local lock, log = cosched.lock(), {}
    local task = cosched.spawn(function()
      local _ <close> = lock:acquire()
      cosched.sleep(LONG)
    end)
    cosched.checkpoint()
    local next_one = taker(lock, log, "next")
    cosched.checkpoint()
    task:cancel()
    next_one:join()
    assert.are.same({ "next" }, log)
    assert.are.equal("cancelled", task:wait())
  end))

  it("releases when its task is killed: the lock is not broken then", in_task(function()
    local lock, log = cosched.lock(), {}
    local task = cosched.spawn(function()
      local _ <close> = lock:acquire()
      cosched.sleep(LONG)
    end)
    cosched.checkpoint()
    local next_one = taker(lock, log, "next")
    cosched.checkpoint()
    task:kill()
    next_one:join()
    assert.are.same({ "next" }, log)
  end))

  it("may be closed where no task runs", function()
    local lock = cosched.lock()
    do
      local _ <close> = lock
    end
    assert.is_nil(lock:owner())
  end)
end)
