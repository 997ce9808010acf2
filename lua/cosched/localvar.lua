--- localvar: a variable with a value for each task (Python's contextvars).

local check = require "cosched.check"
local core = require "cosched.core"

local Local = {}
Local.__index = Local
Local.__name = "cosched.Local"
Local.__metatable = "cosched.Local"

local function is_local(value)
  return type(value) == "table" and getmetatable(value) == "cosched.Local"
end

-- Stands for nil in the table of values.
local NIL = {}

--- Its value in the running task: set by `with`, here or, before this task was
-- spawned, in who has spawned it; else the default.
function Local:get()
  check.self(is_local(self), "cosched.Local", "get")
  local values = core.locals()
  local value = values and values[self]
  if value == nil then return self.default end
  if value == NIL then return nil end
  return value
end

local restore = {
  __close = function(before) core.set_locals(before.values) end,
}

--- Calls fn(...) while the variable has another value, in this task and in those
-- that it spawns meanwhile. Returns what fn returns.
function Local:with(value, fn, ...)
  check.self(is_local(self), "cosched.Local", "with")
  check.argument(fn, "function", 2, "with")
  if not core.current() then error("'with' needs a task: call it inside cosched.run", 2) end
  local before = setmetatable({ values = core.locals() }, restore)
  local values = {}
  for variable, each in pairs(before.values or {}) do values[variable] = each end
  if value == nil then value = NIL end
  values[self] = value
  core.set_locals(values)
  local _ <close> = before
  local results = table.pack(fn(...))
  return table.unpack(results, 1, results.n)
end

local M = {}

--- A new variable.
function M.localvar(default) return setmetatable({ default = default }, Local) end

return M
