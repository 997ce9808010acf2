-- Time: order and lower bounds, never durations.
local cosched = require "cosched"
local net = require "cosched.net"
local support = require "spec.support.task"
local in_task = support.in_task

describe("sleep", function()
  it("wakes the tasks in the order of their deadlines", in_task(function()
    local log = {}
    for _, ms in ipairs { 5, 1, 4, 2, 3 } do
      cosched.spawn(function()
        cosched.sleep(ms / 500)
        log[#log + 1] = ms
      end)
    end
    cosched.sleep(0.012)
    assert.are.same({ 1, 2, 3, 4, 5 }, log)
  end))

  it("never wakes early", in_task(function()
    for _, seconds in ipairs {
      0.0001, 0.00001, 1e-9, 0.0009999, 0.00099999999, 0.001, 0.0010000001, 0.0019999, 0.0049999,
    } do
      for _ = 1, 3 do
        local before = cosched.now()
        assert.is_true(cosched.sleep(seconds))
        assert.is_true(cosched.now() - before >= seconds, tostring(seconds))
      end
    end
  end))

  it("counts from the call, however long the task has run before", in_task(function()
    local until_then = cosched.now() + 0.01
    while cosched.now() < until_then do end -- the loop's own idea of time is old now
    local before = cosched.now()
    cosched.sleep(0.005)
    assert.is_true(cosched.now() - before >= 0.005)
  end))

  it("of 0 lets every other ready task run once", in_task(function()
    local log = {}
    for i = 1, 3 do
      cosched.spawn(function()
        for round = 1, 2 do
          log[#log + 1] = round .. i
          cosched.sleep(0)
        end
      end)
    end
    cosched.sleep(0)
    assert.are.same("11 12 13", table.concat(log, " "))
    cosched.sleep(0)
    assert.are.same("11 12 13 21 22 23", table.concat(log, " "))
  end))

  it("of 0 in a circle does not starve a reader", in_task(function()
    local one, two = assert(net.socketpair())
    local a <close> = one
    local b <close> = two
    local got
    local spinner = cosched.spawn(function()
      while not got do cosched.sleep(0) end
    end)
    cosched.spawn(function()
      cosched.sleep(0.001)
      b:send "through"
    end)
    got = a:recv()
    assert.are.equal("through", got)
    assert.are.equal("ok", spinner:wait())
  end))

  it("of 0 in a circle does not starve a sleeper", in_task(function()
    local done = false
    cosched.spawn(function()
      cosched.sleep(0.001)
      done = true
    end)
    while not done do cosched.sleep(0) end
  end))

  for name, wrong in pairs {
    ["a negative number"] = -0.001, ["minus infinity"] = -math.huge, NaN = 0 / 0,
    ["minus NaN"] = -(0 / 0),
  } do
    it(("refuses %s, and says why"):format(name), in_task(function()
      assert.has_error(function() cosched.sleep(wrong) end,
        "bad argument #1 to 'sleep' (seconds must not be negative or NaN "
          .. "(math.huge: for ever))")
    end))
  end

  it("refuses what is not a number", in_task(function()
    for _, wrong in ipairs { "soon", {}, true, print } do
      assert.has_error(function() cosched.sleep(wrong) end,
        "bad argument #1 to 'sleep' (number expected, got " .. type(wrong) .. ")")
    end
    assert.has_error(function() cosched.sleep() end,
      "bad argument #1 to 'sleep' (number expected, got no value)")
  end))

  it("takes minus zero, integers, and digits in a string, as Lua does", in_task(function()
    assert.is_true(cosched.sleep(-0.0))
    assert.is_true(cosched.sleep(0))
    assert.is_true(cosched.sleep "0.0001")
  end))

  for name, huge in pairs {
    ["infinity"] = math.huge, ["1e300"] = 1e300, ["the largest integer"] = math.maxinteger,
    ["9.3e9 seconds"] = 9.3e9, ["2^53"] = 2 ^ 53, ["1e10"] = 1e10, ["50 days"] = 50 * 86400,
  } do
    it(("of %s does not end by itself, and can be cancelled"):format(name), in_task(function()
      local task = cosched.spawn(cosched.sleep, huge)
      cosched.sleep(0.002)
      assert.are.equal("waiting", task:status())
      assert.is_true(task:cancel "long enough")
      assert.are.equal("cancelled", task:wait())
    end))
  end

  it("of infinity is no reason to go on: a program that has nothing else is a deadlock", function()
    local ok, problem = pcall(cosched.run, cosched.sleep, math.huge)
    assert.is_false(ok)
    assert.is_true(cosched.is_deadlock(problem))
  end)

  it("ends for ten thousand tasks at one deadline, in the order of their making",
    in_task(function()
      local log, count = {}, 10000
      for i = 1, count do
        cosched.spawn(function()
          cosched.sleep(0.01)
          log[#log + 1] = i
        end)
      end
      while #log < count do cosched.sleep(0.002) end
      for i = 1, count do assert(log[i] == i) end
    end))

  it("forgets the deadlines of tasks that were cancelled among many", in_task(function()
    local tasks, woken = {}, 0
    for i = 1, 500 do
      tasks[i] = cosched.spawn(function()
        cosched.sleep(i % 2 == 1 and 3600 - i or 0.004)
        woken = woken + 1
      end)
    end
    cosched.checkpoint()
    for i = 1, 500, 2 do tasks[i]:cancel "odd" end
    for i = 1, 500 do
      assert.are.equal(i % 2 == 1 and "cancelled" or "ok", tasks[i]:wait())
    end
    assert.are.equal(250, woken)
  end))
end)

describe("now", function()
  it("never goes back", function()
    local last = cosched.now()
    for _ = 1, 100000 do
      local now = cosched.now()
      assert(now >= last)
      last = now
    end
  end)

  it("goes on between runs and across sleeps, in seconds", function()
    local before = cosched.now()
    cosched.run(cosched.sleep, 0.002)
    local after = cosched.now()
    assert.is_true(after - before >= 0.002)
    assert.is_true(after - before < 10)
  end)
end)
