-- A hundred thousand of them, nested and flat, in virtual time.
local cosched = require "cosched"
local support = require "spec.support.task"
local time = require "spec.support.virtual"
local caught, closing, virtual = support.caught, support.closing, time.virtual

local LONG = 3600
local COUNT = support.many(100000)

-- n tasks, each the child of the one before, all of which wait; `closed` counts the
-- ends of their `<close>` variables.
local function nest(n, state)
  state.alive = state.alive + 1
  if n > 1 then cosched.spawn(nest, n - 1, state) end
  local _ <close> = closing(function()
    state.alive = state.alive - 1
    state.closed = state.closed + 1
  end)
  cosched.sleep(LONG)
end

local function nested(n)
  local state = { alive = 0, closed = 0 }
  local top = cosched.spawn(nest, n, state)
  while state.alive < n do cosched.checkpoint() end
  return top, state
end

-- Seconds of CPU time that fn takes, the least of three tries.
local function seconds(fn)
  local least = math.huge
  for _ = 1, 3 do
    collectgarbage()
    local start = os.clock()
    fn()
    least = math.min(least, os.clock() - start)
  end
  return least
end

describe("many nested tasks", function()
  it("all unwind at a deadline of the outermost", virtual(function()
    local state = { alive = 0, closed = 0 }
    assert.is_false((cosched.move_on(10, cosched.nursery, function(n)
      n:spawn(nest, COUNT, state)
      cosched.sleep(LONG)
    end)))
    assert.are.equal(COUNT, state.closed)
    assert.are.equal(10, cosched.now())
  end))

  it("all unwind when the outermost is cancelled", virtual(function()
    local top, state = nested(COUNT)
    top:cancel()
    assert.are.equal("cancelled", top:wait())
    assert.are.equal(COUNT, state.closed)
  end))

  it("all unwind when the outermost is killed", virtual(function()
    local state
    cosched.nursery(function()
      local top
      top, state = nested(COUNT // 10)
      top:kill()
      top:wait()
      while state.closed < COUNT // 10 do cosched.checkpoint() end
    end)
    assert.are.equal(0, state.alive)
  end))

  it("pass the error of the innermost on to the outermost, as one leaf", virtual(function()
    local depth = 0
    local function deeper()
      depth = depth + 1
      if depth == COUNT // 10 then error("deep", 0) end
      cosched.spawn(deeper)
      cosched.sleep(LONG)
    end
    local problem = caught(cosched.nursery, function(n) n:spawn(deeper) end)
    assert.are.equal(1, #problem.errors)
    assert.are.equal("deep", problem.error)
    assert.are.equal(COUNT // 10, depth)
  end))

  it("make a deadlock that is reported and unwound", function()
    local state = { alive = 0, closed = 0 }
    local function wait_forever(n)
      if n > 1 then cosched.spawn(wait_forever, n - 1) end
      local _ <close> = closing(function() state.closed = state.closed + 1 end)
      cosched.forever()
    end
    local problem = caught(time.run, function() wait_forever(COUNT // 10) end)
    assert.is_true(cosched.is_deadlock(problem))
    assert.are.equal(COUNT // 10, state.closed)
    assert.are.equal(COUNT // 10, #problem.tasks)
    assert.is_true(#problem.report < 20000)
  end)
end)

describe("many tasks of one nursery", function()
  local function sleepers(n, count, on_close)
    for _ = 1, count do
      n:spawn(function()
        local _ <close> = closing(on_close)
        cosched.sleep(LONG)
      end)
    end
  end

  it("are all waited for", virtual(function()
    local done = 0
    cosched.nursery(function(n)
      for i = 1, COUNT do
        n:spawn(function()
          cosched.sleep(i % 10)
          done = done + 1
        end)
      end
    end)
    assert.are.equal(COUNT, done)
    assert.are.equal(9, cosched.now())
  end))

  it("are all cancelled, and every <close> runs", virtual(function()
    local closed = 0
    cosched.nursery(function(n)
      sleepers(n, COUNT, function() closed = closed + 1 end)
      cosched.checkpoint()
      n:cancel()
    end)
    assert.are.equal(COUNT, closed)
    assert.are.equal(0, cosched.now())
  end))

  it("are all cancelled by one of them that fails", virtual(function()
    local closed = 0
    local problem = caught(cosched.nursery, function(n)
      sleepers(n, COUNT, function() closed = closed + 1 end)
      cosched.sleep(1)
      n:spawn(error, "boom")
    end)
    assert.are.equal(COUNT, closed)
    assert.are.equal(1, #problem.errors)
  end))

  it("may all fail: each is a leaf, and the text is short", virtual(function()
    local count = COUNT // 20
    local problem = caught(cosched.supervisor, function(n)
      for i = 1, count do n:spawn(function() error(i, 0) end) end
    end)
    assert.are.equal(count, #problem.errors)
    assert.is_true(#tostring(problem) < 5000)
  end))

  it("may all be killed in one go, in whatever order", virtual(function()
    local closed, tasks = 0, {}
    cosched.nursery(function(n)
      for i = 1, COUNT do
        tasks[i] = n:spawn(function()
          local _ <close> = closing(function() closed = closed + 1 end)
          cosched.sleep(LONG)
        end)
      end
      cosched.checkpoint()
      for i = 1, COUNT // 2 do tasks[i]:kill() end
      for i = COUNT, COUNT // 2 + 1, -1 do tasks[i]:kill() end
    end)
    assert.are.equal(COUNT, closed)
  end))

  it("are re-parented, cancelled, and joined when their owner is killed", virtual(function()
    local closed = 0
    local owner = cosched.spawn(cosched.nursery, function(n)
      sleepers(n, COUNT, function() closed = closed + 1 end)
      cosched.sleep(LONG)
    end)
    cosched.sleep(1)
    owner:kill()
    owner:wait()
    cosched.checkpoint()
    cosched.checkpoint()
    assert.are.equal(COUNT, closed)
  end))

  it("are cancelled in a time that grows as their number does", function()
    local function cancel(count)
      return function()
        time.run(function()
          cosched.nursery(function(n)
            sleepers(n, count, function() end)
            cosched.checkpoint()
            n:cancel()
          end)
        end)
      end
    end
    local few = seconds(cancel(COUNT // 10))
    assert.is_true(seconds(cancel(COUNT)) < 10 * 8 * few + 0.05)
  end)
end)

describe("many joiners", function()
  it("of one task all get its results", virtual(function()
    local target = cosched.spawn(function()
      cosched.sleep(1)
      return "results"
    end)
    local got = 0
    cosched.nursery(function(n)
      for _ = 1, COUNT do
        n:spawn(function()
          if target:join() == "results" then got = got + 1 end
        end)
      end
    end)
    assert.are.equal(COUNT, got)
  end))
end)

describe("scopes nested in one task", function()
  local function deepest(call)
    local depth, open = 0, 0
    local function deeper()
      depth = depth + 1
      open = open + 1
      local _ <close> = closing(function() open = open - 1 end)
      return call(deeper)
    end
    local problem = cosched.cause(caught(deeper))
    assert.matches("C stack overflow", problem, 1, true)
    assert.are.equal(0, open)
    assert.is_true(depth > 100)
    assert.are.equal(0, cosched.stats().timers)
    assert.is_true(cosched.sleep(1))
    return depth
  end

  local calls = {
    scope = function(fn) return cosched.scope():run(fn) end,
    timeout = function(fn) return cosched.timeout(LONG, fn) end,
    move_on = function(fn) return cosched.move_on(LONG, fn) end,
    shield = function(fn) return cosched.shield(LONG, fn) end,
    nursery = function(fn) return cosched.nursery(fn) end,
    supervisor = function(fn) return cosched.supervisor({ on_error = print }, fn) end,
    ["nursery with children"] = function(fn)
      return cosched.nursery(function(n)
        n:spawn(cosched.sleep, 1)
        return fn()
      end)
    end,
  }

  for name, call in pairs(calls) do
    it(("as deep as C goes are a clean error: %s"):format(name), virtual(function()
      local depth = deepest(call)
      assert.is_true(math.abs(deepest(call) - depth) <= 1) -- no room was lost
    end))
  end

  it("a hundred deep work, with a wait at the bottom", virtual(function()
    local function deeper(n)
      if n == 0 then return cosched.sleep(1) end
      return cosched.timeout(LONG, deeper, n - 1)
    end
    assert.is_true(deeper(100))
  end))
end)
