--- cosched: tasks that wait without blocking.
-- The kernel's calls, under the names that programs use. What each does,
-- returns and raises stands in types/cosched.lua and docs/reference/.

assert(_VERSION == "Lua 5.4", "cosched needs Lua 5.4, but this is " .. _VERSION)

local core = require "cosched.core"
local condition = require "cosched.condition"
local event = require "cosched.event"
local inspect = require "cosched.inspect"
local instrument = require "cosched.instrument"
local localvar = require "cosched.localvar"
local nursery = require "cosched.nursery"
local protect = require "cosched.protect"
local semaphore = require "cosched.semaphore"
local together = require "cosched.together"

local M = {
  version = core.version,
  uv_version = core.uv_version,

  run = core.run,
  spawn = core.spawn,
  current = core.current,
  task = core.task,
  syscall = core.syscall,
  sys = core.sys,

  nursery = core.nursery,
  supervisor = core.supervisor,
  started = nursery.started,
  scope = core.scope,
  timeout = core.timeout,
  move_on = core.move_on,
  shield = core.shield,
  deadline = core.deadline,
  race = together.race,
  all = together.all,
  map = together.map,
  localvar = localvar.localvar,
  pcall = protect.pcall,
  xpcall = protect.xpcall,

  lock = core.lock,
  semaphore = semaphore,
  event = event,
  condition = condition,
  waitlist = core.waitlist,

  now = core.now,
  sleep = core.sleep,
  sleep_until = core.sleep_until,
  forever = core.forever,
  checkpoint = core.checkpoint,
  shutdown = core.shutdown,
  external = core.external,
  stats = core.stats,
  tasks = inspect.tasks,
  ps = inspect.ps,
  tree = inspect.tree,
  dump = inspect.dump,
  instrument = instrument.instrument,
  read_wait = core.read_wait,
  write_wait = core.write_wait,

  channel = core.channel,
  select = core.select,
  on_recv = core.on_recv,
  on_send = core.on_send,
  on_join = core.on_join,
  after = core.after,

  get_tid = core.get_tid,
  new_task = core.new_task,
  kill_task = core.kill_task,
  wait_task = core.wait_task,

  is_cancelled = core.is_cancelled,
  is_errors = core.is_errors,
  is_task_cancelled = core.is_task_cancelled,
  is_deadlock = core.is_deadlock,
  is_timeout = core.is_timeout,
  cause = core.cause,
}

--- Waits for the task with this number, and returns its results.
-- Like task:join(), which see; nil, "no such task", "ESRCH" when there is none.
function M.join(tid)
  if math.type(tid) ~= "integer" then
    local what = "bad argument #1 to 'join' (the number of a task expected, got %s)"
    error(what:format(type(tid)), 2)
  end
  local task, message, code = core.task(tid)
  if not task then return nil, message, code end
  return task:join()
end

return M
