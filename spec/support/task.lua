--- Specs inside tasks: `it("...", in_task(function() ... end))`.
--
-- The function runs in a task of its own run, with a limit of real time. What it
-- raises reaches busted as it was raised: busted tells a failure from an error
-- by the thrown object's metatable. Afterwards no descriptor may be left open
-- and no task alive.

local cosched = require "cosched"
local has_lfs, lfs = pcall(require, "lfs")

local M = {}

-- Seconds; more where Lua itself is slow, as under valgrind.
local function limit()
  local start = os.clock()
  local list
  for i = 1, 100000 do list = { i } end
  return list and 10 * math.max(1, (os.clock() - start) / 0.1)
end

local LIMIT = limit()
local PATIENCE = 1 -- seconds, for threads of the pool that are not back yet
local FDS = "/proc/self/fd"

--- How many of `n` tasks or turns a spec can afford: the sanitized build checks all
-- tasks after each turn.
function M.many(n)
  return os.getenv "ASAN_OPTIONS" and n // 20 or n
end

--- The open descriptors: number -> what it is. Empty where that cannot be known.
function M.descriptors()
  local found = {}
  if not has_lfs or not lfs.attributes(FDS) then return found end
  for name in lfs.dir(FDS) do
    -- the descriptor that lists the folder is closed by the time it is looked at
    local target = tonumber(name) and lfs.symlinkattributes(FDS .. "/" .. name, "target")
    if target and not target:find "^/proc/%d+/fd$" then found[tonumber(name)] = target end
  end
  return found
end

--- What is open now and was not then, as a list of texts.
function M.leaked(before)
  local list = {}
  for fd, target in pairs(M.descriptors()) do
    if before[fd] ~= target then list[#list + 1] = ("%d (%s)"):format(fd, target) end
  end
  table.sort(list)
  return list
end

local function check_descriptors(before)
  local deadline = cosched.now() + PATIENCE
  local list = M.leaked(before)
  while #list > 0 and cosched.now() < deadline do
    cosched.run(cosched.sleep, 0.01)
    list = M.leaked(before)
  end
  if #list > 0 then error("descriptors left open: " .. table.concat(list, ", "), 0) end
end

local function check_tasks(first)
  for tid = first, cosched.run(cosched.get_tid) do
    if cosched.task(tid) then error(("task %d is still alive"):format(tid), 0) end
  end
end

-- The body is a child of the watched task, so its own children count as it does.
local function guard(fn, state)
  state.first = cosched.get_tid()
  local body = cosched.spawn(fn)
  local watchdog = cosched.spawn(function()
    cosched.sleep(LIMIT)
    state.late = body:traceback()
    body:cancel "time limit"
    cosched.sleep(1)
    body:kill "time limit"
  end)
  body:join()
  watchdog:cancel "the body is done"
end

--- Raises again what one task raised: an object as it is, a text with the task's own
-- traceback, because the one that busted takes begins here.
function M.rethrow(problem)
  if not cosched.is_errors(problem) or #problem.errors > 1 then error(problem, 0) end
  local leaf = problem.errors[1]
  if type(leaf.error) == "string" and leaf.traceback then
    error(leaf.error .. "\n" .. leaf.traceback, 0)
  end
  error(leaf.error, 0)
end

--- A value for `local _ <close> =`, whose end calls `fn(err)`.
function M.closing(fn)
  return setmetatable({}, { __close = function(_, err) fn(err) end })
end

--- The error that `fn(...)` raises; a call that raises none is itself an error.
function M.caught(fn, ...)
  local ok, problem = pcall(fn, ...)
  if ok then error("no error was raised", 2) end
  return problem
end

--- Returns a function for `it` that runs `fn` in a task.
function M.in_task(fn)
  return function()
    local before, state = M.descriptors(), {}
    local ok, problem = pcall(cosched.run, guard, fn, state)
    if state.late then error(("longer than %.0f s\n%s"):format(LIMIT, state.late), 0) end
    if not ok then M.rethrow(problem) end
    check_descriptors(before)
    check_tasks(state.first)
  end
end

return M
