-- lock.lua - tasks that share things: a lock, a semaphore, an event, and a primitive
-- of one's own on a waiting list.
--
--   cosched examples/lock.lua

local cosched = require "cosched"

-- An account. A transfer asks somebody in the middle, which takes a while; the lock
-- keeps others from spending the same money meanwhile.
local account = { lock = cosched.lock "account", balance = 100 }

local function withdraw(amount)
  local _ <close> = account.lock:acquire()
  if account.balance < amount then return "refused" end
  cosched.sleep(0.001)
  account.balance = account.balance - amount
  return "paid"
end

-- A barrier: all wait until the last has come.
local function new_barrier(size)
  local list, there = cosched.waitlist "the others", 0
  return function()
    there = there + 1
    if there < size then return list:wait() end
    there = 0
    list:wake_all()
  end
end

local open = cosched.event "the opening"
local counters = cosched.semaphore(2, { name = "a counter" })
local meet = new_barrier(4)

local function customer(name, amount)
  open:wait()
  do
    local _ <close> = counters:acquire() -- two at a time
    print(name, withdraw(amount))
  end
  meet()
  if name == "dora" then print("left over", account.balance) end
end

for i, name in ipairs { "anna", "bert", "carl", "dora" } do
  cosched.spawn(customer, name, 20 * i)
end
cosched.sleep(0.001)
print "open"
open:set()

--[[ output
open
anna	paid
bert	paid
carl	refused
dora	refused
left over	40
]]
