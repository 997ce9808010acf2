-- Virtual time: a clock that jumps, and an order that only the seed decides.
local cosched = require "cosched"
local net = require "cosched.net"
local sockets = require "spec.support.sockets"
local support = require "spec.support.task"
local time = require "spec.support.virtual"
local caught, virtual = support.caught, time.virtual

local LONG = 3600
local YEAR = 365 * 24 * 3600

describe("the virtual clock", function()
  it("begins at 0, in each run", function()
    for _ = 1, 2 do
      time.run(function()
        assert.are.equal(0, cosched.now())
        cosched.sleep(5)
        assert.are.equal(5, cosched.now())
      end)
    end
  end)

  it("jumps to the next deadline when all wait", virtual(function()
    local log, note = time.log()
    for _, delay in ipairs { 3, 1, 2 } do
      cosched.spawn(function()
        cosched.sleep(delay * YEAR)
        note(cosched.now() / YEAR)
      end)
    end
    cosched.sleep(4 * YEAR)
    assert.are.same({ 1, 2, 3 }, log)
    assert.are.equal(4 * YEAR, cosched.now())
  end))

  it("stands still while tasks are ready", virtual(function()
    cosched.spawn(cosched.sleep, 1)
    for _ = 1, 1000 do cosched.checkpoint() end
    cosched.sleep(0)
    assert.are.equal(0, cosched.now())
  end))

  it("takes no real time", function()
    local before = cosched.now()
    time.run(function() cosched.sleep(YEAR) end)
    assert.is_true(cosched.now() - before < LONG)
  end)

  it("is gone after the run, also after one that failed", function()
    local before = cosched.now()
    pcall(time.run, function()
      cosched.sleep(YEAR)
      error "boom"
    end)
    assert.is_true(cosched.now() >= before)
    assert.is_true(cosched.now() < before + LONG)
  end)

  it("is exact, and takes fractions and times that are long ago", virtual(function()
    cosched.sleep(0.1)
    cosched.sleep(0.25)
    assert.are.equal(0.35, cosched.now())
    cosched.sleep_until(0.1)
    cosched.sleep_until(-LONG)
    assert.are.equal(0.35, cosched.now())
    cosched.sleep_until(2)
    assert.are.equal(2, cosched.now())
  end))

  it("wakes equal deadlines in the order in which the waits began", virtual(function()
    local log, note = time.log()
    for i = 1, 20 do
      cosched.spawn(function()
        cosched.sleep(i % 4)
        cosched.sleep_until(10)
        note(i % 4 * 100 + i)
      end)
    end
    cosched.sleep(20)
    local sorted = table.move(log, 1, #log, 1, {})
    table.sort(sorted)
    assert.are.equal(20, #log)
    assert.are.same(sorted, log)
  end))

  it("refuses to sleep for NaN or for less than nothing", virtual(function()
    assert.has_error(function() cosched.sleep(0 / 0) end)
    assert.has_error(function() cosched.sleep(-1) end)
    assert.has_error(function() cosched.sleep_until(0 / 0) end)
  end))

  it("does not come to an end that is infinitely far: that is a deadlock", function()
    local problem = caught(time.run, function() cosched.sleep(math.huge) end)
    assert.is_true(cosched.is_deadlock(problem))
  end)

  it("is chosen by name", function()
    assert.has_error(function() cosched.run({ clock = "sundial" }, print) end)
    assert.has_error(function() cosched.run({ seed = 1.5 }, print) end)
    assert.has_error(function() cosched.run({ sed = 1 }, print) end)
  end)
end)

describe("something real that is pending", function()
  it("keeps the clock from jumping: a read ends first", virtual(function()
    local a, b, _ <close> = sockets.pair()
    local read_at
    local sleeper = cosched.spawn(cosched.sleep, 1)
    local reader = cosched.spawn(function()
      assert.are.equal("data", a:recv())
      read_at = cosched.now()
    end)
    cosched.checkpoint()
    assert(b:send "data") -- it is the kernel's business when that arrives
    reader:join()
    assert.are.equal(0, read_at)
    sleeper:join()
    assert.are.equal(1, cosched.now())
  end))

  it("keeps it also when it is a request of the thread pool", virtual(function()
    local sleeper = cosched.spawn(cosched.sleep, 1)
    assert(net.resolve "127.0.0.1")
    assert.are.equal(0, cosched.now())
    sleeper:join()
    assert.are.equal(1, cosched.now())
  end))

  it("counts no more once it was cancelled", virtual(function()
    local a, _, _ <close> = sockets.pair()
    local reader = cosched.spawn(a.recv, a)
    cosched.checkpoint()
    reader:cancel()
    reader:wait()
    cosched.sleep(YEAR)
    assert.are.equal(YEAR, cosched.now())
  end))
end)

-- A scenario whose order of steps is its trace.
local function trace(options)
  local list = {}
  time.run(function()
    cosched.nursery(function(n)
      for i = 1, 8 do
        n:spawn(function()
          for step = 1, 5 do
            if (i + step) % 3 == 0 then cosched.sleep(1) else cosched.checkpoint() end
            list[#list + 1] = i
          end
        end)
      end
    end)
  end, options)
  return table.concat(list, " ")
end

describe("seed and shuffle", function()
  it("give the same trace for the same seed", function()
    for seed = 1, 20 do
      local options = { seed = seed, shuffle = true }
      assert.are.equal(trace(options), trace(options))
    end
  end)

  it("give other traces for other seeds", function()
    local seen, count = {}, 0
    for seed = 1, 20 do
      local t = trace { seed = seed, shuffle = true }
      if not seen[t] then count = count + 1 end
      seen[t] = true
    end
    assert.are.equal(20, count)
  end)

  it("do not matter to the order where nothing is shuffled", function()
    assert.are.equal(trace { seed = 1 }, trace { seed = 2 })
  end)

  it("leave the order of deadlines alone", function()
    for seed = 1, 20 do
      local log, note = time.log()
      time.run(function()
        for i = 1, 10 do
          cosched.spawn(function()
            cosched.sleep(i)
            note(i)
          end)
        end
      end, { seed = seed, shuffle = true })
      assert.are.same({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, log)
    end
  end)

  it("starve nobody: a ready task runs before another runs twice more", function()
    for seed = 1, 20 do
      local last, worst, step = {}, 0, 0
      time.run(function()
        for i = 1, 10 do
          cosched.spawn(function()
            for _ = 1, 50 do
              step = step + 1
              worst = math.max(worst, step - (last[i] or step))
              last[i] = step
              cosched.checkpoint()
            end
          end)
        end
      end, { seed = seed, shuffle = true })
      assert.is_true(worst < 20)
    end
  end)

  it("may be without a seed: that run has one of its own", function()
    cosched.run({ clock = "virtual", shuffle = true }, cosched.sleep, 1)
  end)

  it("end with the run", function()
    trace { seed = 3, shuffle = true }
    local log, note = time.log()
    time.run(function()
      for i = 1, 20 do cosched.spawn(note, i) end
    end)
    assert.are.equal("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20", table.concat(log, " "))
  end)
end)
