-- What tasks share: locks handed over and broken, semaphores, events, conditions, and
-- tasks that are cancelled and killed meanwhile.
local cosched = require "cosched"

-- Tasks that are done are "ok", or an error that is not about memory.
local function check(task)
  local outcome = task:wait()
  if outcome == "error" then error(select(2, task:result()), 0) end
  return outcome
end

local function settle()
  for _ = 1, 4 do cosched.checkpoint() end
end

local function locks()
  local lock, inside = cosched.lock "shared", 0
  local function use(acquire)
    local _ <close> = acquire(lock)
    inside = inside + 1
    assert(inside == 1)
    local _ <close> = setmetatable({}, { __close = function() inside = inside - 1 end })
    cosched.checkpoint()
  end
  local function yielded() return (coroutine.yield(cosched.sys.acquire(lock))) end
  local tasks = {}
  for i = 1, 5 do tasks[i] = cosched.spawn(use, i % 2 == 0 and yielded or lock.acquire) end
  settle()
  tasks[2]:cancel()
  tasks[3]:kill()
  for _, task in ipairs(tasks) do check(task) end
  assert(lock:owner() == nil and inside == 0 and tostring(lock):find "free")
end

local function broken()
  local lock = cosched.lock()
  local owner = cosched.spawn(function()
    lock:acquire()
    cosched.checkpoint()
  end)
  cosched.checkpoint()
  local problem
  local waiter = cosched.spawn(function()
    problem = select(2, pcall(lock.acquire, lock))
  end)
  check(owner)
  check(waiter)
  if not tostring(problem):find "is broken" then error(problem, 0) end
end

local function semaphores()
  local semaphore = cosched.semaphore(1)
  local tasks = {}
  for i = 1, 4 do
    tasks[i] = cosched.spawn(function()
      local _ <close> = semaphore:acquire()
      cosched.checkpoint()
    end)
  end
  settle()
  tasks[2]:kill()
  for _, task in ipairs(tasks) do check(task) end
  assert(semaphore:value() == 1)
end

local function conditions()
  local condition, event, items = cosched.condition(), cosched.event(), 0
  local function take()
    local guard <close> = condition:acquire()
    while items == 0 do
      -- the lock is owned again, whatever wait has raised
      local ok, problem = pcall(condition.wait, condition)
      assert(guard:owner() == cosched.current())
      if not ok then error(problem, 0) end
    end
    items = items - 1
    event:set()
  end
  local first, second, third = cosched.spawn(take), cosched.spawn(take), cosched.spawn(take)
  settle()
  second:cancel()
  do
    local _ <close> = condition:acquire()
    items = 2
    condition:notify_all()
  end
  event:wait()
  check(first)
  check(second)
  check(third)
  assert(items == 0)
end

local function main()
  locks()
  broken()
  semaphores()
  conditions()
end

return function() cosched.run(main) end
