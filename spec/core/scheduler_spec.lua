-- The scheduler: order, fairness, many tasks, run after run.
local cosched = require "cosched"
local net = require "cosched.net"
local support = require "spec.support.task"
local in_task, caught, closing = support.in_task, support.caught, support.closing

local LONG = 3600

describe("the ready queue", function()
  it("is first in, first out", in_task(function()
    local log = {}
    for i = 1, 5 do
      cosched.spawn(function()
        for round = 1, 3 do
          log[#log + 1] = round * 10 + i
          cosched.checkpoint()
        end
      end)
    end
    for _ = 1, 4 do cosched.checkpoint() end
    assert.are.same({ 11, 12, 13, 14, 15, 21, 22, 23, 24, 25, 31, 32, 33, 34, 35 }, log)
  end))

  it("does not keep a reader waiting although one task is always ready", in_task(function()
    local one, two = assert(net.socketpair())
    local a <close> = one
    local b <close> = two
    local got = false
    cosched.spawn(function()
      a:recv()
      got = true
    end)
    cosched.checkpoint()
    b:send "x"
    local turns = 0
    while not got do
      turns = turns + 1
      cosched.checkpoint()
      assert(turns < 1000, "the reader starves")
    end
  end))

  it("does not keep a reader waiting for more than 61 steps of ten thousand ready tasks",
    in_task(function()
      local one, two = assert(net.socketpair())
      local a <close> = one
      local b <close> = two
      local steps, stop, woken_after = 0, false, nil
      for _ = 1, 10000 do
        cosched.spawn(function()
          while not stop do
            steps = steps + 1
            cosched.checkpoint()
          end
        end)
      end
      cosched.spawn(function()
        a:recv()
        woken_after = steps
        stop = true
      end)
      for _ = 1, 2 do cosched.checkpoint() end
      b:send "x"
      local sent = steps
      while not stop do cosched.checkpoint() end
      -- seen within 61 steps, then behind those that were ready before it
      assert.is_true(woken_after - sent <= 10000 + 2 * 61)
    end))

  it("does not keep a reader waiting for a task whose calls answer at once", in_task(function()
    local one, two = assert(net.socketpair())
    local a <close> = one
    local b <close> = two
    local got = false
    cosched.spawn(function()
      a:recv()
      got = true
    end)
    cosched.checkpoint()
    b:send "x"
    local calls = 0
    while not got do
      calls = calls + 1
      cosched.wait_task(0)
      assert(calls < 64 * 100, "the reader starves")
    end
  end))
end)

describe("run", function()
  it("inside of run is an error that changes nothing", in_task(function()
    local message = caught(cosched.run, function() end)
    assert.matches("cosched.run is running already", message, 1, true)
    assert.matches("cosched.spawn", message, 1, true)
    assert.is_true(cosched.sleep(0.0001))
  end))

  it("inside of a coroutine inside of run is one, too", in_task(function()
    local message = caught(coroutine.wrap(cosched.run), function() end)
    assert.matches("cosched.run is running already", message, 1, true)
  end))

  it("can be called again after a run that failed, that was cancelled, or that was killed",
    function()
      for _, fails in ipairs {
        function() error "boom" end,
        function()
          cosched.current():cancel "now"
          cosched.sleep(LONG)
        end,
        function() cosched.current():kill() end,
        function() coroutine.yield "junk" end,
        function() cosched.sleep(math.huge) end,
      } do
        assert.is_false((pcall(cosched.run, fails)))
        assert.are.same({ 1, nil, 3 }, { cosched.run(function()
          cosched.spawn(cosched.sleep, 0.0001):join()
          return 1, nil, 3
        end) })
      end
    end)

  it("can be called in a coroutine that is not a task", function()
    local step = coroutine.wrap(function()
      local result = cosched.run(function()
        cosched.sleep(0.0001)
        return "done"
      end)
      coroutine.yield(result)
    end)
    assert.are.equal("done", step())
  end)

  it("leaves no task and no descriptor, however it ended", function()
    local before = support.descriptors()
    for _ = 1, 50 do
      pcall(cosched.run, function()
        local one, two = assert(net.socketpair())
        local a <close> = one
        local b <close> = two
        cosched.spawn(a.recv, a)
        cosched.spawn(error, "boom")
        b:recv()
      end)
      assert.is_nil((cosched.current()))
    end
    assert.are.same({}, support.leaked(before))
  end)
end)

describe("many tasks", function()
  it("a hundred thousand of them start, wait, and end", in_task(function()
    local count, started, ended = support.many(100000), 0, 0
    for _ = 1, count do
      cosched.spawn(function()
        started = started + 1
        cosched.sleep(0.001)
        ended = ended + 1
      end)
    end
    while ended < count do cosched.sleep(0.001) end
    assert.are.equal(count, started)
  end))

  it("a hundred thousand of them are cancelled, and every <close> runs", function()
    local count, closed = support.many(100000), 0
    local function body()
      local _ <close> = closing(function() closed = closed + 1 end)
      cosched.sleep(LONG)
    end
    caught(cosched.run, function()
      for _ = 1, count do cosched.spawn(body) end
      cosched.checkpoint()
      cosched.current():cancel "all"
      cosched.checkpoint()
    end)
    assert.are.equal(count, closed)
  end)

  it("one after the other, they use no more memory than one", in_task(function()
    local function round()
      for _ = 1, support.many(20000) do cosched.spawn(function() return 1 end):join() end
      collectgarbage()
      return collectgarbage "count"
    end
    round()
    local before = round()
    assert.is_true(round() - before < 64)
  end))

  it("a chain of wakes runs in constant memory and stack", in_task(function()
    local rounds = support.many(1000000)
    local ball, waiting = 0, {}
    local wait_turn = cosched.syscall {
      name = "its turn",
      start = function(wait, i)
        waiting[i] = wait
        return wait:park()
      end,
    }
    local function player(i)
      local other = 3 - i
      while ball < rounds do
        ball = ball + 1
        local wait = waiting[other]
        waiting[other] = nil
        if wait then wait:wake() end
        if ball < rounds then wait_turn(i) end
      end
      local wait = waiting[other]
      if wait then wait:wake() end
    end
    collectgarbage()
    local before = collectgarbage "count"
    local a, b = cosched.spawn(player, 1), cosched.spawn(player, 2)
    a:join()
    b:join()
    collectgarbage()
    assert.is_true(ball >= rounds)
    assert.is_true(collectgarbage "count" - before < 64)
  end))

  it("a million turns of two tasks run in constant memory", in_task(function()
    local function spin()
      for _ = 1, support.many(500000) do cosched.checkpoint() end
    end
    collectgarbage()
    local before = collectgarbage "count"
    local a, b = cosched.spawn(spin), cosched.spawn(spin)
    a:join()
    b:join()
    collectgarbage()
    assert.is_true(collectgarbage "count" - before < 64)
  end))
end)

describe("a thread that is used again", function()
  it("brings nothing along from a task that failed, was cancelled, or was killed",
    in_task(function()
      for round = 1, 200 do
        local before = cosched.spawn(function(...)
          local _ <close> = closing(function() end)
          if round % 4 == 0 then return pcall(error, "x") end
          if round % 4 == 1 then cosched.current():cancel "now" end
          if round % 4 == 2 then cosched.current():kill() end
          cosched.checkpoint()
          return ...
        end, 1, 2, 3)
        before:wait()
        local task = cosched.spawn(function(...)
          local count = select("#", ...)
          cosched.sleep(0)
          return count, (debug.gethook()), coroutine.isyieldable(), ...
        end, "a", nil)
        assert.are.same({ n = 5, 2, nil, true, "a", nil }, table.pack(task:join()))
      end
    end))

  it("has let go of the values of its last task", in_task(function()
    local weak = setmetatable({}, { __mode = "v" })
    for _ = 1, 20 do
      weak[#weak + 1] = {}
      cosched.spawn(function(value)
        local kept = { value }
        cosched.checkpoint()
        return #kept
      end, weak[#weak]):join()
    end
    collectgarbage()
    assert.is_nil(next(weak))
  end))
end)
