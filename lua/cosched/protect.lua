--- pcall and xpcall that do not catch the cancellation of their own task.
-- Lua's pcall catches everything, so a loop around it swallows what should end it.

local check = require "cosched.check"
local core = require "cosched.core"

local M = {}

-- A cancellation of the running task, which asks it to leave.
local function is_own_cancellation(problem)
  return core.is_cancelled(problem) and core.current() ~= nil and core.deadline() == -math.huge
end

local function pass_on_cancellation(ok, problem, ...)
  if not ok and is_own_cancellation(problem) then error(problem, 0) end
  return ok, problem, ...
end

--- Like pcall, but raises the cancellation of the running task again.
function M.pcall(fn, ...) return pass_on_cancellation(pcall(fn, ...)) end

--- Like xpcall; the handler is not called for it, either.
function M.xpcall(fn, handler, ...)
  check.argument(handler, "function", 2, "xpcall")
  local function handle(problem)
    if is_own_cancellation(problem) then return problem end
    return handler(problem)
  end
  return pass_on_cancellation(xpcall(fn, handle, ...))
end

return M
