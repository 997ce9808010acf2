---@meta _

-- Nurseries: blocks that own tasks. `nursery` and `supervisor` are functions of
-- `require "cosched"`; the conventions are those of types/cosched.lua.

---@class cosched
local cosched = {}

---Calls fn(n, ...), and returns its results once all tasks of the nursery n have
---ended. A task that fails cancels the others and fn; then Errors is raised. Raises
---the Cancelled of what is cancelled around it. Trio's nursery.
---@async
---@param options? {name?: string} May be left out.
---@param fn async fun(n: cosched.Nursery, ...): ...
---@param ... any Arguments of fn, after the nursery.
---@return any ... Results of fn; none if the nursery itself was cancelled.
function cosched.nursery(options, fn, ...) end

---A nursery in which a task that fails cancels nobody. Its Errors is given to
---on_error, in that task; without on_error it is raised at the end, unless somebody
---has asked for it by join or wait. Erlang's one_for_one, Kotlin's SupervisorJob.
---@async
---@param options? cosched.SupervisorOptions May be left out.
---@param fn async fun(n: cosched.Nursery, ...): ...
---@param ... any Arguments of fn, after the nursery.
---@return any ... Results of fn; none if the nursery itself was cancelled.
function cosched.supervisor(options, fn, ...) end

---@class cosched.SupervisorOptions
---@field on_error? async fun(errors: cosched.Errors, task: cosched.Task)
---@field name? string For whoever looks.

---Called once by a task that Nursery.start runs: it is ready, and whoever has
---started it goes on. Raises in any other task. Trio's task_status.started.
---@param ... any What start returns.
---@return nil
function cosched.started(...) end

---@class cosched.Nursery
---@field cancelled boolean Was it, or something around it, cancelled?
---@field caught boolean Has it ended early by a cancellation of its own?
---@field closed boolean Has it returned?
---@field deadline number math.huge: a nursery has none.
---@field name string? Given to nursery or supervisor.
local Nursery = {}

---A new task of this nursery; it runs when the caller waits. Any task may call it
---until the nursery has returned; then it raises. Trio's start_soon.
---@param fn async fun(...): ...
---@param ... any Arguments of fn.
---@return cosched.Task task
function Nursery:spawn(fn, ...) end

---A task that serves the others: it is cancelled when they and the function of the
---nursery have ended. Python's daemon threads, but waited for.
---@param fn async fun(...): ...
---@param ... any Arguments of fn.
---@return cosched.Task task
function Nursery:daemon(fn, ...) end

---A task that is waited for until it has called cosched.started. Raises Errors if
---it fails before, an error if it ends without. Trio's nursery.start.
---@async
---@param fn async fun(...): ...
---@param ... any Arguments of fn.
---@return any ... What it has given to started.
function Nursery:start(fn, ...) end

---Cancels its function and all its tasks; it then returns nothing. Never waits.
---@param reason? any Becomes Cancelled.reason.
---@return boolean # False if it was cancelled before, or is over. Trio's cancel_scope.
function Nursery:cancel(reason) end

return Nursery
