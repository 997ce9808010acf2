-- Nurseries, supervisors, daemons, tasks that say when they are ready, errors that
-- come through two nurseries; a task that is killed in one, and whose children go on.
local cosched = require "cosched"

local BOOM = "boom, on purpose"
local surprise -- an error that was not made on purpose

-- Raises again what is not the error that was made on purpose. (A nursery that has no
-- memory for its Errors says so, and what is in it is raised by the one around.)
local function expect_boom(ok, problem)
  assert(not ok, "nothing was raised")
  local leaf = problem
  if cosched.is_errors(problem) then leaf = problem.error end
  if leaf ~= BOOM then
    surprise = surprise or problem
    error(problem, 0)
  end
  return problem
end

local function plain()
  local ended = 0
  local results = table.pack(cosched.nursery(function(n, ...)
    for i = 1, 5 do
      n:spawn(function(seconds)
        cosched.sleep(seconds)
        ended = ended + 1
      end, i % 3)
    end
    n:daemon(function()
      local _ <close> = setmetatable({}, { __close = function() ended = ended + 10 end })
      cosched.forever()
    end)
    return ...
  end, "a", nil, "c"))
  assert(ended == 15 and results.n == 3 and results[3] == "c")
end

local function failing()
  local problem = expect_boom(pcall(cosched.nursery, function(outer)
    outer:spawn(function()
      cosched.nursery(function(inner)
        inner:spawn(cosched.forever)
        inner:spawn(error, BOOM, 0)
      end)
    end)
    cosched.forever()
  end))
  assert(#problem.errors >= 1 and tostring(problem):find(BOOM, 1, true))
end

local function supervised()
  local heard
  cosched.supervisor({ on_error = function(errors) heard = errors end }, function(n)
    n:spawn(error, BOOM, 0)
    n:spawn(cosched.sleep, 1)
  end)
  expect_boom(false, heard)
  expect_boom(pcall(cosched.supervisor, function(n)
    n:spawn(error, BOOM, 0)
    cosched.sleep(1)
  end))
end

local function started()
  cosched.nursery(function(n)
    local port = n:start(function()
      cosched.sleep(1)
      cosched.started(7)
      cosched.forever()
    end)
    assert(port == 7)
    expect_boom(pcall(n.start, n, error, BOOM, 0))
    n:cancel "done"
  end)
end

local function killed()
  local closed
  local task = cosched.spawn(function()
    cosched.nursery(function(n)
      n:spawn(function()
        local _ <close> = setmetatable({}, { __close = function()
          cosched.shield(1, cosched.sleep, 0.5)
          closed = true
        end })
        cosched.sleep(1)
      end)
      cosched.forever()
    end)
  end)
  cosched.sleep(0.5)
  task:kill()
  if task:wait() == "error" then error(select(2, task:result()), 0) end
  cosched.sleep(2)
  assert(closed)
end

local function main()
  for _, part in ipairs { plain, failing, supervised, started, killed } do part() end
end

return function()
  surprise = nil
  local ok, problem = pcall(cosched.run, { clock = "virtual" }, main)
  if not ok then error(surprise or problem, 0) end
end
