--- Random small programs: channels, select, locks, semaphores, events, conditions.

local cosched = require "cosched"

local sys = cosched.sys

-- Returns the operations.
return function(kit)
  local operations = {}
  local run_list, attempt, yielded = kit.run_list, kit.attempt, kit.yielded
  local closing = kit.closing

  -- {=== channels ===

  function operations.send(books, me, o)
    local channel = books.channels[o.channel]
    local item = books:send(me, channel)
    local ok, problem
    if o.yielded then
      ok, problem = attempt(me, o, { "send", channel }, yielded, sys.channel_send, channel.object,
        item.id)
    else
      ok, problem = attempt(me, o, { "send", channel }, channel.object.send, channel.object,
        item.id)
    end
    if ok then return books:sent(item) end
    books:refused(item, problem)
    if cosched.is_cancelled(problem) then error(problem, 0) end
  end

  function operations.recv(books, me, o)
    local channel = books.channels[o.channel]
    local ok, id, reason
    if o.yielded then
      ok, id, reason =
        attempt(me, o, { "recv", channel }, yielded, sys.channel_recv, channel.object)
    else
      ok, id, reason = attempt(me, o, { "recv", channel }, channel.object.recv, channel.object)
    end
    if not ok then error(id, 0) end
    books:received(me, channel, id, reason)
  end

  function operations.try_send(books, me, o)
    local channel = books.channels[o.channel]
    local item = books:send(me, channel)
    local ok, message = channel.object:try_send(item.id)
    if ok then books:sent(item) else books:refused(item, message) end
  end

  function operations.try_recv(books, me, o)
    local channel = books.channels[o.channel]
    local id, reason, code = channel.object:try_recv()
    if code ~= "EAGAIN" then books:received(me, channel, id, reason) end
  end

  function operations.close_channel(books, _, o)
    local channel = books.channels[o.channel]
    local first = channel.reason == nil
    channel.reason = channel.reason or "gone " .. #books.trace
    local closed = channel.object:close(channel.reason)
    books:expect(closed == first or books.program.slice, "close: %s", closed)
  end

  -- The arms of a select, the items it may send, what it waits for, whom it may join.
  local function make_arms(books, me, o)
    local arms, items, pending, targets = { biased = o.biased }, {}, {}, {}
    for i, arm in ipairs(o.arms) do
      local object = books.channels[arm.channel]
      if arm.kind == "send" then
        items[i] = books:send(me, object)
        arms[i] = cosched.on_send(object.object, items[i].id)
      elseif arm.kind == "recv" then
        arms[i] = cosched.on_recv(object.object)
      elseif arm.kind == "join" then
        object = books.by_label["task " .. arm.task] or {}
        object.observed, targets[i] = true, object
        arms[i] = object.task and cosched.on_join(object.task) or cosched.after(0)
      else
        object = cosched.now() + arm.seconds
        arms[i] = cosched.after(arm.seconds)
      end
      local kind = arm.kind == "after" and "sleep" or arm.kind
      if arm.kind ~= "join" or object.task then
        table.move({ kind, object }, 1, 2, #pending + 1, pending)
      end
    end
    return arms, items, pending, targets
  end

  function operations.choose(books, me, o)
    local start = cosched.now()
    local arms, items, pending, targets = make_arms(books, me, o)
    local ok, index, value
    if o.yielded then
      ok, index, value = attempt(me, o, pending, yielded, sys.select, arms)
    else
      ok, index, value = attempt(me, o, pending, cosched.select, arms)
    end
    for i, item in pairs(items) do
      if ok and i == index then
        books:sent(item)
      else
        books:refused(item, (ok or #o.arms > 1) and "not chosen" or index)
      end
    end
    if not ok then
      if cosched.is_cancelled(index) then error(index, 0) end
      return
    end
    local arm = o.arms[index]
    if arm.kind == "recv" then
      local channel = books.channels[arm.channel]
      books:received(me, channel, value, channel.reason)
    elseif arm.kind == "after" then
      books:expect(cosched.now() == start + arm.seconds, "after %s came at %s", arm.seconds,
        cosched.now() - start)
    elseif arm.kind == "join" and value ~= true then
      books:outcome(targets[index], value)
    end
  end

  -- }===

  -- {=== locks and semaphores ===

  -- Stands in line for a lock or a semaphore; returns the guard, or nothing.
  local function acquire(books, me, o, kind, lock)
    local ticket = books:line_up(lock)
    local ok, guard
    if o.yielded then
      ok, guard = attempt(me, o, { kind, lock }, yielded, sys.acquire, lock.object)
    else
      ok, guard = attempt(me, o, { kind, lock }, lock.object.acquire, lock.object)
    end
    if ok then
      books:serve(me, lock, ticket)
      return guard
    end
    ticket.over = true
    if cosched.is_cancelled(guard) then error(guard, 0) end
    if guard:find "is broken" then
      books:expect(lock.left or books:loose(), "a lock is broken, but nobody left it")
    else
      books:expect(guard:find "already" and lock.owner == me, "acquire: %s", guard)
    end
  end

  local function leave(lock, me)
    if lock.owner == me then lock.owner, lock.held = nil, 0 end
  end

  -- A bare acquire raises what is no cancellation, too.
  function operations.lock(books, me, o)
    local lock = books.locks[o.lock]
    if lock.owner == me and o.bare then return end
    local guard <close> = acquire(books, me, o, "lock", lock)
    if not guard then return end
    books:expect(lock.object:owner() == me.task, "%s does not own its lock", me.label)
    local _ <close> = closing(function() leave(lock, me) end)
    books:enter(me, lock)
    lock.owner = me
    run_list(books, me, o.body)
  end

  function operations.take_lock(books, me, o)
    local lock = books.locks[o.lock]
    local guard = acquire(books, me, o, "lock", lock)
    if not guard then return end
    lock.left = true
    books:enter(me, lock)
    lock.owner = me
  end

  function operations.release_lock(books, me, o)
    local lock = books.locks[o.lock]
    if lock.object:owner() == me.task then
      leave(lock, me)
      lock.object:release()
    else
      books:expect(not pcall(lock.object.release, lock.object), "%s released another's lock",
        me.label)
    end
  end

  function operations.semaphore(books, me, o)
    local semaphore = books.semaphores[o.semaphore]
    local guard <close> = acquire(books, me, o, "semaphore", semaphore)
    if not guard then return end
    local _ <close> = closing(function() semaphore.held = semaphore.held - 1 end)
    books:enter(me, semaphore)
    run_list(books, me, o.body)
  end

  -- }===

  -- {=== events and conditions ===

  function operations.set_event(books, _, o)
    local event = books.events[o.event]
    event.was_set = true
    event.object:set()
  end

  function operations.clear_event(books, _, o) books.events[o.event].object:clear() end

  function operations.wait_event(books, me, o)
    local event = books.events[o.event]
    local ok, problem = attempt(me, o, { "event", event }, event.object.wait, event.object)
    if not ok then error(problem, 0) end
    books:expect(event.was_set, "an event that nobody has set")
  end

  -- The owner of the first lock waits for its condition, and owns it again.
  local function wait(books, me, lock)
    local condition = lock.condition
    leave(lock, me)
    local ok, problem = attempt(me, {}, { "condition", lock }, condition.wait, condition)
    if ok or cosched.is_cancelled(problem) then
      books:expect(lock.object:owner() == me.task, "%s has waited, and lost the lock", me.label)
      books:enter(me, lock)
      lock.owner = me
    end
    if not ok then error(problem, 0) end
  end

  function operations.wait_condition(books, me, o)
    local lock = books.locks[1]
    if lock.owner == me then return wait(books, me, lock) end
    local guard <close> = acquire(books, me, o, "lock", lock)
    if not guard then return end
    local _ <close> = closing(function() leave(lock, me) end)
    books:enter(me, lock)
    lock.owner = me
    wait(books, me, lock)
  end

  function operations.notify(books, me, o)
    local lock = books.locks[1]
    local condition = lock.condition
    local mine = lock.object:owner() == me.task
    local guard <close> = not mine and lock.object:try_acquire() or nil
    if guard or mine then
      if o.all then condition:notify_all() else condition:notify(1) end
    end
  end

  -- }===

  return operations
end
