-- A nursery: tasks that belong together, and end together.
--
-- cosched.nursery returns when all of its tasks have ended. When one of them
-- fails, the others are cancelled, and the nursery raises the error.
local cosched = require "cosched"

local function ask(backend, seconds, answer)
  local _ <close> = setmetatable({}, {
    __close = function() print(backend .. ": connection closed") end,
  })
  cosched.sleep(seconds)
  if not answer then error(backend .. " is down", 0) end
  return answer
end

-- Half of an answer is of no use: either both, or an error.
local function price_and_stock(price, stock)
  return cosched.nursery(function(n)
    local first = n:spawn(ask, "prices", 0.01, price)
    local second = n:spawn(ask, "stock", 0.03, stock)
    return first:join(), second:join()
  end)
end

print("both:", price_and_stock("2.50", "17 left"))

local ok, problem = pcall(price_and_stock, nil, "17 left")
print("one is down:", ok, problem.error)
print("tasks left:", cosched.stats().tasks)

--[[ output
prices: connection closed
stock: connection closed
both:	2.50	17 left
prices: connection closed
stock: connection closed
one is down:	false	prices is down
tasks left:	1
]]
