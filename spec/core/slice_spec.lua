-- Slices of time: tasks that compute take turns.
local cosched = require "cosched"
local program = require "spec.support.broad"
local support = require "spec.support.task"
local caught, closing, many = support.caught, support.closing, support.many

local SLICE = { slice = 0.001 }

-- Computes until the condition holds; false if that takes too long.
local function spin_until(condition)
  local deadline = os.clock() + 5
  while not condition() do
    if os.clock() > deadline then return false end
  end
  return true
end

describe("a slice of time", function()
  it("ends, so that two busy tasks and a sleeper all get on", function()
    local counts, woken = { 0, 0 }, false
    cosched.run(SLICE, function()
      for i = 1, 2 do
        cosched.spawn(function()
          assert.is_true(spin_until(function()
            counts[i] = counts[i] + 1
            return woken
          end))
        end)
      end
      cosched.spawn(function()
        cosched.sleep(0.01)
        assert.is_true(counts[1] > 0 and counts[2] > 0)
        woken = true
      end)
    end)
  end)

  it("ends in a loop without calls", function()
    local stop = false
    cosched.run(SLICE, function()
      cosched.spawn(function()
        cosched.sleep(0.005)
        stop = true
      end)
      local i = 0
      while not stop and i < 1e10 do i = i + 1 end
      assert.is_true(stop)
    end)
  end)

  it("ends behind a C function that took longer", function()
    cosched.run(SLICE, function()
      local woken = false
      cosched.spawn(function()
        cosched.sleep(0.002)
        woken = true
      end)
      cosched.checkpoint()
      assert.is_true(spin_until(function()
        return woken or (("x"):rep(2e6)):find "y"
      end))
    end)
  end)

  it("is no point where a cancellation is told: the next call that waits is", function()
    local told, others = nil, 0
    cosched.run(SLICE, function()
      local task = cosched.spawn(function()
        assert.is_true(spin_until(function() return others == 3 end))
        told = caught(cosched.checkpoint)
      end)
      cosched.checkpoint() -- it has lost its turn at least once when this goes on
      task:cancel "enough"
      for i = 1, 3 do
        cosched.checkpoint()
        others = i
      end
    end)
    assert.equal("enough", told.reason)
  end)

  it("does not keep a deadline from being seen by a busy task", function()
    cosched.run(SLICE, function()
      local ok, cancelled = cosched.move_on(0.005, function()
        assert.is_true(spin_until(function() return cosched.deadline() == -math.huge end))
        cosched.checkpoint()
      end)
      assert.is_false(ok)
      assert.equal("deadline", cancelled.source)
    end)
  end)

  it("ends, so that a busy task can be killed", function()
    local closed
    cosched.run(SLICE, function()
      local busy = cosched.spawn(function()
        local _ <close> = closing(function() closed = true end)
        spin_until(function() return closed end)
      end)
      cosched.sleep(0.003)
      assert.is_true(busy:kill())
      assert.equal("cancelled", busy:wait())
    end)
    assert.is_true(closed)
  end)

  it("does not end in what closes a task that is killed", function()
    local n = 0
    cosched.run(SLICE, function()
      local victim = cosched.spawn(function()
        local _ <close> = closing(function()
          local deadline = os.clock() + 0.005
          repeat n = n + 1 until os.clock() > deadline
        end)
        cosched.forever()
      end)
      cosched.checkpoint()
      victim:kill()
      assert.equal("cancelled", victim:wait())
    end)
    assert.is_true(n > 0)
  end)

  it("gives a coroutine of the program's own no spurious yield", function()
    cosched.run(SLICE, function()
      local co = coroutine.wrap(function()
        local deadline, n = os.clock() + 0.01, 0
        repeat n = n + 1 until os.clock() > deadline
        return "done", n
      end)
      local answer, n = co()
      assert.equal("done", answer)
      assert.is_true(n > 0)
    end)
  end)

  it("works below a table.sort that takes long, once that is over", function()
    local turns = 0
    cosched.run(SLICE, function()
      local done = false
      cosched.spawn(function()
        while not done do
          turns = turns + 1
          cosched.sleep(0.001)
        end
      end)
      local deadline = os.clock() + 0.005
      table.sort({ 2, 1 }, function(a, b)
        repeat until os.clock() > deadline
        return a < b
      end)
      local before = turns
      assert.is_true(spin_until(function() return turns > before + 1 end))
      done = true
    end)
  end)

  it("leaves the results of a broad program as they are", function()
    local expected = cosched.run({ clock = "virtual" }, program)
    cosched.run({ slice = 0.0001 }, function()
      for _ = 1, 4 do
        cosched.spawn(function()
          for _ = 1, many(40) do
            local answer = program()
            if answer ~= expected then assert.equal(expected, answer) end
          end
        end)
      end
    end)
  end)

  it("goes with virtual time", function()
    local options = { slice = 0.001, clock = "virtual" }
    cosched.run(options, function()
      local busy = cosched.spawn(function()
        local deadline = os.clock() + 0.005
        repeat until os.clock() > deadline
        return cosched.now()
      end)
      assert.equal(0, busy:join())
      cosched.sleep(60)
      assert.equal(60, cosched.now())
    end)
  end)

  it("is refused when it is no positive number", function()
    for _, name in ipairs { "slice", "watchdog" } do
      for _, value in ipairs { 0, -1, 0 / 0, "1", true } do
        local problem = caught(cosched.run, { [name] = value }, function() end)
        assert.matches(name .. ": seconds, more than 0, expected", problem)
      end
    end
    for _, value in ipairs { 0, -1, 1.5, "x", 2 ^ 40 } do
      local problem = caught(cosched.run, { slice_instructions = value }, function() end)
      assert.matches("slice_instructions: a positive integer expected", problem)
    end
    assert.equal("fine", cosched.run(function() return "fine" end))
  end)
end)
