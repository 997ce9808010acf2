---@meta _

-- Functions that run several functions, or one in a special way. They are those of
-- `require "cosched"`; the conventions are those of types/cosched.lua.

---@class cosched
local cosched = {}

---Runs functions at the same time. When the first has returned, the others are
---cancelled and waited for. Raises what one of them raises before. Go's select over
---goroutines, JavaScript's Promise.race, but nothing is left running.
---@async
---@param ... async fun(): ...
---@return integer index Of the function that has won.
---@return any ... Its results.
function cosched.race(...) end

---Runs functions at the same time, and waits for all. Raises what one of them
---raises; the others are cancelled then. Python's gather.
---@async
---@param ... async fun(): ...
---@return table results Of each function, as table.pack makes them; n of them.
function cosched.all(...) end

---Calls fn(value, index) for each value of a list, several at the same time.
---Raises what one of them raises; the others are cancelled then. As a parallel map.
---@async
---@param list any[]
---@param fn async fun(value: any, index: integer): any
---@param options? {limit?: integer} How many at the same time; all unless set.
---@return table results In the order of the list; n of them.
function cosched.map(list, fn, options) end

---pcall, except that it does not catch the cancellation of its own task.
---Python's CancelledError, which `except Exception` does not catch.
---@param fn async fun(...): ...
---@param ... any Arguments of fn.
---@return boolean ok
---@return any ... Results of fn, or the error.
function cosched.pcall(fn, ...) end

---xpcall, except that it does not catch the cancellation of its own task.
---@param fn async fun(...): ...
---@param handler fun(problem: any): any Is not called for that cancellation, either.
---@param ... any Arguments of fn.
---@return boolean ok
---@return any ... Results of fn, or of the handler. As Lua's.
function cosched.xpcall(fn, handler, ...) end

---A variable that each task has a value of. A new task begins with a copy of its
---maker's. Python's contextvars.
---@param default any
---@return cosched.Local
function cosched.localvar(default) end

---@class cosched.Local
local Local = {}

---@return any value In the running task; the default elsewhere. ContextVar.get.
function Local:get() end

---Calls fn(...) while the variable has another value, in this task and in those that
---it spawns meanwhile. Racket's parameterize.
---@param value any
---@param fn async fun(...): ...
---@param ... any Arguments of fn.
---@return any ... Results of fn.
function Local:with(value, fn, ...) end

return Local
