-- Where a task cannot wait: the call says so before it changes anything, names
-- what stands in between and the way out. And where it can.
local cosched = require "cosched"
local net = require "cosched.net"
local support = require "spec.support.task"
local in_task, caught, closing = support.in_task, support.caught, support.closing

local LONG = 3600
local WAY_OUT = "in a task of its own (cosched.spawn)"

-- Calls `wait` where Lua cannot suspend; each returns what came of it.
local closed = {
  ["table.sort"] = function(wait)
    local seen
    table.sort({ 3, 2, 1 }, function(a, b)
      seen = seen or caught(wait)
      return a < b
    end)
    return seen
  end,
  ["string.gsub"] = function(wait)
    local seen
    local _ = ("x"):gsub("x", function() seen = caught(wait) end)
    return seen
  end,
  ["string.format"] = function(wait)
    local seen
    local _ = ("%s"):format(setmetatable({}, { __tostring = function()
      seen = caught(wait)
      return ""
    end }))
    return seen
  end,
  tostring = function(wait)
    local seen
    local _ = tostring(setmetatable({}, { __tostring = function()
      seen = caught(wait)
      return ""
    end }))
    return seen
  end,
  load = function(wait)
    local seen
    load(function() seen = caught(wait) end)
    return seen
  end,
  require = function(wait)
    local seen
    package.preload["spec.core.boundary_preload"] = function()
      seen = caught(wait)
      return true
    end
    require "spec.core.boundary_preload"
    package.loaded["spec.core.boundary_preload"] = nil
    package.preload["spec.core.boundary_preload"] = nil
    return seen
  end,
  ["table.concat"] = function(wait)
    local seen
    table.concat(setmetatable({}, { __index = function()
      seen = seen or caught(wait)
      return "x"
    end, __len = function() return 1 end }))
    return seen
  end,
}

describe("a wait", function()
  for name, place in pairs(closed) do
    it(("in %s raises, and names it and the way out"):format(name), in_task(function()
      local message = place(function() cosched.sleep(LONG) end)
      assert.matches(("'sleep' cannot wait inside %s, which Lua cannot suspend"):format(name),
        message, 1, true)
      assert.matches(WAY_OUT, message, 1, true)
      assert.matches("boundary_spec.lua:%d+:", message)
    end))

    it(("in %s has changed nothing"):format(name), in_task(function()
      local one, two = assert(net.socketpair())
      local a <close> = one
      local b <close> = two
      place(function() a:recv() end)
      place(function() a:send "never sent" end)
      place(function() cosched.sleep(0.0001) end)
      place(function() cosched.checkpoint() end)
      place(function() cosched.wait_task(0) end)
      assert.are.equal("running", cosched.current():status())
      b:settimeout(0.002)
      assert.are.same({ n = 3, nil, "timeout", "ETIMEDOUT" }, table.pack(b:recv()))
      b:send "heard"
      assert.are.equal("heard", a:recv())
    end))
  end

  it("in a message handler raises, and names xpcall as what cannot be suspended",
    in_task(function()
      local seen
      xpcall(error, function() seen = caught(cosched.sleep, LONG) end, "boom")
      assert.matches("'sleep' cannot wait inside", seen, 1, true)
      assert.matches(WAY_OUT, seen, 1, true)
    end))

  it("in a finalizer raises, and says that it is one", in_task(function()
    local seen
    setmetatable({}, { __gc = function() seen = caught(cosched.sleep, LONG) end })
    collectgarbage()
    collectgarbage()
    assert.matches("'sleep' cannot wait inside", seen, 1, true)
    assert.matches("finalizer", seen, 1, true)
  end))

  it("in a coroutine inside a task raises, and says how to make it a task",
    in_task(function()
      for _, wait in ipairs {
        function() cosched.sleep(LONG) end,
        function() cosched.checkpoint() end,
        function() cosched.current().join(cosched.spawn(function() end)) end,
      } do
        local seen
        coroutine.wrap(function() seen = caught(wait) end)()
        assert.matches("cannot wait inside a coroutine that is not a task", seen, 1, true)
        assert.matches("cosched.spawn", seen, 1, true)
      end
      assert.is_true(cosched.sleep(0))
    end))

  it("in a sort within a coroutine within a task raises as well", in_task(function()
    local seen
    coroutine.wrap(function() seen = closed["table.sort"](cosched.checkpoint) end)()
    assert.matches("cannot wait", seen, 1, true)
    assert.is_true(cosched.sleep(0))
  end))

  it("outside of any task raises, and names run and the command", function()
    for _, name in ipairs { "sleep", "checkpoint", "wait_task", "read_wait", "write_wait" } do
      local message = caught(cosched[name], 0)
      assert.matches(("'%s' waits, so it needs a task"):format(name), message, 1, true)
      assert.matches("cosched command", message, 1, true)
      assert.matches("cosched.run", message, 1, true)
    end
    assert.matches("needs a task", caught(coroutine.wrap(cosched.sleep), 0), 1, true)
  end)

  it("in a coroutine of a task that is resumed by another one raises", in_task(function()
    local seen
    local step = coroutine.wrap(function()
      coroutine.yield()
      seen = caught(cosched.sleep, LONG)
    end)
    cosched.spawn(step):join()
    step()
    assert.matches("not a task", seen, 1, true)
  end))
end)

