-- Several at once: the first answer, all answers, and no more than two at a time.
--
--   cosched examples/race.lua
--
-- cosched.race, all and map run functions at the same time, each in a task. When
-- they return, nothing is left running.
local cosched = require "cosched"

-- Asks a server, which answers after so many seconds.
local function ask(server, seconds)
  local _ <close> = setmetatable({}, { __close = function(_, problem)
    if cosched.is_cancelled(problem) then print("no need for " .. server) end
  end })
  cosched.sleep(seconds)
  return "answer of " .. server
end

-- The second server is only asked if the first one is slow.
print(cosched.race(
  function() return ask("the first", 0.5) end,
  function()
    cosched.sleep(0.02)
    return ask("the second", 0.01)
  end
))

local both = cosched.all(
  function() return ask("the third", 0.02) end,
  function() return ask("the fourth", 0.01) end
)
print(both[1][1], both[2][1])

local at_once, most = 0, 0
local squares = cosched.map({ 1, 2, 3, 4, 5 }, function(n)
  at_once = at_once + 1
  most = math.max(most, at_once)
  cosched.sleep(0.005)
  at_once = at_once - 1
  return n * n
end, { limit = 2 })
print(table.concat(squares, " "), "at most " .. most)

-- What one of them raises cancels the others, and is raised.
local ok, problem = pcall(cosched.all, function() ask("the fifth", 1) end, function()
  cosched.sleep(0.01)
  error("nobody is there", 0)
end)
print(ok, cosched.cause(problem))

--[[ output
no need for the first
2	answer of the second
answer of the third	answer of the fourth
1 4 9 16 25	at most 2
no need for the fifth
false	nobody is there
]]
