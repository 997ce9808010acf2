-- runner - busted as a script, for the interpreter that runs this file.
--
-- The `busted` command runs under whatever `lua` is first on PATH and then starts
-- a second process; under valgrind or a preloaded sanitizer there must be only one.
--
-- COSCHED_GC makes the collector work far more than it would, so that what it may do at
-- any allocation it does at many: `incremental` has it always under way, in small steps,
-- `generational` has it look at what is young all the time, `full` makes each step a
-- whole cycle, now and then (whole cycles at each allocation are in `make oom`).

local MODES = {
  incremental = { "incremental", 1, 400, 9 },
  generational = { "generational", 1, 10 },
  full = { "incremental", 101, 1000, 60 },
}

local name = os.getenv "COSCHED_GC"
if name and name ~= "" then
  local mode = MODES[name] or error("COSCHED_GC: incremental, generational or full")
  collectgarbage(table.unpack(mode))
end

require "busted.runner" { standalone = false }
