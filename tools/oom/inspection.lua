-- Looking at what runs: ps, tree, tasks, dump, stats, and instruments of all events.
local cosched = require "cosched"
local tell_memory = dofile "tools/oom/support/tell_memory.lua"

local EVENTS = {
  "task_spawned", "task_scheduled", "before_step", "after_step", "task_exited", "wait_begin",
  "wait_end", "cancel", "io_before", "io_after", "deadlock",
}

local function look()
  local list = cosched.ps()
  assert(list:find "TID" and list:find "waiting", list)
  assert(cosched.tree():find "shielded")
  assert(#cosched.tasks() == cosched.stats().tasks)
  local file <close> = assert(io.open("/dev/null", "w"))
  cosched.dump(file)
end

local function main()
  local lock = cosched.lock "held"
  local _ <close> = lock:acquire()
  local channel = cosched.channel()
  local tasks = {
    cosched.spawn(lock.acquire, lock),
    cosched.spawn(channel.recv, channel),
    cosched.spawn(cosched.shield, 60, cosched.forever),
    cosched.spawn(function()
      cosched.nursery(function(n)
        n:daemon(cosched.forever)
        cosched.select { cosched.on_recv(channel), cosched.after(60) }
      end)
    end),
  }
  cosched.sleep(0.001)
  look()
  tasks[1]:cancel()
  for i = 2, #tasks do tasks[i]:kill() end
  for _, task in ipairs(tasks) do
    if task:wait() == "error" then error(select(2, task:result()), 0) end
  end
end

return function()
  local counts, functions = {}, {}
  for _, name in ipairs(EVENTS) do
    functions[name] = function() counts[name] = (counts[name] or 0) + 1 end
  end
  local instrument <close> = cosched.instrument(functions)
  tell_memory(pcall(cosched.run, { clock = "virtual" }, main))
  -- one that had no memory itself is removed, with a warning
  if not instrument:remove() then error("not enough memory", 0) end
  assert(counts.task_exited >= 5 and counts.before_step > 5)
end