describe("a call that does not wait", function()
  it("works everywhere: in a sort, a finalizer, a coroutine", in_task(function()
    local task = cosched.spawn(cosched.sleep, LONG)
    local made = {}
    local function call()
      assert(cosched.now() > 0)
      assert(cosched.get_tid() == cosched.current().tid)
      made[#made + 1] = cosched.spawn(function() return "ran" end)
      task:cancel "now"
      assert(task:status() and task:traceback() and tostring(task) and task.name)
    end
    table.sort({ 2, 1 }, function(a, b)
      if #made == 0 then call() end
      return a < b
    end)
    coroutine.wrap(call)()
    setmetatable({}, { __gc = call })
    collectgarbage()
    collectgarbage()
    assert.are.equal(3, #made)
    for i = 1, 3 do assert.are.equal("ran", made[i]:join()) end
    assert.are.equal("cancelled", task:wait())
  end))
end)

-- Waits where Lua can suspend; each returns what the wait returned.
local open = {
  pcall = function(wait) return select(2, pcall(wait)) end,
  xpcall = function(wait) return select(2, xpcall(wait, debug.traceback)) end,
  ["nested pcalls"] = function(wait) return select(4, pcall(pcall, pcall, wait)) end,
  ["an error handler's neighbour"] = function(wait)
    pcall(error, "x")
    return wait()
  end,
  __index = function(wait)
    return setmetatable({}, { __index = function() return wait() end }).x
  end,
  __newindex = function(wait)
    local seen
    setmetatable({}, { __newindex = function() seen = wait() end }).x = 1
    return seen
  end,
  __add = function(wait)
    return setmetatable({}, { __add = function() return wait() end }) + 1
  end,
  __eq = function(wait)
    local meta = { __eq = function() return wait() end }
    return setmetatable({}, meta) == setmetatable({}, meta)
  end,
  __lt = function(wait)
    return setmetatable({}, { __lt = function() return wait() end }) < 1
  end,
  __concat = function(wait)
    return setmetatable({}, { __concat = function() return wait() end }) .. "x"
  end,
  __call = function(wait)
    return setmetatable({}, { __call = function() return wait() end })()
  end,
  __pairs = function(wait)
    local seen
    local object = setmetatable({}, { __pairs = function()
      seen = wait()
      return next, {}
    end })
    for _ in pairs(object) do seen = nil end
    return seen
  end,
  ["an iterator"] = function(wait)
    local seen
    for value in function() return not seen and wait() or nil end do seen = value end
    return seen
  end,
  ["a <close>"] = function(wait)
    local seen
    do
      local _ <close> = closing(function() seen = wait() end)
    end
    return seen
  end,
  dofile = function(wait)
    local path = os.tmpname()
    local file <close> = assert(io.open(path, "w"))
    file:write "return boundary_spec_wait()"
    file:close()
    rawset(_G, "boundary_spec_wait", wait)
    local result = dofile(path)
    rawset(_G, "boundary_spec_wait", nil)
    os.remove(path)
    return result
  end,
}

describe("a wait that Lua can suspend", function()
  for name, place in pairs(open) do
    it(("works in %s"):format(name), in_task(function()
      assert.is_true(place(function() return cosched.sleep(0.0001) end))
      assert.is_true(place(function() return cosched.checkpoint() end))
    end))

    it(("can be cancelled in %s"):format(name), in_task(function()
      local task = cosched.spawn(function()
        place(function() return cosched.sleep(LONG) end)
        cosched.checkpoint()
      end)
      cosched.checkpoint()
      task:cancel "now"
      assert.are.equal("cancelled", task:wait())
      rawset(_G, "boundary_spec_wait", nil)
    end))
  end
end)
