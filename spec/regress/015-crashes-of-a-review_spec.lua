-- Three crashes: an error of the runtime's own after one that a scope had passed on; a
-- wait that was cancelled twice after a wait for children; a finalizer that spawns
-- while the report of a deadlock is written.
local cosched = require "cosched"

describe("an error of the runtime, after a caught one that a scope has passed on", function()
  it("is raised", function()
    local ok, problem = pcall(cosched.run, function()
      pcall(cosched.move_on, 1, error, "a")
      cosched.sleep "x"
    end)
    assert.is_false(ok)
    assert.matches("number expected", tostring(problem))
    assert.matches("stack traceback", problem.errors[1].traceback)
  end)
end)

describe("a task that has waited for children, is cancelled in its next wait and killed", function()
  local function disturb(next_wait)
    local task = cosched.spawn(function()
      cosched.nursery(function(nursery) nursery:spawn(cosched.sleep, 1) end)
      next_wait()
    end)
    cosched.sleep(2)
    task:cancel()
    task:kill()
    cosched.checkpoint()
    assert.are.equal("cancelled", task:wait())
  end

  it("takes no lock from its owner", function()
    cosched.run({ clock = "virtual" }, function()
      local lock = cosched.lock()
      local guard <close> = lock:acquire()
      disturb(function() lock:acquire() end)
      assert.are.equal(cosched.current(), lock:owner())
      assert(guard)
    end)
  end)

  it("harms no channel, select or waiting list", function()
    cosched.run({ clock = "virtual" }, function()
      local channel, list = cosched.channel(), cosched.waitlist()
      disturb(function() cosched.select { cosched.on_recv(channel) } end)
      disturb(function() channel:recv() end)
      disturb(function() list:wait() end)
      local receiver = cosched.spawn(function() return channel:recv() end)
      cosched.checkpoint()
      channel:send "x"
      assert.are.equal("x", receiver:join())
      assert.are.equal(0, list:waiting())
    end)
  end)
end)

describe("a finalizer that spawns while a deadlock is reported", function()
  it("is what goes on: then it is none", function()
    local ran = 0
    local ok, problem = pcall(cosched.run, function()
      cosched.spawn(cosched.forever)
      cosched.sleep(0)
      collectgarbage "stop"
      for _ = 1, 3 do
        setmetatable({}, { __gc = function()
          if cosched.stats().tasks > 0 then cosched.spawn(function() ran = ran + 1 end) end
        end })
      end
      collectgarbage "generational"
      collectgarbage "restart"
      cosched.forever()
    end)
    collectgarbage "incremental"
    assert.is_false(ok)
    assert.is_true(cosched.is_deadlock(problem))
    assert.are.equal(3, ran)
  end)
end)
