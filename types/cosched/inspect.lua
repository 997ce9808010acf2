---@meta _

-- Looking at tasks. The functions are those of `require "cosched"`; the conventions
-- are those of types/cosched.lua.

---@class cosched
local cosched = {}

---@return cosched.Task[] # That have not ended, the oldest first. Python's all_tasks.
function cosched.tasks() end

---A line for each task: number, parent, state, age, steps, CPU, wait, name, place.
---@return string # As Unix ps.
function cosched.ps() end

---The tasks by nursery, with the scopes that they have entered.
---@return string # As Unix pstree.
function cosched.tree() end

---Writes all tasks, with their tracebacks; nil, message when that fails. Go's dump on
---SIGQUIT.
---@param file? file*|string An open file, or the name of one to append to; stderr unless given.
---@return true? # Or nil.
---@return string? message
function cosched.dump(file) end

---Has functions called when something happens, until the result is closed. They
---cannot wait; one that raises is removed, with a warning. Trio's instruments.
---@param functions cosched.Events
---@return cosched.Instrument # `local i <close>` removes it.
function cosched.instrument(functions) end

---@class cosched.Events
---@field task_spawned? fun(task: cosched.Task)
---@field task_scheduled? fun(task: cosched.Task) It has become ready.
---@field before_step? fun(task: cosched.Task)
---@field after_step? fun(task: cosched.Task)
---@field task_exited? fun(task: cosched.Task, outcome: cosched.Outcome)
---@field wait_begin? fun(task: cosched.Task, what: string)
---@field wait_end? fun(task: cosched.Task)
---@field cancel? fun(task: cosched.Task) It is about to be told that it was cancelled.
---@field io_before? fun(seconds: number?) It asks the system for events; nil: for ever.
---@field io_after? fun()
---@field deadlock? fun(problem: cosched.Deadlock)

---@class cosched.Instrument
local Instrument = {}

---@return boolean # False if it was removed before. Trio's remove_instrument.
function Instrument:remove() end

return Instrument
