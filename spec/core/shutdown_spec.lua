-- Shutdown, in virtual time: all are cancelled, and killed when the grace is over.
local cosched = require "cosched"
local support = require "spec.support.task"
local time = require "spec.support.virtual"
local closing, virtual, noting = support.closing, time.virtual, time.noting

local LONG = 3600

describe("shutdown", function()
  it("cancels all tasks, which clean up; run returns nothing", function()
    local log = {}
    local results = table.pack(time.run(function()
      cosched.spawn(function()
        local _ <close> = noting(log, "child")
        cosched.sleep(LONG)
      end)
      cosched.spawn(function()
        cosched.sleep(1)
        assert.is_true(cosched.shutdown())
      end)
      local _ <close> = noting(log, "main")
      cosched.sleep(LONG)
      return "not reached"
    end))
    assert.are.same({ "child: shutdown", "main: shutdown" }, log)
    assert.are.equal(0, results.n)
  end)

  it("returns at once: the caller is told at its next wait", function()
    local log, note = time.log()
    time.run(function()
      cosched.shutdown()
      note "still here"
      cosched.checkpoint()
      note "not reached"
    end)
    assert.are.same({ "still here" }, log)
  end)

  it("is true once, then false", function()
    time.run(function()
      assert.is_true(cosched.shutdown())
      assert.is_false(cosched.shutdown { grace = 100 })
    end)
  end)

  it("leaves the results of a main task that returns all the same", function()
    assert.are.equal("results", time.run(function()
      cosched.shutdown()
      pcall(cosched.sleep, 1)
      return "results"
    end))
  end)

  it("lets cleanups wait in shields, within the grace", function()
    local ended
    time.run(function()
      local _ <close> = closing(function()
        cosched.shield(LONG, cosched.sleep, 3)
        ended = cosched.now()
      end)
      cosched.shutdown { grace = 4 }
      cosched.sleep(LONG)
    end)
    assert.are.equal(3, ended)
  end)

  it("kills what is left when the grace is over, the newest first", function()
    local log = {}
    local ended
    time.run(function()
      local function stubborn(name)
        local _ <close> = closing(function(err)
          log[#log + 1] = ("%s: %s"):format(name, err)
          ended = cosched.now()
        end)
        cosched.shield(LONG, cosched.sleep, LONG)
      end
      for i = 1, 3 do cosched.spawn(stubborn, i) end
      cosched.checkpoint()
      cosched.shutdown { grace = 4 }
      stubborn "main"
    end)
    assert.are.same({ "3: nil", "2: nil", "1: nil", "main: nil" }, log)
    assert.are.equal(4, ended)
  end)

  it("has five seconds of grace unless it is told", function()
    local ended
    time.run(function()
      local _ <close> = closing(function() ended = cosched.now() end)
      cosched.shutdown()
      cosched.shield(LONG, cosched.sleep, LONG)
    end)
    assert.are.equal(5, ended)
  end)

  it("kills swallowers of cancellations that take turns for ever", function()
    local turns = 0
    cosched.run({ on_stuck = function() end }, function()
      cosched.spawn(function()
        while turns < 1e7 do
          pcall(cosched.sleep, LONG)
          turns = turns + 1
        end
      end)
      cosched.shutdown { grace = 0.01 }
    end)
    assert.is_true(turns > 0 and turns < 1e7)
  end)

  it("with a grace of 0 kills before anybody can wait again", function()
    local log = {}
    time.run(function()
      cosched.spawn(function()
        local _ <close> = noting(log, "child")
        cosched.shield(LONG, cosched.sleep, LONG)
      end)
      cosched.checkpoint()
      cosched.shutdown { grace = 0 }
    end)
    assert.are.same({ "child: nil" }, log)
  end)

  it("with an endless grace kills nobody", function()
    local ended
    time.run(function()
      cosched.spawn(function()
        cosched.shield(LONG, cosched.sleep, 1000)
        ended = cosched.now()
      end)
      cosched.checkpoint()
      cosched.shutdown { grace = math.huge }
    end)
    assert.are.equal(1000, ended)
  end)

  it("raises what the cleanups raise", function()
    local problem = support.caught(time.run, function()
      local _ <close> = closing(function() error("cleanup", 0) end)
      cosched.shutdown()
      cosched.sleep(LONG)
    end)
    assert.is_true(cosched.is_errors(problem))
    assert.are.equal("cleanup", problem.error)
  end)

  it("cancels tasks that are spawned afterwards, too", function()
    local log = {}
    time.run(function()
      cosched.shutdown()
      cosched.spawn(function()
        local _ <close> = noting(log, "late")
        cosched.sleep(1)
      end)
    end)
    assert.are.same({ "late: shutdown" }, log)
  end)

  it("keeps no clock waiting: run ends when the last task does", virtual(function()
    cosched.shutdown { grace = LONG }
  end))

  it("refuses a grace that is none, and needs a run", virtual(function()
    assert.has_error(function() cosched.shutdown { grace = -1 } end)
    assert.has_error(function() cosched.shutdown { grace = 0 / 0 } end)
    assert.has_error(function() cosched.shutdown { grace = "soon" } end)
    assert.has_error(function() cosched.shutdown { gracious = 1 } end)
    assert.has_error(function() cosched.shutdown(5) end)
    assert.is_true(cosched.checkpoint()) -- nothing was shut down
  end))

  it("is an error outside of run", function()
    assert.has_error(function() cosched.shutdown() end)
  end)
end)
