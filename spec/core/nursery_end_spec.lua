-- The end of a nursery: cancel, daemons, closed handles, the implicit nursery.
local cosched = require "cosched"
local support = require "spec.support.task"
local time = require "spec.support.virtual"
local caught, closing, virtual, noting = support.caught, support.closing, time.virtual, time.noting

local LONG = 3600

local function wait_long() cosched.sleep(LONG) end

describe("nursery:cancel", function()
  it("cuts body and children short; the nursery returns, and says so", virtual(function()
    local log, nursery = {}, nil
    local results = table.pack(cosched.nursery(function(n)
      nursery = n
      n:spawn(function()
        local _ <close> = noting(log, "child")
        cosched.sleep(LONG)
      end)
      cosched.sleep(1)
      assert.is_true(n:cancel "enough")
      assert.is_false(n:cancel "again")
      cosched.sleep(LONG)
    end))
    assert.are.same({ n = 0 }, results)
    assert.are.same({ "child: explicit" }, log)
    assert.is_true(nursery.caught)
    assert.are.equal(1, cosched.now())
  end))

  it("leaves the results of a body that has returned", virtual(function()
    assert.are.equal("results", cosched.nursery(function(n)
      n:spawn(wait_long)
      n:cancel()
      return "results"
    end))
  end))

  it("may be called from outside of it", virtual(function()
    local seen
    local task = cosched.spawn(function()
      cosched.nursery(function(n)
        seen = n
        n:spawn(wait_long)
        cosched.sleep(LONG)
      end)
      return "went on"
    end)
    cosched.sleep(1)
    seen:cancel()
    assert.are.equal("went on", task:join())
  end))

  it("does not absorb when the outer scope is cancelled, too", virtual(function()
    local nursery
    local ok = cosched.move_on(1, cosched.nursery, function(n)
      nursery = n
      pcall(cosched.sleep, LONG)
      n:cancel()
      cosched.sleep(1)
    end)
    assert.is_false(ok)
    assert.is_false(nursery.caught)
  end))

  it("raises errors of the children all the same", virtual(function()
    local problem = caught(cosched.nursery, function(n)
      n:spawn(function()
        local _ <close> = closing(function() error("cleanup", 0) end)
        cosched.sleep(LONG)
      end)
      cosched.sleep(1)
      n:cancel()
    end)
    assert.are.equal("cleanup", problem.error)
  end))

  it("is false once the nursery is over", virtual(function()
    local kept
    cosched.nursery(function(n) kept = n end)
    assert.is_false(kept:cancel())
  end))
end)

