-- race, all, map: functions at the same time.
local cosched = require "cosched"
local support = require "spec.support.task"
local time = require "spec.support.virtual"
local caught, closing, virtual = support.caught, support.closing, time.virtual

local function after(seconds, ...)
  local values = table.pack(...)
  return function()
    cosched.sleep(seconds)
    return table.unpack(values, 1, values.n)
  end
end

local function failing(seconds, problem)
  return function()
    cosched.sleep(seconds)
    error(problem, 0)
  end
end

-- The error of a call that is a mistake of this file.
local function check_blames_caller(message, fn, ...)
  local args = table.pack(...)
  local problem = caught(function()
    fn(table.unpack(args, 1, args.n)) -- the line that is to blame
    return nil
  end)
  local line = debug.getinfo(1, "l").currentline - 3
  assert.matches("together_spec.lua:" .. line .. ": " .. message, problem)
end

local function check_all_ended()
  assert.equal(1, #cosched.tasks())
end

describe("race", function()
  it("gives the place and the results of the first to return, nil included", virtual(function()
    local results = table.pack(cosched.race(after(2, "slow"), after(1, "fast", nil, 3, nil)))
    assert.same({ n = 5, 2, "fast", nil, 3, nil }, results)
    assert.equal(1, cosched.now())
  end))

  it("cancels the losers, and has waited for them", virtual(function()
    local log = {}
    cosched.race(function()
      local _ <close> = time.noting(log, "loser")
      local _ <close> = closing(function() cosched.shield(9, cosched.sleep, 3) end)
      cosched.sleep(60)
    end, after(1))
    assert.same({ "loser: explicit" }, log)
    assert.equal(4, cosched.now())
    check_all_ended()
  end))

  it("gives the first of those that return at the same time", virtual(function()
    assert.equal(1, (cosched.race(after(1), after(1))))
    assert.equal(1, (cosched.race(function() end, function() end)))
  end))

  it("keeps the winner, although a loser returns, too", virtual(function()
    local index, value = cosched.race(after(1, "first"), function()
      pcall(cosched.sleep, 60)
      return "second"
    end)
    assert.same({ 1, "first" }, { index, value })
  end))

  it("is over with a function of its own alone", virtual(function()
    assert.same({ 1, "x" }, { cosched.race(after(1, "x")) })
  end))

  it("raises what one raises before, and cancels the others", virtual(function()
    local log, object = {}, {}
    local problem = caught(cosched.race, failing(1, object), function()
      local _ <close> = time.noting(log, "other")
      cosched.sleep(60)
    end)
    assert.is_true(cosched.is_errors(problem))
    assert.is_true(rawequal(object, cosched.cause(problem)))
    assert.same({ "other: nursery" }, log)
    assert.equal(1, cosched.now())
    check_all_ended()
  end))

  it("raises what a loser raises while it cleans up", virtual(function()
    local problem = caught(cosched.race, after(1, "won"), function()
      local _ <close> = closing(function() error("in cleanup", 0) end)
      cosched.sleep(60)
    end)
    assert.equal("in cleanup", cosched.cause(problem))
  end))

  it("passes on the cancellation of whatever is around it", virtual(function()
    local log = {}
    local ok, cancelled = cosched.move_on(1, cosched.race, function()
      local _ <close> = time.noting(log, "a")
      cosched.sleep(60)
    end, after(60))
    assert.is_false(ok)
    assert.equal("deadline", cancelled.source)
    assert.same({ "a: deadline" }, log)
    check_all_ended()
  end))

  it("gives a winner that returned although it was cancelled", virtual(function()
    local ok, index, value = cosched.move_on(1, cosched.race, function()
      pcall(cosched.sleep, 60)
      return "in spite"
    end, after(60))
    assert.same({ true, 1, "in spite" }, { ok, index, value })
  end))

  it("gives what was won before a cancellation; the next call that waits raises that",
    virtual(function()
      local index, after_that
      local ok = cosched.move_on(2, function()
        index = cosched.race(after(1), function()
          pcall(cosched.sleep, 60)
          cosched.shield(60, cosched.sleep, 3)
          cosched.sleep(1)
        end)
        after_that = cosched.deadline()
        cosched.checkpoint()
      end)
      assert.same({ false, 1, -math.huge }, { ok, index, after_that })
    end))

  it("goes on without one that was cancelled or killed; without any it raises", virtual(function()
    local function cancels_itself()
      cosched.current():cancel()
      cosched.checkpoint()
    end
    local function kills_itself() cosched.current():kill() end
    assert.equal(3, (cosched.race(cancels_itself, kills_itself, after(1))))
    check_blames_caller("no function of the race has returned", cosched.race, cancels_itself,
      kills_itself)
  end))

  it("may be nested", virtual(function()
    local function inner() return cosched.race(after(2), after(1, "deep")) end
    assert.same({ 2, 2, "deep" }, { cosched.race(after(5), inner) })
  end))

  it("is refused without functions, with what is none, and outside of tasks", virtual(function()
    check_blames_caller("'race' needs at least one function", cosched.race)
    check_blames_caller("bad argument #2 to 'race' %(function expected, got nil%)",
      cosched.race, print, nil)
    check_all_ended()
  end))

  it("names the line of the caller outside of tasks, and where Lua cannot wait", function()
    check_blames_caller("'race' waits, so it needs a task", cosched.race, print)
    check_blames_caller("'all' waits, so it needs a task", cosched.all, print)
    check_blames_caller("'map' waits, so it needs a task", cosched.map, { 1 }, print)
    cosched.run(function()
      table.sort({ 2, 1 }, function(a, b)
        check_blames_caller(".*sort", cosched.all, print)
        return a < b
      end)
    end)
  end)
end)

describe("all", function()
  it("gives the results of each, packed, in order", virtual(function()
    local results = cosched.all(after(3, "a", nil), after(1), after(2, "c"))
    assert.same({ n = 3, { n = 2, "a" }, { n = 0 }, { n = 1, "c" } }, results)
    assert.equal(3, cosched.now())
  end))

  it("gives an empty table without functions", virtual(function()
    assert.same({ n = 0 }, cosched.all())
  end))

  it("raises what the first one raises, and cancels the others", virtual(function()
    local log = {}
    local problem = caught(cosched.all, function()
      local _ <close> = time.noting(log, "other")
      cosched.sleep(60)
    end, failing(1, "boom"), failing(2, "never"))
    assert.equal("boom", cosched.cause(problem))
    assert.equal(1, #problem.errors)
    assert.same({ "other: nursery" }, log)
    assert.equal(1, cosched.now())
    check_all_ended()
  end))

  it("has nothing for one that was cancelled alone", virtual(function()
    local results = cosched.all(after(1, "x"), function()
      cosched.current():cancel()
      cosched.checkpoint()
    end)
    assert.same({ n = 2, { n = 1, "x" } }, results)
  end))

  it("passes on the cancellation of whatever is around it", virtual(function()
    local ok, cancelled = cosched.move_on(1, cosched.all, after(60), after(0))
    assert.is_false(ok)
    assert.equal("deadline", cancelled.source)
    check_all_ended()
  end))

  it("refuses what is no function, before it calls any", virtual(function()
    local called = false
    check_blames_caller("bad argument #2 to 'all' %(function expected, got table%)",
      cosched.all, function() called = true end, {})
    cosched.checkpoint()
    assert.is_false(called)
  end))
end)

describe("map", function()
  local function double(n)
    cosched.sleep(n)
    return 2 * n
  end

  it("gives the first results in the order of the list", virtual(function()
    assert.same({ n = 3, 6, 2, 4 }, cosched.map({ 3, 1, 2 }, double))
    assert.equal(3, cosched.now())
  end))

  it("calls with the value and its index", virtual(function()
    assert.same({ n = 2, "a1", "b2" },
      cosched.map({ "a", "b" }, function(value, i) return value .. i, "dropped" end))
  end))

  it("keeps nil in its place", virtual(function()
    local results = cosched.map({ 1, 2, 3 }, function(n) if n ~= 2 then return n end end)
    assert.same({ n = 3, 1, nil, 3 }, results)
  end))

  it("gives an empty table for an empty list", virtual(function()
    assert.same({ n = 0 }, cosched.map({}, error))
    assert.same({ n = 0 }, cosched.map({}, error, { limit = 3 }))
  end))

  it("runs no more than `limit` at the same time, and that many", virtual(function()
    local now, most = 0, 0
    cosched.map({ 1, 1, 1, 1, 1, 1, 1 }, function()
      now = now + 1
      most = math.max(most, now)
      cosched.sleep(1)
      now = now - 1
    end, { limit = 3 })
    assert.equal(3, most)
    assert.equal(3, cosched.now())
  end))

  it("begins the next call as soon as one has ended", virtual(function()
    cosched.map({ 5, 1, 1, 1, 2 }, cosched.sleep, { limit = 2 })
    assert.equal(5, cosched.now())
  end))

  it("calls in order with a limit of 1", virtual(function()
    local log = {}
    cosched.map({ "a", "b", "c" }, function(value)
      cosched.sleep(1)
      log[#log + 1] = value
    end, { limit = 1 })
    assert.equal("abc", table.concat(log))
    assert.equal(3, cosched.now())
  end))

  it("takes a limit beyond the length of the list", virtual(function()
    local before = cosched.stats().spawned
    cosched.map({ 1, 2 }, double, { limit = 1000 })
    assert.equal(before + 2, cosched.stats().spawned)
  end))

  it("raises what a call raises, cancels the others, and begins no more", virtual(function()
    local begun = 0
    local problem = caught(cosched.map, { 1, 2, 3, 4, 5 }, function(n)
      begun = begun + 1
      cosched.sleep(n)
      if n == 1 then error("boom", 0) end
    end, { limit = 2 })
    assert.equal("boom", cosched.cause(problem))
    assert.equal(2, begun)
    check_all_ended()
  end))

  it("passes on the cancellation of whatever is around it", virtual(function()
    local ok, cancelled = cosched.move_on(1, cosched.map, { 60, 60 }, cosched.sleep)
    assert.is_false(ok)
    assert.equal("deadline", cancelled.source)
    check_all_ended()
  end))

  it("refuses wrong arguments at the caller", virtual(function()
    local function check(message, ...) check_blames_caller(message, cosched.map, ...) end
    check("bad argument #1 to 'map' %(table expected, got nil%)", nil, print)
    check("bad argument #2 to 'map' %(function expected, got nil%)", {})
    check("bad argument #3 to 'map' %(a table of options expected: { limit = 10 }%)", {}, print, 3)
    check("unknown field 'limits'; known: limit", {}, print, { limits = 3 })
    for _, limit in ipairs { 0, -1, 1.5, "2", true } do
      check("bad argument #3 to 'map' %(limit: a positive integer expected, how many", { 1 },
        print, { limit = limit })
    end
  end))

  it("maps ten thousand values by a hundred tasks", virtual(function()
    local list = {}
    for i = 1, support.many(10000) do list[i] = i end
    local results = cosched.map(list, function(n)
      cosched.sleep(n % 7)
      return n
    end, { limit = 100 })
    for i = 1, #list do assert(results[i] == i) end
    assert.equal(#list, results.n)
  end))
end)
