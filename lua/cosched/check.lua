--- check: arguments of functions of the layer in Lua, refused as Lua's own refuse them.

local core = require "cosched.core"

local M = {}

--- Raises at the caller of the function `name`, unless the value is of that type.
-- `depth`: how many functions stand between that one and this; 0 unless given.
function M.argument(value, kind, position, name, depth)
  if type(value) == kind then return end
  error(("bad argument #%d to '%s' (%s expected, got %s)"):format(position, name, kind,
    type(value)), 3 + (depth or 0))
end

--- Raises at the caller of the method `name`, unless its self is one of the type:
-- it was called with a dot.
function M.self(is_one, type_name, name)
  if is_one then return end
  error(("bad argument #1 to '%s' (%s expected; call it with ':')"):format(name, type_name), 3)
end

--- Raises at the caller of the function `name`, which waits, outside of tasks.
function M.task(name)
  if core.current() then return end
  error(("'%s' waits, so it needs a task: run the script with the cosched command, "
    .. "or call it inside cosched.run"):format(name), 3)
end

return M
