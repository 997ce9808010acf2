-- cosched.event: something that has happened, or not yet.
local cosched = require "cosched"
local support = require "spec.support.task"
local in_task, caught = support.in_task, support.caught

local function waiter(event, log, name)
  return cosched.spawn(function()
    assert(event:wait() == true)
    log[#log + 1] = name
  end)
end

local function settle()
  for _ = 1, 5 do cosched.checkpoint() end
end

describe("an event", function()
  it("lets all who wait go on when it is set, in their order", in_task(function()
    local event, log = cosched.event(), {}
    assert.is_false(event:is_set())
    for i = 1, 3 do waiter(event, log, i) end
    settle()
    assert.are.same({}, log)
    event:set()
    assert.is_true(event:is_set())
    assert.are.same({}, log) -- it runs nobody at once
    settle()
    assert.are.same({ 1, 2, 3 }, log)
  end))

  it("that is set keeps nobody", in_task(function()
    local event = cosched.event()
    event:set()
    event:set()
    assert.is_true(event:wait())
    assert.is_true(event:wait())
    assert.is_true(event:is_set())
  end))

  it("that is set lets the others run now and then, tells the cancelled", in_task(function()
    local event, turn = cosched.event(), false
    event:set()
    cosched.spawn(function() turn = true end)
    for _ = 1, 100 do event:wait() end
    assert.is_true(turn)
    local task = cosched.spawn(function() event:wait() end)
    task:cancel()
    assert.are.equal("cancelled", task:wait())
  end))

  it("makes tasks wait again once it is cleared", in_task(function()
    local event, log = cosched.event(), {}
    event:set()
    event:clear()
    assert.is_false(event:is_set())
    waiter(event, log, 1)
    settle()
    assert.are.same({}, log)
    event:set()
    settle()
    assert.are.same({ 1 }, log)
  end))

  it("that is set and cleared at once lets go who waited, and nobody else", in_task(function()
    local event, log = cosched.event(), {}
    waiter(event, log, "before")
    settle()
    event:set()
    event:clear()
    local after = waiter(event, log, "after")
    settle()
    assert.are.same({ "before" }, log)
    after:cancel()
  end))

  it("forgets those who are cancelled or killed, before it is set or after", in_task(function()
    local event, log, tasks = cosched.event(), {}, {}
    for i = 1, 5 do tasks[i] = waiter(event, log, i) end
    settle()
    tasks[1]:cancel()
    tasks[2]:kill()
    event:set()
    event:clear()
    tasks[3]:kill()
    tasks[4]:cancel() -- too late: it has happened for it
    local after = waiter(event, log, "after")
    settle()
    assert.are.same({ 4, 5 }, log)
    after:kill()
  end))

  it("is named in the report of a deadlock", function()
    local problem = caught(cosched.run, function()
      cosched.spawn(function() cosched.event():wait() end)
      cosched.event("the harvest"):wait()
    end)
    assert.is_true(cosched.is_deadlock(problem))
    assert.matches("waits for the harvest", problem.report)
    assert.matches("waits for an event", problem.report)
  end)

  it("can be set anywhere, and be waited for by tasks alone", function()
    local event = cosched.event()
    local line = debug.getinfo(1, "l").currentline
    for _ = 1, 2 do
      assert.matches("event_spec.lua:" .. line + 3 .. ": '%a+' waits, so it needs a task",
        caught(function() event:wait() end))
      event:set()
    end
    cosched.run(function() assert.is_true(event:wait()) end)
  end)

  it("cannot be waited for where Lua cannot suspend", in_task(function()
    local event = cosched.event()
    local problem = caught(table.sort, { 2, 1 }, function() event:wait() end)
    assert.matches("event_spec.lua:%d+: 'wait' cannot wait inside table.sort", problem)
  end))

  it("says so, at the caller's line, when a method is called with a dot", in_task(function()
    local event = cosched.event()
    for _, name in ipairs { "wait", "set", "clear", "is_set" } do
      assert.matches("event_spec.lua:%d+: bad argument #1 to '" .. name
        .. "' %(cosched.Event expected; call it with ':'%)",
        caught(function() local r = event[name]() return r end))
    end
  end))

  it("refuses a name that is no string", function()
    assert.matches("string expected", caught(cosched.event, {}))
  end)
end)
