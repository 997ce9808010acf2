-- What are all these tasks doing? ps and tree as text, a request's number in every
-- task that works for it, and an instrument that counts.
--
--   cosched examples/inspect.lua
--
-- While a program runs under the cosched command, `kill -USR1` shows its tasks, too.
local cosched = require "cosched"

local request = cosched.localvar "none"
local steps = {}
local counter <close> = cosched.instrument {
  before_step = function(task) steps[task.tid] = (steps[task.tid] or 0) + 1 end,
}

local database = cosched.lock "the database"

local function log(...) print("request " .. request:get() .. ":", ...) end

local function query()
  local _ <close> = database:acquire()
  cosched.sleep(0.05)
  log "done"
end

local function serve(number)
  request:with(number, function()
    cosched.timeout(10, cosched.nursery, function(n)
      n:spawn(query)
      log "started"
    end)
  end)
end

for i = 1, 2 do cosched.spawn(serve, i) end
cosched.sleep(0.01)

-- without what is different each time
print((cosched.tree():gsub(" %b()", ""):gsub("%d+%.%d+ s", "some s")))
print((cosched.ps():match "%S[^\n]+":gsub(" +", " ")))
cosched.sleep(0.2)
print("turns of task 2:", steps[2])
print("tasks left:", #cosched.tasks())
counter:remove()

--[[ output
request 1:	started
request 2:	started
task 1 running
  task 2 waiting, on children
    scope, deadline in some s
      nursery
        task 4 waiting, on sleep
  task 3 waiting, on children
    scope, deadline in some s
      nursery
        task 5 waiting, on lock 'the database' held by task 4
TID PPID STATE AGE STEPS CPU WAIT NAME WHERE
request 1:	done
request 2:	done
turns of task 2:	2
tasks left:	1
]]
