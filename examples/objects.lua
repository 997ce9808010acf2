-- System calls as objects, the way of a well-known course on coroutines (David
-- Beazley's pyos): a task yields what it wants, the scheduler does it and resumes
-- the task with the answer. `coroutine.yield(sys.sleep(1))` and
-- `cosched.sleep(1)` are the same call; the second is shorter and faster.
local cosched = require "cosched"

local sys, yield = cosched.sys, coroutine.yield

local function child(name, turns)
  local tid = yield(sys.get_tid())
  for i = 1, turns do
    print(("task %d, %s: turn %d"):format(tid, name, i))
    yield() -- the others first
  end
end

local function main()
  local first = yield(sys.new_task(child, "foo", 2))
  local second = yield(sys.new_task(child, "bar", 100))
  print("foo ended:", yield(sys.wait_task(first)))
  print("bar killed:", yield(sys.kill_task(second)))
  print("bar is gone:", yield(sys.kill_task(second)))

  local pause = sys.sleep(0.001) -- an object never changes, and serves many times
  print("slept:", yield(pause), yield(pause))

  -- an error of the call is raised at the yield, as soon as Lua code runs again:
  -- pcall(yield, call) would miss it, for there is none inside of that pcall
  local ok, problem = pcall(function() return (yield(sys.sleep "long")) end)
  print(ok, problem:match "bad argument.*")
end

main()

--[[ output
task 2, foo: turn 1
task 2, foo: turn 2
task 3, bar: turn 1
task 3, bar: turn 2
foo ended:	ok
bar killed:	true
bar is gone:	false
slept:	true	true
false	bad argument #1 to 'sleep' (number expected, got string)
]]
