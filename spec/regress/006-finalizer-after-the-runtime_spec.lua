-- A finalizer that ran after the runtime's cancelled a task that slept: the heap of
-- deadlines was gone.
local process = require "spec.support.process"

describe("a finalizer that runs after the runtime is closed", function()
  it("may cancel and kill tasks that slept", function()
    local script <close> = process.file [[
      local task
      kept = setmetatable({}, { __gc = function() task:cancel() task:kill() print "done" end })
      local cosched = require "cosched"
      cosched.run(function()
        task = cosched.spawn(cosched.sleep, 100)
        cosched.checkpoint()
        os.exit(0, true)
      end)
    ]]
    local pipe = assert(io.popen(("%s %s 2>&1; echo status $?"):format(
      os.getenv "LUA" or "lua5.4", script.path)))
    local output = pipe:read "a"
    pipe:close()
    assert.are.equal("done\nstatus 0\n", output)
  end)
end)
