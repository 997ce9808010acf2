-- A stranger resumed a parked task, which caught the error and yielded again: its
-- socket still counted on it, and closing the socket aborted the process.
local cosched = require "cosched"
local net = require "cosched.net"

describe("a parked task that a stranger resumes, and that catches the error", function()
  it("ends at its next turn, and lets go of its socket", function()
    local continued = false
    local ok, problem = pcall(cosched.run, function()
      local a, b = net.socketpair()
      local thread
      cosched.spawn(function()
        thread = coroutine.running()
        pcall(a.recv, a)
        coroutine.yield()
        continued = true
      end)
      cosched.sleep(0.001)
      assert(coroutine.resume(thread, "stolen"))
      b:send "x"
      local _ <close> = setmetatable({}, { __close = function()
        a:close()
        b:close()
      end })
      cosched.sleep(0.01)
    end)
    assert.is_false(ok)
    assert.matches("outside the scheduler", tostring(problem), 1, true)
    assert.is_false(continued)
  end)
end)
