-- A scenario with everything in it, disturbed at each of its checkpoints in turn.
local cosched = require "cosched"
local net = require "cosched.net"
local support = require "spec.support.task"
local time = require "spec.support.virtual"
local closing = support.closing

-- What a run of the scenario opens and closes, and where its target is disturbed.
local function new_run(disturb, at)
  local run = { opened = 0, closed = {}, checkpoints = 0 }

  -- A resource of the target or of another task, closed at the end of its block.
  function run.open(name)
    run.opened = run.opened + 1
    local id = ("%s %d"):format(name, run.opened)
    return closing(function() run.closed[id] = (run.closed[id] or 0) + 1 end)
  end

  -- Called by the target before each call that waits.
  function run.count()
    run.checkpoints = run.checkpoints + 1
    if run.checkpoints ~= at then return end
    local target = run.target
    if disturb == "cancel now" then
      target:cancel "everywhere"
    elseif disturb == "cancel while it waits" then
      cosched.spawn(target.cancel, target)
    elseif disturb == "kill while it waits" then
      cosched.spawn(target.kill, target)
    elseif disturb == "kill now" then
      target:kill()
    elseif disturb == "error" then
      error("everywhere", 0)
    end
  end

  return run
end

local function step(run, fn, ...)
  run.count()
  return fn(...)
end

local function echo(run, socket)
  local _ <close> = run.open "echo"
  while true do
    local line = socket:read "l"
    if not line or not socket:write(line, "\n") then return end
  end
end

local function talk(run, socket)
  local _ <close> = run.open "talk"
  for i = 1, 3 do
    step(run, socket.write, socket, i, "\n")
    local answer = step(run, socket.read, socket, "l")
    assert(answer == tostring(i) or answer == nil)
  end
end

-- What the target does.
local function target(run)
  local _ <close> = run.open "target"
  local one, two = assert(net.socketpair())
  local socket <close> = one
  local _ <close> = two
  -- a cleanup that waits
  local _ <close> = closing(function()
    run.said_goodbye = pcall(function()
      local _ <close> = run.open "goodbye"
      cosched.shield(1, function()
        local _ <close> = run.open "goodbye in the shield"
        step(run, cosched.sleep, 0)
        step(run, cosched.checkpoint)
      end)
    end)
  end)
  step(run, cosched.nursery, function(n)
    local _ <close> = run.open "nursery"
    n:spawn(echo, run, two)
    n:daemon(function()
      local _ <close> = run.open "daemon"
      while true do cosched.checkpoint() end
    end)
    step(run, cosched.timeout, 10, talk, run, socket)
    step(run, cosched.move_on, 0, cosched.forever)
    local child = n:spawn(function()
      local _ <close> = run.open "child"
      for _ = 1, 3 do cosched.checkpoint() end
      return "results"
    end)
    assert(step(run, child.join, child) == "results")
    -- a report that is cut short would leave the error to the supervisor
    local function on_error() cosched.shield(1, cosched.checkpoint) end
    step(run, cosched.supervisor, { on_error = on_error }, function(s)
      local _ <close> = run.open "supervisor"
      s:spawn(function()
        local _ <close> = run.open "failing"
        cosched.checkpoint()
        error("on purpose", 0)
      end)
      step(run, cosched.checkpoint)
    end)
    step(run, n.start, n, function()
      local _ <close> = run.open "started"
      cosched.checkpoint()
      cosched.started()
      cosched.checkpoint()
    end)
    step(run, pcall, cosched.sleep, 0)
    step(run, coroutine.yield, cosched.sys.sleep(0))
    step(run, coroutine.yield)
    socket:close() -- the end of the echo
  end)
  step(run, cosched.checkpoint)
  return "done"
end

-- Runs the scenario; gives the run, and how the target has ended.
local function scenario(disturb, at, options)
  local run = new_run(disturb, at)
  local given = { on_stuck = function() end }
  for name, value in pairs(options or {}) do given[name] = value end
  local ok, problem = pcall(cosched.run, given, function()
    cosched.supervisor({ on_error = function(errors) run.problem = errors.error end }, function(n)
      run.target = n:spawn(target, run)
      -- nothing hangs: should the target be stuck, it is killed, and that is seen
      local guard = n:daemon(function()
        cosched.sleep(20)
        run.late = run.target:traceback() or "late"
        run.target:kill()
      end)
      run.outcome = run.target:wait()
      guard:cancel()
    end)
  end)
  if run.late then error(("%s at %s: stuck\n%s"):format(disturb, at, run.late)) end
  -- a supervisor's child that fails when its owner is dead fails the run
  local orphaned = disturb and disturb:find "^kill" and cosched.cause(problem) == "on purpose"
  if not ok and not orphaned then error(problem, 0) end
  return run
end

local function count_closed(run)
  local closed = 0
  for id, times in pairs(run.closed) do
    closed = closed + 1
    if times ~= 1 then error(("%s was closed %d times"):format(id, times)) end
  end
  return closed
end

-- Everything that was opened is closed, once; nothing else is left.
local function check(run, before)
  assert.are.equal(run.opened, count_closed(run))
  time.check_nothing_left()
  assert.are.same({}, support.leaked(before))
end

local function everywhere(disturb, check_end, options)
  return function()
    local before = support.descriptors()
    local undisturbed = scenario(nil, nil, options)
    check(undisturbed, before)
    local n = undisturbed.checkpoints
    assert.is_true(n > 15)
    for k = 1, n do
      local run = scenario(disturb, k, options)
      check(run, before)
      assert.is_true(run.checkpoints >= k)
      check_end(run, k, n)
    end
  end
end

-- Only at its last checkpoints, when it cannot be told any more, may it still be ok.
local function was_cancelled(run) assert.are.equal("cancelled", run.outcome) end

describe("a scenario of nurseries, timeouts, shields and sockets", function()
  it("ends well undisturbed", function()
    local run = scenario()
    assert.are.equal("ok", run.outcome)
    assert.are.equal("done", select(2, run.target:result()))
    assert.is_true(run.said_goodbye)
  end)

  local function cancelled_or_at_its_end(run, k, n)
    -- the goodbye is shielded: a cancellation there is never told
    if run.outcome ~= "ok" or k < n - 1 then was_cancelled(run) end
    assert.is_true(run.said_goodbye)
  end

  it("survives a cancellation before each checkpoint",
    everywhere("cancel now", cancelled_or_at_its_end))

  it("survives a cancellation during each checkpoint", everywhere("cancel while it waits",
    function(run)
      assert.is_true(run.outcome == "cancelled" or run.outcome == "ok")
      assert.is_true(run.said_goodbye)
    end))

  it("survives a kill of itself at each checkpoint", everywhere("kill now", function(run, k, n)
    was_cancelled(run)
    if k < n - 1 then assert.is_false(run.said_goodbye) end
  end))

  it("survives a kill during each checkpoint", everywhere("kill while it waits", function(run)
    assert.is_true(run.outcome == "cancelled" or run.outcome == "ok")
  end))

  it("survives an error at each checkpoint", everywhere("error", function(run, k, n)
    if k < n - 1 then
      assert.are.equal("error", run.outcome)
      assert.are.equal("everywhere", run.problem)
    end
  end))

  for seed = 1, 3 do
    for _, disturb in ipairs { "cancel while it waits", "kill while it waits" } do
      it(("survives a %s, in the order of seed %d"):format(disturb, seed),
        everywhere(disturb, function(run)
          assert.is_true(run.outcome == "cancelled" or run.outcome == "ok")
        end, { seed = seed, shuffle = true }))
    end
  end
end)
