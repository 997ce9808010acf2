--- Specs in virtual time: `it("...", virtual(function() ... end))`.
--
-- The function is the main task of a run of its own, whose clock starts at 0 and
-- jumps to the next deadline when all wait. What it raises reaches busted as it was
-- raised. Afterwards nothing may be left: no task, no deadline, no wait.

local cosched = require "cosched"
local support = require "spec.support.task"

local M = {}

--- Fails if a run has left anything behind.
function M.check_nothing_left()
  local stats = cosched.stats()
  for _, name in ipairs { "tasks", "timers", "waiting_outside" } do
    if stats[name] ~= 0 then error(("%d %s left"):format(stats[name], name), 2) end
  end
end

--- Runs fn as the main task in virtual time; returns and raises what `run` does.
function M.run(fn, options)
  local given = { clock = "virtual", seed = 1 }
  for name, value in pairs(options or {}) do given[name] = value end
  local answer = table.pack(pcall(cosched.run, given, fn))
  M.check_nothing_left()
  if not answer[1] then error(answer[2], 0) end
  return table.unpack(answer, 2, answer.n)
end

--- Returns a function for `it` that runs fn in virtual time.
function M.virtual(fn, options)
  return function()
    local ok, problem = pcall(M.run, fn, options)
    if not ok then support.rethrow(problem) end
  end
end

--- A log: a table of what happened, and a function that adds to it.
function M.log()
  local list = {}
  return list, function(what) list[#list + 1] = what end
end

--- A value for `local _ <close> =` whose end adds "name: error" to a log.
function M.noting(list, name)
  return support.closing(function(err)
    local what = err
    if cosched.is_cancelled(err) then what = err.source end
    list[#list + 1] = ("%s: %s"):format(name, what)
  end)
end

return M