describe("spawning", function()
  it("into a closed nursery is refused, and changes nothing", virtual(function()
    local kept
    cosched.nursery(function(n) kept = n end)
    for _, method in ipairs { "spawn", "daemon", "start" } do
      assert.matches("the nursery is closed", caught(kept[method], kept, print), 1, true)
    end
    assert.are.equal(1, cosched.stats().tasks)
  end))

  it("into a nursery that an error has closed is refused", virtual(function()
    local kept
    pcall(cosched.nursery, function(n)
      kept = n
      error "boom"
    end)
    assert.matches("the nursery is closed", caught(kept.spawn, kept, print), 1, true)
  end))

  it("into a nursery whose owner was killed is refused", virtual(function()
    local kept
    local owner = cosched.spawn(cosched.nursery, function(n)
      kept = n
      cosched.sleep(LONG)
    end)
    cosched.checkpoint()
    owner:kill()
    owner:wait()
    assert.matches("the nursery is closed", caught(kept.spawn, kept, print), 1, true)
  end))

  it("into a cancelled nursery starts the child, cancelled", virtual(function()
    local log = {}
    cosched.nursery(function(n)
      n:cancel()
      n:spawn(function()
        log[#log + 1] = "started"
        local _ <close> = noting(log, "child")
        cosched.sleep(1)
      end)
    end)
    assert.are.same({ "started", "child: explicit" }, log)
  end))

  it("while the nursery waits for its last child is allowed", virtual(function()
    local nursery
    local owner = cosched.spawn(cosched.nursery, function(n)
      nursery = n
      n:spawn(cosched.sleep, 1)
    end)
    cosched.sleep(0.5)
    nursery:spawn(cosched.sleep, 2)
    owner:join()
    assert.are.equal(2.5, cosched.now())
  end))
end)

describe("a daemon", function()
  it("is cancelled and waited for when only daemons are left", virtual(function()
    local log, ended = {}, nil
    assert.are.equal("results", cosched.nursery(function(n)
      n:daemon(function()
        local _ <close> = closing(function()
          cosched.shield(10, cosched.sleep, 1)
          ended = cosched.now()
        end)
        while true do
          cosched.sleep(1)
          log[#log + 1] = cosched.now()
        end
      end)
      n:spawn(cosched.sleep, 3.5)
      return "results"
    end))
    assert.are.same({ 1, 2, 3 }, log)
    assert.are.equal(4.5, ended)
    assert.are.equal(4.5, cosched.now())
  end))

  it("alone is cancelled when the body is done", virtual(function()
    local daemon
    cosched.nursery(function(n)
      daemon = n:daemon(wait_long)
      cosched.sleep(2)
    end)
    assert.are.equal(2, cosched.now())
    local status, reason = daemon:result()
    assert.are.equal("cancelled", status)
    assert.are.equal("daemon", reason.source)
  end))

  it("keeps running while the body does", virtual(function()
    cosched.nursery(function(n)
      local daemon = n:daemon(cosched.sleep, 2)
      cosched.sleep(5)
      assert.are.equal("ok", (daemon:result()))
    end)
  end))

  it("that ends first leaves the others waited for", virtual(function()
    cosched.nursery(function(n)
      n:daemon(cosched.sleep, 1)
      n:spawn(cosched.sleep, 3)
    end)
    assert.are.equal(3, cosched.now())
  end))

  it("that fails fails the nursery", virtual(function()
    local problem = caught(cosched.nursery, function(n)
      n:daemon(error, "daemon")
      cosched.sleep(LONG)
    end)
    assert.are.equal("daemon", problem.error)
  end))

  it("may end ok although it was told to go", virtual(function()
    local daemon
    cosched.nursery(function(n)
      daemon = n:daemon(function()
        pcall(cosched.sleep, LONG)
        return "goodbye"
      end)
      cosched.checkpoint()
    end)
    assert.are.equal("goodbye", daemon:join())
  end))

  it("may spawn a task on its way out, which starts cancelled", virtual(function()
    local late
    cosched.nursery(function(n)
      n:daemon(function()
        local _ <close> = closing(function() late = n:spawn(wait_long) end)
        cosched.sleep(LONG)
      end)
      cosched.checkpoint()
    end)
    assert.are.equal("cancelled", (late:result()))
  end))
end)

describe("the implicit nursery of a task", function()
  it("makes it wait for its children", virtual(function()
    local task = cosched.spawn(function()
      cosched.spawn(cosched.sleep, 5)
      return "results"
    end)
    assert.are.equal("results", task:join())
    assert.are.equal(5, cosched.now())
  end))

  it("cancels its body when a child fails", function()
    local log = {}
    local problem = caught(time.run, function()
      cosched.spawn(function() error("child", 0) end)
      local _ <close> = noting(log, "body")
      cosched.sleep(LONG)
    end)
    assert.are.same({ "body: nursery" }, log)
    assert.are.equal("child", problem.error)
  end)

  it("is outlived by nobody: grandchildren are waited for, too", virtual(function()
    cosched.spawn(function()
      cosched.spawn(function() cosched.spawn(cosched.sleep, 4) end)
    end):join()
    assert.are.equal(4, cosched.now())
  end))

  it("is the task's, in whatever scope or nursery the spawn is", virtual(function()
    local child
    local task = cosched.spawn(function()
      cosched.move_on(1, function()
        child = cosched.spawn(cosched.sleep, 5)
        cosched.sleep(LONG)
      end)
      cosched.nursery(function() cosched.spawn(cosched.sleep, 6) end)
      assert.are.equal(1, cosched.now())
    end)
    task:join()
    assert.is_true(child:join())
    assert.are.equal(7, cosched.now())
  end))
end)
