--- Random small programs: what their operations do, and one run of them.
--
-- Each operation is a function of the books, the task that does it, and its arguments.
-- Waits are noted in `pending` while they last (but not those that are `bare`: these
-- are made without a pcall around them, and only their results are noted).

local cosched = require "cosched"
local Books = require "spec.support.program_end"

local M = {}
local operations = {}

local function run_list(books, me, list)
  for _, operation in ipairs(list) do
    books:tick(me, operation.name)
    operations[operation.name](books, me, operation)
  end
  return true
end

-- Calls fn(...), which waits for something; the books know what for.
local function attempt(me, o, pending, fn, ...)
  if o.bare then return true, fn(...) end
  me.pending = pending
  local ok, first, second = pcall(fn, ...)
  me.pending = nil
  return ok, first, second
end

-- No tail call: errors are raised where Lua code runs again, and that is here.
local function yielded(call, ...)
  local first, second = coroutine.yield(call(...))
  return first, second
end

local function closing(fn) return setmetatable({}, { __close = fn }) end

local function new_task(books, label, owner)
  local child = { label = label, children = {}, inherited = books.variable:get() }
  books.by_label[label] = child
  table.insert(books.tasks, child)
  for i, each in ipairs(books.tasks) do
    if each == child then child.number = i end
  end
  if owner then table.insert(owner.children, child) end
  return child
end

-- What a task does: its list, then more.
local function begin(books, me, list, more)
  me.task = cosched.current()
  local _ <close> = closing(function(_, problem) me.raised = problem end)
  books:expect(books.variable:get() == me.inherited, "%s has another local", me.label)
  run_list(books, me, list)
  if more then more() end
  me.returned = true
  return me.label
end

local kit = {
  run_list = run_list, attempt = attempt, yielded = yielded, closing = closing,
  new_task = new_task, begin = begin,
}
for _, name in ipairs { "tasks", "time", "share" } do
  for operation, fn in pairs(require("spec.support.program_" .. name)(kit)) do
    operations[operation] = fn
  end
end

-- {=== one run ===

--- Runs a program. Returns a list of what is wrong, and the trace.
function M.run(program)
  local books = Books.new(program)
  local instrument = program.watched and cosched.instrument {
    deadlock = function() books:check_deadlock() end,
    task_scheduled = function(task)
      if cosched.now() > books.now then books:check_waiting(task) end
    end,
  }
  local main = new_task(books, "main")
  local ok, problem = pcall(cosched.run, {
    clock = "virtual", seed = program.seed, shuffle = program.shuffle,
    slice_instructions = program.slice, on_stuck = function() end,
  }, begin, books, main, program.body)
  if instrument then instrument:remove() end
  books:check_end(ok, problem)
  return books.problems, books.trace
end

-- }===

return M
