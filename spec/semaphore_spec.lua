-- cosched.semaphore: so many at a time.
local cosched = require "cosched"
local support = require "spec.support.task"
local in_task, caught = support.in_task, support.caught

local LONG = 3600

local function settle()
  for _ = 1, 5 do cosched.checkpoint() end
end

local function taker(semaphore, log, name)
  return cosched.spawn(function()
    local _ <close> = semaphore:acquire()
    log[#log + 1] = name
  end)
end

describe("a semaphore", function()
  it("lets in as many as it has permits, in their order", in_task(function()
    local semaphore, inside, most, order = cosched.semaphore(3), 0, 0, {}
    local tasks = {}
    for i = 1, 100 do
      tasks[i] = cosched.spawn(function()
        local _ <close> = semaphore:acquire()
        order[#order + 1] = i
        inside = inside + 1
        most = math.max(most, inside)
        if i % 3 == 0 then cosched.sleep(0.0001) else cosched.checkpoint() end
        inside = inside - 1
      end)
    end
    for _, task in ipairs(tasks) do task:join() end
    assert.are.equal(3, most)
    for i = 1, 100 do assert.are.equal(i, order[i]) end
    assert.are.equal(3, semaphore:value())
  end))

  it("counts what is left", in_task(function()
    local semaphore = cosched.semaphore(2)
    assert.are.equal(2, semaphore:value())
    local first = semaphore:acquire()
    assert.are.equal(1, semaphore:value())
    local second <close> = semaphore:acquire()
    assert.are.equal(0, semaphore:value())
    first:release()
    assert.are.equal(1, semaphore:value())
    assert.is_truthy(second)
  end))

  it("gives a permit back once for each guard", in_task(function()
    local semaphore = cosched.semaphore(2)
    do
      local one <close> = semaphore:acquire()
      local _ <close> = semaphore:acquire()
      one:release()
      one:release()
      assert.are.equal(1, semaphore:value())
    end
    assert.are.equal(2, semaphore:value())
  end))

  it("keeps the permits of one task apart", in_task(function()
    local semaphore = cosched.semaphore(2)
    local outer = semaphore:acquire()
    do
      local _ <close> = semaphore:acquire()
    end
    assert.are.equal(1, semaphore:value())
    outer:release()
    assert.are.equal(2, semaphore:value())
  end))

  it("lets another task release", in_task(function()
    local semaphore, log = cosched.semaphore(1), {}
    semaphore:acquire()
    local task = taker(semaphore, log, 1)
    cosched.spawn(function() semaphore:release() end)
    task:join()
    assert.are.same({ 1 }, log)
    assert.are.equal(1, semaphore:value())
  end))

  it("says busy to try_acquire when there is no permit", in_task(function()
    local semaphore = cosched.semaphore(1)
    do
      local _ <close> = assert(semaphore:try_acquire())
      assert.are.same({ nil, "busy", "EBUSY" }, { semaphore:try_acquire() })
    end
    assert.are.equal(1, semaphore:value())
  end))

  it("is not released more often than acquired", in_task(function()
    local semaphore = cosched.semaphore(1)
    local line = debug.getinfo(1, "l").currentline
    local problem = caught(function() semaphore:release() end)
    assert.matches("semaphore_spec.lua:" .. line + 1 .. ": the semaphore was released more often",
      problem)
    local guard = semaphore:acquire()
    semaphore:release()
    assert.matches("released more often", caught(function() guard:release() end))
    assert.are.equal(1, semaphore:value())
  end))

  it("may grow, up to a max that is given", in_task(function()
    local semaphore, log = cosched.semaphore(0, { max = 2 }), {}
    local task = taker(semaphore, log, 1)
    settle()
    assert.are.same({}, log)
    semaphore:release()
    task:join()
    semaphore:release()
    assert.are.equal(2, semaphore:value())
    assert.matches("released more often", caught(semaphore.release, semaphore))
    local endless = cosched.semaphore(0, { max = math.huge })
    for _ = 1, 10 do endless:release() end
    assert.are.equal(10, endless:value())
  end))

  it("loses no permit to those who are cancelled or killed", in_task(function()
    local semaphore, log, tasks = cosched.semaphore(1), {}, {}
    local guard = semaphore:acquire()
    for i = 1, 6 do tasks[i] = taker(semaphore, log, i) end
    settle()
    tasks[1]:cancel() -- while they wait
    tasks[2]:kill()
    guard:release()
    tasks[3]:kill() -- when it has the permit
    settle()
    assert.are.same({ 4, 5, 6 }, log)
    assert.are.equal(1, semaphore:value())
  end))

  it("gets its permit back from a holder that is cancelled or killed", in_task(function()
    for _, how in ipairs { "cancel", "kill" } do
      local semaphore = cosched.semaphore(1)
      local task = cosched.spawn(function()
        local _ <close> = semaphore:acquire()
        cosched.sleep(LONG)
      end)
      settle()
      assert.are.equal(0, semaphore:value())
      task[how](task)
      task:wait()
      assert.are.equal(1, semaphore:value())
    end
  end))

  it("gives the permit to a task that is cancelled after the release", in_task(function()
    local semaphore, log = cosched.semaphore(1), {}
    local guard = semaphore:acquire()
    local task = taker(semaphore, log, 1)
    settle()
    guard:release()
    task:cancel()
    assert.are.equal("ok", task:wait())
    assert.are.same({ 1 }, log)
    assert.are.equal(1, semaphore:value())
  end))

  it("gives no permit to a wait that a time limit has ended", in_task(function()
    local semaphore = cosched.semaphore(1)
    local guard = semaphore:acquire()
    assert.is_false((cosched.move_on(0.001, semaphore.acquire, semaphore)))
    guard:release()
    assert.are.equal(1, semaphore:value())
  end))

  it("is named in the report of a deadlock", function()
    local problem = caught(cosched.run, function()
      cosched.spawn(function() cosched.semaphore(0, { max = 1 }):acquire() end)
      cosched.semaphore(0, { max = 1, name = "a parking space" }):acquire()
    end)
    assert.is_true(cosched.is_deadlock(problem))
    assert.matches("waits for a parking space", problem.report)
    assert.matches("waits for a semaphore", problem.report)
  end)

  it("can be waited for by tasks alone", function()
    local semaphore = cosched.semaphore(1)
    local line = debug.getinfo(1, "l").currentline
    local problem = caught(function() semaphore:acquire() end)
    assert.matches("semaphore_spec.lua:" .. line + 1 .. ": 'acquire' waits, so it needs a task",
      problem)
    assert.are.equal(1, semaphore:value())
    local guard = semaphore:try_acquire()
    assert.are.equal(0, semaphore:value())
    guard:release()
  end)

  it("refuses counts and options that make no sense, at the caller's line", function()
    local line = debug.getinfo(1, "l").currentline
    for _, count in ipairs { -1, 0.5, "1", {} } do
      assert.matches("semaphore_spec.lua:" .. line + 3
        .. ": bad argument #1 to 'semaphore'", caught(function() cosched.semaphore(count) end))
    end
    assert.matches("unknown option 'limit'", caught(cosched.semaphore, 1, { limit = 2 }))
    assert.matches("max, by default the count, must be", caught(cosched.semaphore, 0))
    assert.matches("max, .* must be at least", caught(cosched.semaphore, 2, { max = 1 }))
    assert.matches("max, .* must be at least", caught(cosched.semaphore, 2, { max = 0 / 0 }))
  end)

  it("says so, at the caller's line, when a method is called with a dot", in_task(function()
    local semaphore = cosched.semaphore(1)
    for _, name in ipairs { "acquire", "try_acquire", "release", "value" } do
      assert.matches("semaphore_spec.lua:%d+: bad argument #1 to '" .. name
        .. "' %(cosched.Semaphore expected; call it with ':'%)",
        caught(function() local r = semaphore[name]() return r end))
    end
  end))
end)
