--- race, all, map: functions at the same time, each in a task of a nursery.
-- What one of them raises cancels the others and is raised here, as in every
-- nursery; nothing is left running when they return.

local check = require "cosched.check"
local core = require "cosched.core"

local M = {}

local pack, unpack = table.pack, table.unpack

-- core.nursery, whose complaints about the caller name the place that has called us.
-- What has happened is returned: a cancellation that comes later is raised later.
local function run_nursery(body, has_happened)
  local ok, problem = pcall(core.nursery, body)
  if ok or (core.is_cancelled(problem) and has_happened and has_happened()) then return end
  error(problem, 3)
end

local function check_functions(name, functions)
  for i = 1, functions.n do
    check.argument(functions[i], "function", i, name, 1)
  end
end

--- Runs functions at the same time; when the first has returned, the others are
-- cancelled and waited for. Returns its place among them, and what it returned.
function M.race(...)
  local functions = pack(...)
  check_functions("race", functions)
  if functions.n == 0 then error("'race' needs at least one function", 2) end
  check.task "race"
  local winner, results
  run_nursery(function(nursery)
    for i = 1, functions.n do
      nursery:spawn(function()
        local mine = pack(functions[i]())
        if winner then return end
        winner, results = i, mine
        nursery:cancel "another one has won the race"
      end)
    end
  end, function() return winner end)
  if not winner then error("no function of the race has returned: each was cancelled", 2) end
  return winner, unpack(results, 1, results.n)
end

--- Runs functions at the same time. Returns a table with the results of each, as
-- table.pack makes them, in their order; its n says how many there are.
function M.all(...)
  local functions = pack(...)
  check_functions("all", functions)
  check.task "all"
  local results = { n = functions.n }
  run_nursery(function(nursery)
    for i = 1, functions.n do
      nursery:spawn(function() results[i] = pack(functions[i]()) end)
    end
  end)
  return results
end

local function read_limit(options, count)
  if options == nil then return count end
  if type(options) ~= "table" then
    error("bad argument #3 to 'map' (a table of options expected: { limit = 10 })", 3)
  end
  for key in pairs(options) do
    if key ~= "limit" then error(("unknown field '%s'; known: limit"):format(key), 3) end
  end
  local limit = options.limit
  if limit == nil then return count end
  if math.type(limit) ~= "integer" or limit < 1 then
    error("bad argument #3 to 'map' (limit: a positive integer expected, how many at a time)", 3)
  end
  return math.min(limit, count)
end

--- Calls fn(value, index) for each value of a list, at most `limit` at the same
-- time (all, unless it is given). Returns the list of first results, in order; its
-- n says how long it is, for results that are nil.
function M.map(list, fn, options)
  check.argument(list, "table", 1, "map")
  check.argument(fn, "function", 2, "map")
  local count = #list
  local limit, next_index = read_limit(options, count), 0
  check.task "map"
  local results = { n = count }
  local function work()
    while next_index < count do
      next_index = next_index + 1
      local i = next_index
      results[i] = fn(list[i], i)
    end
  end
  run_nursery(function(nursery)
    for _ = 1, limit do nursery:spawn(work) end
  end)
  return results
end

return M
