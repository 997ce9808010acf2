---@meta _

-- Scopes: blocks that can be cancelled, by a deadline or by a call. The functions
-- are those of `require "cosched"`; the conventions those of types/cosched.lua.

---@class cosched
local cosched = {}

---Calls fn(...). When it takes longer it is cancelled, and Timeout is raised. What
---fn raises is raised. Trio's fail_after, Python's asyncio.timeout.
---@async
---@param seconds number math.huge: no limit.
---@param fn async fun(...): ...
---@param ... any Arguments of fn.
---@return any ... Results of fn.
function cosched.timeout(seconds, fn, ...) end

---Calls fn(...). When it takes longer it is cancelled, and the caller moves on.
---Raises what fn raises. Trio's move_on_after.
---@async
---@param seconds number math.huge: no limit.
---@param fn async fun(...): ...
---@param ... any Arguments of fn.
---@return boolean done False if it was cut short.
---@return any ... Results of fn, or the Cancelled.
function cosched.move_on(seconds, fn, ...) end

---Calls fn(...), and hides from it that the task around it is cancelled: for
---cleaning up that must wait. After `grace` seconds it is cancelled all the same.
---Trio's shield; the limit is cosched's own.
---@async
---@param grace number Seconds; math.huge: no limit.
---@param fn async fun(...): ...
---@param ... any Arguments of fn.
---@return boolean done False if it was cut short.
---@return any ... Results of fn, or the Cancelled.
function cosched.shield(grace, fn, ...) end

---The earliest deadline around the caller; shields hide what is outside of them.
---Trio's current_effective_deadline.
---@return number time As now() tells it: math.huge: none; -math.huge: it is cancelled.
function cosched.deadline() end

---A scope, to run one function in. It may be cancelled before it runs.
---Trio's CancelScope, as an object that calls a function.
---@param options? cosched.ScopeOptions
---@return cosched.Scope
function cosched.scope(options) end

---@class cosched.ScopeOptions
---@field timeout? number Seconds, counted from the call of run.
---@field deadline? number A time as of now(); not together with a timeout.
---@field shield? boolean Hides cancellations around it.
---@field name? string For whoever looks.

---@class cosched.Scope
---@field deadline number A time as of now(); may be set, also while it runs. math.huge: none.
---@field cancelled boolean Was it, or something around it, cancelled?
---@field caught boolean Has it ended early by a cancellation of its own?
---@field closed boolean Has it returned?
---@field name? string
local Scope = {}

---Calls fn(...) in the scope; once for each scope. Raises what fn raises.
---@async
---@param fn async fun(...): ...
---@param ... any Arguments of fn.
---@return boolean done False if it was cut short by this scope.
---@return any ... Results of fn, or the Cancelled. After Trio's `with`.
function Scope:run(fn, ...) end

---Cancels what runs in it, and what is going to. Never waits. Trio's cancel.
---@param reason? any Becomes Cancelled.reason.
---@return boolean # False if it was cancelled before, or is over.
function Scope:cancel(reason) end

return Scope
