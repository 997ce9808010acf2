--- Random small programs: scopes, time, errors, what is closed.

local cosched = require "cosched"

local sys = cosched.sys

-- Returns the operations.
return function(kit)
  local operations = {}
  local run_list, attempt, yielded = kit.run_list, kit.attempt, kit.yielded
  local closing = kit.closing

  -- {=== scopes ===

  function operations.move_on(books, me, o)
    local start, returned = cosched.now(), false
    local ok, cancelled = cosched[o.name](o.seconds, function()
      returned = run_list(books, me, o.body)
    end)
    books:expect(ok == returned, "%s: %s, but its function: %s", o.name, ok, returned)
    if ok then return end
    books:expect(cosched.is_cancelled(cancelled) and cancelled.source == "deadline",
      "%s: false, %s", o.name, cancelled)
    books:expect(cosched.now() >= start + o.seconds, "%s ended before its time", o.name)
  end

  operations.shield = operations.move_on

  function operations.timeout(books, me, o)
    local start, returned = cosched.now(), false
    local ok, problem = pcall(cosched.timeout, o.seconds, function()
      returned = run_list(books, me, o.body)
    end)
    books:expect(ok == returned, "timeout: %s, but its function: %s", ok, returned)
    if ok then return end
    if cosched.is_timeout(problem) and problem.seconds == o.seconds then
      books:expect(cosched.now() >= start + o.seconds, "a timeout before its time")
      if o.swallow then return end
    end
    error(problem, 0)
  end

  function operations.scope(books, me, o)
    local scope = cosched.scope { timeout = o.seconds, shield = o.shield }
    local entry = { object = scope, cancelled = false, timed = o.seconds ~= nil }
    books.scopes[o.scope] = entry
    local returned = false
    local ok, cancelled = scope:run(function() returned = run_list(books, me, o.body) end)
    books:expect(ok == returned, "scope: %s, but its function: %s", ok, returned)
    books:expect(scope.caught == not ok, "scope.caught: %s, returned %s", scope.caught, ok)
    if ok then return end
    local source = cosched.is_cancelled(cancelled) and cancelled.source
    books:expect(source == "explicit" and entry.cancelled or source == "deadline" and entry.timed,
      "a scope was cancelled: %s", source)
  end

  function operations.cancel_scope(books, _, o)
    local entry = books.scopes[o.scope]
    if not entry then return end
    entry.cancelled = true
    entry.object:cancel()
  end

  function operations.set_deadline(books, _, o)
    local entry = books.scopes[o.scope]
    if not entry then return end
    entry.timed = true
    entry.object.deadline = cosched.now() + o.seconds
  end

  function operations.cancel_nursery(books, _, o)
    local nursery = books.nurseries[o.nursery]
    if nursery then nursery.object:cancel "a reason" end
  end

  -- }===

  -- {=== time and errors ===

  function operations.sleep(books, me, o)
    local time = cosched.now() + o.seconds
    local ok, problem
    if o.yielded then
      ok, problem = attempt(me, o, { "sleep", time }, yielded, sys.sleep, o.seconds)
    else
      ok, problem = attempt(me, o, { "sleep", time }, cosched.sleep, o.seconds)
    end
    if not ok then error(problem, 0) end
    books:expect(cosched.now() == time, "%s slept until %s, not %s", me.label, cosched.now(), time)
  end

  function operations.checkpoint(_, _, o)
    if o.yielded then coroutine.yield() else cosched.checkpoint() end
  end

  function operations.raise(books, _, o)
    local value = #books.trace + 1000
    if o.kind == "text" then value = "error " .. value end
    if o.kind == "table" then
      value = setmetatable({}, { __tostring = function() return "a table" end })
    end
    books.raised[value] = true
    error(value, 0)
  end

  function operations.pcall(books, me, o)
    local call = o.ours and cosched.pcall or pcall
    local ok, problem = call(run_list, books, me, o.body)
    if ok or not o.again then return end
    cosched.shield(1, cosched.sleep, 1)
    error(problem, 0)
  end

  local ends = { plain = function() end }

  function ends.shield(books, o)
    local start = cosched.now()
    local ok = cosched.shield(o.seconds, cosched.sleep, 1)
    books:expect(cosched.now() - start == math.min(o.seconds, 1) and (o.seconds == 1
      or ok == (o.seconds > 1)), "a shield of %s lasts %s", o.seconds, cosched.now() - start)
  end

  function ends.sleep(_, o) cosched.sleep(o.seconds) end

  function ends.raise(books) operations.raise(books, nil, { kind = "text" }) end

  function operations.resource(books, me, o)
    local resource = { closed = 0 }
    table.insert(books.resources, resource)
    resource.open = true -- it may be killed here, between two instructions
    local _ <close> = closing(function()
      resource.open = nil
      resource.closed = resource.closed + 1
      books:note(me.label, "closes")
      ends[o.ends](books, o)
    end)
    run_list(books, me, o.body)
  end

  function operations.with_local(books, me, o)
    local value, before = #books.trace, books.variable:get()
    books.variable:with(value, run_list, books, me, o.body)
    books:expect(books.variable:get() == before, "%s: a local stays changed", me.label)
  end

  function operations.loop(books, me, o)
    for _ = 1, o.times do run_list(books, me, o.body) end
  end

  -- }===

  return operations
end
