--- Random small programs: made from a seed, printed, made smaller.
--
-- A program is a tree: a list of operations, some of which have lists of their own.
-- Nothing here knows what an operation does: that is program_run.lua. The numbers come
-- from the seed alone, so that a seed is the same program everywhere. Deadlines are few
-- and small, because what happens at the same time is what goes wrong.

local M = {}

local CHANNELS, LOCKS, SEMAPHORES, EVENTS = 3, 2, 2, 2
local DEEPEST, BUDGET = 5, 36

-- {=== numbers ===

local Maker = {}
Maker.__index = Maker

function Maker:int(low, high)
  self.state = self.state * 6364136223846793005 + 1442695040888963407
  return low + (self.state >> 33) % (high - low + 1)
end

function Maker:chance(percent) return self:int(1, 100) <= percent end

function Maker:seconds() return self:int(0, 3) end

--- The number of a task, a nursery or a scope: most times one that there is.
function Maker:some(kind) return self:int(1, self.count[kind] + 1) end

function Maker:new(kind)
  self.count[kind] = self.count[kind] + 1
  return self.count[kind]
end

-- }===

-- {=== operations ===

local function arm(g)
  local kind = ({ "recv", "recv", "send", "send", "join", "after" })[g:int(1, 6)]
  if kind == "join" then return { kind = kind, task = g:some "task" } end
  if kind == "after" then return { kind = kind, seconds = g:seconds() } end
  return { kind = kind, channel = g:int(1, CHANNELS) }
end

-- What has no operations of its own: how often it is taken, and its arguments.
local SIMPLE = {
  sleep = { 14, function(g) return { seconds = g:seconds(), yielded = g:chance(25) } end },
  checkpoint = { 4, function(g) return { yielded = g:chance(25) } end },
  cancel_task = { 6, function(g) return { task = g:some "task" } end },
  cancel_nursery = { 3, function(g) return { nursery = g:some "nursery" } end },
  cancel_scope = { 3, function(g) return { scope = g:some "scope" } end },
  set_deadline = { 2, function(g) return { scope = g:some "scope", seconds = g:seconds() } end },
  kill = { 4, function(g) return { task = g:some "task", yielded = g:chance(25) } end },
  join = { 4, function(g)
    return { task = g:some "task", yielded = g:chance(25), swallow = g:chance(60) }
  end },
  wait = { 4, function(g) return { task = g:some "task" } end },
  send = { 12, function(g)
    return { channel = g:int(1, CHANNELS), bare = g:chance(25), yielded = g:chance(25) }
  end },
  recv = { 12, function(g)
    return { channel = g:int(1, CHANNELS), bare = g:chance(25), yielded = g:chance(25) }
  end },
  try_send = { 2, function(g) return { channel = g:int(1, CHANNELS) } end },
  try_recv = { 2, function(g) return { channel = g:int(1, CHANNELS) } end },
  close_channel = { 2, function(g) return { channel = g:int(1, CHANNELS) } end },
  choose = { 7, function(g)
    local arms = {}
    for i = 1, g:int(1, 4) do arms[i] = arm(g) end
    return { arms = arms, biased = g:chance(40), bare = g:chance(25), yielded = g:chance(25) }
  end },
  take_lock = { 1, function(g) return { lock = g:int(1, LOCKS) } end },
  release_lock = { 1, function(g) return { lock = g:int(1, LOCKS) } end },
  set_event = { 3, function(g) return { event = g:int(1, EVENTS) } end },
  clear_event = { 1, function(g) return { event = g:int(1, EVENTS) } end },
  wait_event = { 3, function(g) return { event = g:int(1, EVENTS) } end },
  notify = { 2, function(g) return { all = g:chance(30) } end },
  wait_condition = { 2, function() return {} end },
  raise = { 4, function(g) return { kind = ({ "text", "table", "number" })[g:int(1, 3)] } end },
}

-- What has a list of operations, sometimes two.
local NESTED = {
  spawn = { 16, function(g) return { task = g:new "task", yielded = g:chance(15) } end },
  spawn_into = { 6, function(g)
    return { task = g:new "task", nursery = g:some "nursery", daemon = g:chance(30) }
  end },
  start = { 2, function(g)
    return { task = g:new "task", nursery = g:some "nursery", other = true }
  end },
  nursery = { 9, function(g) return { nursery = g:new "nursery" } end },
  supervisor = { 4, function(g) return { nursery = g:new "nursery" } end },
  move_on = { 7, function(g) return { seconds = g:seconds() } end },
  timeout = { 5, function(g) return { seconds = g:seconds(), swallow = g:chance(60) } end },
  shield = { 4, function(g) return { seconds = g:seconds() } end },
  scope = { 6, function(g)
    return { scope = g:new "scope", seconds = g:chance(50) and g:seconds() or nil,
      shield = g:chance(20) }
  end },
  lock = { 8, function(g)
    return { lock = g:int(1, LOCKS), yielded = g:chance(25), bare = g:chance(25) }
  end },
  semaphore = { 4, function(g) return { semaphore = g:int(1, SEMAPHORES) } end },
  resource = { 10, function(g)
    local ends = { "plain", "plain", "shield", "shield", "sleep", "raise" }
    return { ends = ends[g:int(1, #ends)], seconds = g:seconds() }
  end },
  pcall = { 8, function(g) return { ours = g:chance(30), again = g:chance(30) } end },
  race = { 3, function() return { other = true } end },
  with_local = { 2, function() return {} end },
  loop = { 3, function(g) return { times = g:chance(20) and 70 or g:int(2, 4) } end },
}

local function total(list)
  local names, sum = {}, 0
  for name, entry in pairs(list) do
    names[#names + 1] = name
    sum = sum + entry[1]
  end
  table.sort(names)
  return names, sum
end

local simple_names, simple_sum = total(SIMPLE)
local nested_names, nested_sum = total(NESTED)

local function pick(g, list, names, sum)
  local left = g:int(1, sum)
  for _, name in ipairs(names) do
    left = left - list[name][1]
    if left <= 0 then return name, list[name][2](g) end
  end
end

local make_list

local function make_operation(g, depth)
  g.left = g.left - 1
  if depth == DEEPEST or g.left <= 0 or g:chance(depth == 1 and 30 or 55) then
    local name, operation = pick(g, SIMPLE, simple_names, simple_sum)
    operation.name = name
    return operation
  end
  local name, operation = pick(g, NESTED, nested_names, nested_sum)
  if depth == 1 and g:chance(40) then name, operation = "spawn", NESTED.spawn[2](g) end
  if name == "loop" and g.loops then name, operation = "pcall", {} end
  operation.name = name
  g.loops = g.loops or name == "loop"
  g.looped = g.looped or g.loops
  operation.body = make_list(g, depth + 1)
  if operation.other then operation.other = make_list(g, depth + 1) end
  if name == "loop" then g.loops = false end
  return operation
end

function make_list(g, depth)
  local list = {}
  for i = 1, g:int(depth == 1 and 4 or 1, depth == 1 and 9 or 4) do
    if g.left <= 0 and i > 1 then break end
    list[i] = make_operation(g, depth)
  end
  return list
end

-- }===

--- The program of a seed.
function M.generate(seed)
  local g = setmetatable({ state = seed * 0x9E3779B97F4A7C15 + 1 }, Maker)
  for _ = 1, 4 do g:int(0, 1) end
  g.count, g.left = { task = 0, nursery = 0, scope = 0 }, BUDGET
  local program = {
    seed = seed,
    shuffle = g:chance(50),
    watched = g:chance(50),
    slice = g:chance(25) and ({ 1, 3, 10, 40, 150 })[g:int(1, 5)] or nil,
    channels = {}, semaphores = {}, locks = LOCKS, events = EVENTS,
  }
  for i = 1, CHANNELS do program.channels[i] = ({ 0, 0, 1, 2, 100 })[g:int(1, 5)] end
  for i = 1, SEMAPHORES do program.semaphores[i] = g:int(1, 2) end
  program.body = make_list(g, 1)
  program.looped = g.looped
  -- an end to what would wait for ever; the rest may be deadlocks
  if g:chance(60) then
    program.body = { { name = "move_on", seconds = 20, body = program.body } }
  end
  return program
end

-- {=== reading ===

local function describe_arms(arms)
  local list = {}
  for i, each in ipairs(arms) do
    list[i] = each.kind .. " " .. (each.channel or each.task or each.seconds)
  end
  return "{ " .. table.concat(list, ", ") .. " }"
end

local function describe(operation)
  local words = {}
  for key, value in pairs(operation) do
    if key == "arms" then
      words[#words + 1] = describe_arms(value)
    elseif value == true then
      words[#words + 1] = key
    elseif value and key ~= "body" and key ~= "other" and key ~= "name" then
      words[#words + 1] = ("%s=%s"):format(key, value)
    end
  end
  table.sort(words)
  return table.concat({ operation.name, table.unpack(words) }, " ")
end

local function write(lines, list, indent)
  for _, operation in ipairs(list) do
    lines[#lines + 1] = indent .. describe(operation)
    if operation.body then write(lines, operation.body, indent .. "  ") end
    if operation.other then
      lines[#lines + 1] = indent .. "and"
      write(lines, operation.other, indent .. "  ")
    end
  end
end

--- The program as lines, for whoever has to find out.
function M.show(program)
  local head = ("seed %d, channels of %s, semaphores of %s%s%s%s"):format(program.seed,
    table.concat(program.channels, " "), table.concat(program.semaphores, " "),
    program.shuffle and ", shuffle" or "", program.watched and ", watched" or "",
    program.slice and ", slice_instructions " .. program.slice or "")
  local lines = { head }
  write(lines, program.body, "  ")
  return table.concat(lines, "\n")
end

-- }===

-- {=== making smaller ===

local function copy(value)
  if type(value) ~= "table" then return value end
  local new = {}
  for key, each in pairs(value) do new[key] = copy(each) end
  return new
end

-- All lists of a program, in an order that a copy of it has, too.
local function lists(program)
  local found = { program.body }
  local i = 1
  while found[i] do
    for _, operation in ipairs(found[i]) do
      found[#found + 1] = operation.body
      found[#found + 1] = operation.other
    end
    i = i + 1
  end
  return found
end

-- Calls try(smaller) for programs with one thing less, until one is taken.
local function reduce(program, try)
  for _, option in ipairs { "slice", "shuffle", "watched" } do
    if program[option] then
      local smaller = copy(program)
      smaller[option] = nil
      if try(smaller) then return smaller end
    end
  end
  for place, list in ipairs(lists(program)) do
    for i = #list, 1, -1 do
      local smaller = copy(program)
      table.remove(lists(smaller)[place], i)
      if try(smaller) then return smaller end
      for _, name in ipairs { "body", "other" } do
        if list[i][name] then
          smaller = copy(program)
          local target = lists(smaller)[place]
          local inner = table.remove(target, i)[name]
          for at, each in ipairs(inner) do table.insert(target, i + at - 1, each) end
          if try(smaller) then return smaller end
        end
      end
    end
  end
end

--- The smallest program found, of those with one operation less each, for which
-- fails(program) still holds.
function M.shrink(program, fails)
  local tries = 0
  local function try(smaller)
    tries = tries + 1
    return tries <= 3000 and fails(smaller)
  end
  while true do
    local smaller = reduce(program, try)
    if not smaller then return program end
    program = smaller
  end
end

-- }===

return M
