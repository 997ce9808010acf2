--- instrument: functions that are told what happens in the runtime.
-- Trio's instruments: for profilers, tracers, and tests that want to know.

local check = require "cosched.check"
local core = require "cosched.core"

local M = {}

local NAMES = "task_spawned task_scheduled before_step after_step task_exited wait_begin "
  .. "wait_end cancel io_before io_after deadlock"
local EVENTS = {}
for name in NAMES:gmatch "%S+" do
  EVENTS[name] = true
end

local Instrument = { __name = "cosched.Instrument", __metatable = "cosched.Instrument" }
Instrument.__index = Instrument

--- Removes the instrument; true if it was still there.
function Instrument:remove() return core.remove_instrument(self.number, self.functions) end

Instrument.__close = Instrument.remove

--- Begins to call functions, each under the name of its event. They are called on
-- the scheduler's stack, and cannot wait; one that raises is removed, with a warning.
function M.instrument(functions)
  check.argument(functions, "table", 1, "instrument")
  local copy = {}
  for name, fn in pairs(functions) do
    if not EVENTS[name] then
      error(("unknown event '%s'; known: %s"):format(tostring(name), NAMES:gsub(" ", ", ")), 2)
    end
    if type(fn) ~= "function" then
      error(("%s: function expected, got %s"):format(name, type(fn)), 2)
    end
    copy[name] = fn
  end
  return setmetatable({ number = core.add_instrument(copy), functions = copy }, Instrument)
end

return M
