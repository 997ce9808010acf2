-- One scenario under two hundred orders: producers, consumers, a lock, limits of time.
--
-- What must hold in each of them does not depend on the order, so each seed checks it
-- anew; that the orders do differ is checked, too.
local cosched = require "cosched"
local time = require "spec.support.virtual"

local SEEDS = 200
local PRODUCERS, CONSUMERS, ITEMS = 3, 4, 12

-- What the lock protects: two halves of a sum, which differ while it is changed.
local function account()
  local lock, left, right, inside = cosched.lock "account", 0, 0, 0
  local self = {}

  function self.add(amount)
    local _ <close> = lock:acquire()
    inside = inside + 1
    assert(inside == 1, "two owners of one lock")
    left = left + amount
    cosched.checkpoint()
    right = right + amount
    assert(left == right, "somebody was in between")
    inside = inside - 1
  end

  function self.total() return left, right, lock:owner() end

  return self
end

-- Runs it; returns what has arrived, in order, and the account.
local function scenario(n, arrived)
  local channel, shared = cosched.channel(2), account()
  local producers = {}
  for p = 1, PRODUCERS do
    producers[p] = n:spawn(function()
      for i = 1, ITEMS do
        if i % 4 == 0 then cosched.sleep(0.01) end
        channel:send(p * 100 + i)
      end
    end)
  end
  for c = 1, CONSUMERS do
    n:spawn(function()
      for item in channel:iter() do
        arrived[#arrived + 1] = { consumer = c, item = item }
        shared.add(item)
        cosched.move_on(0.01 * (item % 3), cosched.sleep, 0.01)
      end
    end)
  end
  for p = 1, PRODUCERS do producers[p]:join() end
  channel:close()
  return shared
end

local function run(seed, cut)
  local arrived, shared = {}, nil
  time.run(function()
    cosched.nursery(function(n)
      if cut then
        n:daemon(function()
          cosched.sleep(0.01)
          n:cancel "cut short"
        end)
      end
      shared = scenario(n, arrived)
    end)
  end, { seed = seed, shuffle = true })
  return arrived, shared
end

local function sum_of(arrived)
  local sum = 0
  for _, entry in ipairs(arrived) do sum = sum + entry.item end
  return sum
end

-- Each item once at most, and one producer's items in their order for each consumer.
local function check_order(arrived)
  local seen, last = {}, {}
  for _, entry in ipairs(arrived) do
    assert.is_nil(seen[entry.item])
    seen[entry.item] = true
    local pair = entry.item // 100 .. ">" .. entry.consumer
    assert.is_true(entry.item > (last[pair] or 0))
    last[pair] = entry.item
  end
end

local function in_words(arrived)
  local words = {}
  for i, entry in ipairs(arrived) do words[i] = entry.consumer .. ":" .. entry.item end
  return table.concat(words, " ")
end

describe("producers, consumers and a lock", function()
  it("lose nothing and add nothing, whatever the order", function()
    for seed = 1, SEEDS do
      local arrived, shared = run(seed)
      assert.are.equal(PRODUCERS * ITEMS, #arrived)
      check_order(arrived)
      local left, right, owner = shared.total()
      assert.are.equal(sum_of(arrived), left)
      assert.are.equal(left, right)
      assert.is_nil(owner)
    end
  end)

  it("leave nothing half done that nobody has seen, when they are cut short", function()
    local shortest, longest = math.huge, 0
    for seed = 1, SEEDS do
      local arrived = run(seed, true)
      check_order(arrived)
      shortest, longest = math.min(shortest, #arrived), math.max(longest, #arrived)
    end
    assert.is_true(longest < PRODUCERS * ITEMS)
    assert.is_true(shortest < longest)
  end)

  it("go the same way for the same seed, and many ways for others", function()
    local ways, count = {}, 0
    for seed = 1, SEEDS do
      local way = in_words(run(seed))
      assert.are.equal(way, in_words(run(seed)))
      if not ways[way] then count = count + 1 end
      ways[way] = true
    end
    assert.is_true(count > SEEDS // 2, count .. " ways")
  end)
end)
