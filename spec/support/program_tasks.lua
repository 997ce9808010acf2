--- Random small programs: tasks, nurseries, cancelling, killing and joining.

local cosched = require "cosched"
local Books = require "spec.support.program_books"

local sys = cosched.sys

-- Returns the operations.
return function(kit)
  local operations = {}
  local run_list, attempt, yielded = kit.run_list, kit.attempt, kit.yielded
  local closing, new_task, begin = kit.closing, kit.new_task, kit.begin

  -- {=== one task and another ===

  local function find_task(books, o)
    local found = books.by_label["task " .. o.task]
    return found and found.task and found
  end

  function operations.spawn(books, me, o)
    local child = new_task(books, "task " .. o.task, me)
    if o.yielded then
      coroutine.yield(sys.spawn(begin, books, child, o.body))
    else
      child.task = cosched.spawn(begin, books, child, o.body)
    end
  end

  function operations.spawn_into(books, _, o)
    local nursery = books.nurseries[o.nursery]
    if not nursery then return end
    local child = new_task(books, "task " .. o.task, nursery)
    local method = o.daemon and nursery.object.daemon or nursery.object.spawn
    local ok, problem = pcall(method, nursery.object, begin, books, child, o.body)
    if ok then
      child.task = problem
    else
      books:expect(problem:find "the nursery is closed", "spawn: %s", problem)
      books:expect(nursery.closing, "spawn: the nursery is open")
    end
  end

  function operations.start(books, _, o)
    local nursery = books.nurseries[o.nursery]
    if not nursery then return end
    local child = new_task(books, "task " .. o.task)
    local ok, problem = pcall(nursery.object.start, nursery.object, begin, books, child, o.body,
      function()
        cosched.started(child.label)
        run_list(books, child, o.other)
      end)
    if ok then
      books:expect(problem == child.label, "start gave %s", problem)
      table.insert(nursery.children, child)
    elseif cosched.is_errors(problem) or cosched.is_cancelled(problem) then
      books:compare("start", {}, problem)
      error(problem, 0)
    end
  end

  local function open_nursery(books, me, o)
    local nursery = { label = o.nursery, children = {}, supervisor = o.name == "supervisor" }
    table.insert(books.nursery_list, nursery)
    local ok, problem = pcall(cosched[o.name], function(n)
      nursery.object, books.nurseries[o.nursery] = n, nursery
      local _ <close> = closing(function(_, raised)
        nursery.raised, nursery.closing = raised, true
      end)
      run_list(books, me, o.body)
      nursery.returned = true
    end)
    books:nursery_over(nursery, ok, problem)
    if not ok then error(problem, 0) end
  end

  operations.nursery, operations.supervisor = open_nursery, open_nursery

  function operations.race(books, me, o)
    local function racer(list)
      return function()
        local child = new_task(books, me.label .. " racer")
        child.racer = true
        return begin(books, child, list)
      end
    end
    local winner = cosched.race(racer(o.body), racer(o.other))
    books:expect(winner == 1 or winner == 2, "the race was won by %s", winner)
  end

  function operations.cancel_task(books, _, o)
    local target = find_task(books, o)
    if not target then return end
    local done = target.task:status() == "done"
    local told = target.task:cancel "a reason"
    books:expect(not (done and told), "%s was cancelled after its end", target.label)
  end

  function operations.kill(books, me, o)
    local target = find_task(books, o)
    if not target or target.task:status() == "done" then return end
    target.killed, books.killed = true, true
    books:disturb(target)
    if o.yielded then
      coroutine.yield(sys.kill_task(target.task.tid))
    else
      target.task:kill()
    end
    table.insert(books.doomed, { victim = target, killer = me })
  end

  function operations.join(books, me, o)
    local target = find_task(books, o)
    if not target then return end
    target.observed = true
    local ok, first
    if o.yielded then
      ok, first = attempt(me, o, { "join", target }, yielded, sys.join, target.task)
    else
      ok, first = attempt(me, o, { "join", target }, target.task.join, target.task)
    end
    if ok then
      books:outcome(target, "ok")
      books:expect(first == target.label, "%s gave %s", target.label, first)
      return
    elseif cosched.is_errors(first) then
      books:outcome(target, "error")
      books:compare("join", Books.leaves(select(2, target.task:result())), first)
    elseif cosched.is_task_cancelled(first) then
      books:outcome(target, "cancelled")
    elseif not cosched.is_cancelled(first) then
      return -- it could never return
    end
    if not o.swallow then error(first, 0) end
  end

  function operations.wait(books, me, o)
    local target = find_task(books, o)
    if not target then return end
    target.observed = true
    local ok, kind = attempt(me, o, { "join", target }, target.task.wait, target.task)
    if ok then return books:outcome(target, kind) end
    if cosched.is_cancelled(kind) then error(kind, 0) end
  end

  -- }===

  return operations
end
