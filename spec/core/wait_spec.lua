-- Every kind of wait, and every way in which one can be ended early.
local cosched = require "cosched"
local net = require "cosched.net"
local support = require "spec.support.task"
local in_task, caught, closing = support.in_task, support.caught, support.closing
local sys = cosched.sys

local LONG = 3600

-- More than a socket takes at once.
local MUCH = ("x"):rep(8 * 1024 * 1024)

-- Fills what a socket can send: it cannot be written for now.
local function fill(socket)
  socket:settimeout(0)
  assert(select(3, socket:send(MUCH)) == "ETIMEDOUT")
end

-- A port whose backlog is full: connecting to it waits.
local function busy_port()
  local listener = assert(net.listen("127.0.0.1", 0, { backlog = 1 }))
  local _, port = listener:getsockname()
  local clients = { listener }
  for _ = 1, 8 do
    local client = net.connect("127.0.0.1", port, { timeout = 0.02 })
    if not client then break end
    clients[#clients + 1] = client
  end
  return port, clients
end

local function pair()
  local a, b = assert(net.socketpair())
  return a, { a, b }
end

local never = cosched.syscall {
  name = "a thing that never comes",
  start = function(wait) return wait:park() end,
}

-- Each makes what it waits for: the call, its arguments, what to close.
local kinds = {
  sleep = function() return cosched.sleep, { LONG } end,
  join = function()
    local task = cosched.spawn(cosched.sleep, LONG)
    return task.join, { task }, { { close = function() task:cancel "over" end } }
  end,
  wait_task = function()
    local task = cosched.spawn(cosched.sleep, LONG)
    return cosched.wait_task, { task.tid }, { { close = function() task:cancel "over" end } }
  end,
  recv = function()
    local a, both = pair()
    return a.recv, { a }, both
  end,
  read = function()
    local a, both = pair()
    return a.read, { a, "a" }, both
  end,
  send = function()
    local a, both = pair()
    return a.send, { a, MUCH }, both
  end,
  accept = function()
    local listener = assert(net.listen("127.0.0.1", 0))
    return listener.accept, { listener }, { listener }
  end,
  connect = function()
    local port, open = busy_port()
    return net.connect, { "127.0.0.1", port }, open
  end,
  resolve = function() return net.resolve, { "localhost" } end,
  read_wait = function()
    local a, both = pair()
    return cosched.read_wait, { a }, both
  end,
  write_wait = function()
    local a, both = pair()
    fill(a)
    return cosched.write_wait, { a:fd() }, both
  end,
  ["a row in Lua"] = function() return never, {} end,
}

local yielded = {
  ["a yielded sleep"] = function() return coroutine.yield, { sys.sleep(LONG) } end,
  ["a yielded wait_task"] = function()
    local task = cosched.spawn(cosched.sleep, LONG)
    return coroutine.yield, { sys.wait_task(task.tid) },
      { { close = function() task:cancel "over" end } }
  end,
  ["a yielded recv"] = function()
    local a, both = pair()
    return coroutine.yield, { sys.recv(a) }, both
  end,
  ["a yielded send"] = function()
    local a, both = pair()
    return coroutine.yield, { sys.send(a, MUCH) }, both
  end,
  ["a yielded resolve"] = function() return coroutine.yield, { sys.resolve "localhost" } end,
}
for name, make in pairs(yielded) do kinds[name] = make end

local names = {}
for name in pairs(kinds) do names[#names + 1] = name end
table.sort(names)

-- Begins a wait in a task of its own; returns the task, its log, what to close.
local function begin(make)
  local log = {}
  local fn, arguments, open = make()
  local task = cosched.spawn(function()
    local _ <close> = closing(function() log[#log + 1] = "closed" end)
    local ok, problem = pcall(function()
      -- not a tail call: a raw yield raises in the function that made it
      local result = fn(table.unpack(arguments))
      return result
    end)
    log[#log + 1] = ok and "returned" or cosched.is_cancelled(problem) and "cancelled" or problem
    if not ok then error(problem, 0) end
  end)
  cosched.checkpoint()
  return task, log, closing(function()
    for _, each in ipairs(open or {}) do each:close() end
  end)
end

describe("a task that waits in", function()
  for _, name in ipairs(names) do
    it(("%s is told when it is cancelled, once"):format(name), in_task(function()
      local task, log, open = begin(kinds[name])
      local _ <close> = open
      assert.are.equal("waiting", task:status())
      assert.is_true(task:cancel "now")
      assert.are.equal("ready", task:status())
      assert.are.equal("cancelled", task:wait())
      assert.are.same({ "cancelled", "closed" }, log)
    end))

    it(("%s does not notice when it is killed"):format(name), in_task(function()
      local task, log, open = begin(kinds[name])
      local _ <close> = open
      assert.is_true(task:kill())
      assert.are.equal("cancelled", task:wait())
      assert.are.same({ "closed" }, log)
    end))

    it(("%s can be cancelled and killed at once"):format(name), in_task(function()
      local task, log, open = begin(kinds[name])
      local _ <close> = open
      task:cancel "now"
      task:kill()
      assert.are.equal("cancelled", task:wait())
      assert.are.same({ "closed" }, log)
    end))

    it(("%s is cancelled before it begins, and does not begin"):format(name), in_task(function()
      local fn, arguments, open = kinds[name]()
      local _ <close> = closing(function()
        for _, each in ipairs(open or {}) do each:close() end
      end)
      local task = cosched.spawn(function()
        local result = fn(table.unpack(arguments))
        return result
      end)
      task:cancel "now"
      assert.are.equal("cancelled", task:wait())
    end))
  end
end)

describe("a wait that was given up", function()
  it("by a receiver leaves every byte to the next", in_task(function()
    for _, how in ipairs { "cancel", "kill" } do
      local one, two = assert(net.socketpair())
      local a <close> = one
      local b <close> = two
      local task = cosched.spawn(a.recv, a)
      cosched.checkpoint()
      task[how](task)
      task:wait()
      b:send "all of it"
      assert.are.equal("all of it", a:recv())
    end
  end))

  it("by a receiver that was woken and then killed leaves every byte, too", in_task(function()
    local one, two = assert(net.socketpair())
    local a <close> = one
    local b <close> = two
    local task = cosched.spawn(a.recv, a)
    cosched.checkpoint()
    b:send "all of it"
    while task:status() == "waiting" do cosched.checkpoint() end
    task:kill()
    task:wait()
    a:settimeout(1)
    local got = a:recv()
    -- it either had received before it was killed, or left all
    assert.is_true(got == "all of it" or task:result() == "ok")
  end))

  it("by a client waiting in accept leaves the connection in the backlog", in_task(function()
    local listener <close> = assert(net.listen("127.0.0.1", 0))
    local _, port = listener:getsockname()
    local task = cosched.spawn(listener.accept, listener)
    cosched.checkpoint()
    task:cancel "now"
    task:wait()
    local client <close> = assert(net.connect("127.0.0.1", port))
    local accepted <close> = assert(listener:accept())
    client:send "hello"
    assert.are.equal("hello", accepted:recv())
  end))

  it("by a resolver that is then answered disturbs nobody", in_task(function()
    for _ = 1, 20 do
      local task = cosched.spawn(net.resolve, "localhost")
      cosched.checkpoint()
      task:cancel "now"
      task:wait()
    end
    assert.is_table(net.resolve "localhost")
  end))

  it("does not end a later wait of the same task", in_task(function()
    local log = {}
    local task = cosched.spawn(function()
      local one, two = assert(net.socketpair())
      local a <close> = one
      local b <close> = two
      a:settimeout(0.001)
      log[1] = select(3, a:recv())
      b:send "late"
      cosched.sleep(0.003)
      log[2] = "slept"
      log[3] = a:recv()
    end)
    task:join()
    assert.are.same({ "ETIMEDOUT", "slept", "late" }, log)
  end))
end)

describe("the children that a task waits for at its end", function()
  it("keep it waiting though it is cancelled, until they have unwound", in_task(function()
    local log = {}
    local task = cosched.spawn(function()
      cosched.spawn(function()
        local _ <close> = closing(function() log[#log + 1] = "child" end)
        cosched.sleep(LONG)
      end)
    end)
    cosched.sleep(0.001)
    task:cancel "now"
    assert.are.equal("waiting", task:status())
    task:wait()
    assert.are.same({ "child" }, log)
  end))

  it("are spared by a child that is cancelled alone", in_task(function()
    local alone, other
    local task = cosched.spawn(function()
      alone = cosched.spawn(cosched.sleep, LONG)
      other = cosched.spawn(cosched.sleep, 0.002)
    end)
    cosched.sleep(0.001)
    alone:cancel "alone"
    assert.are.equal("ok", task:wait())
    assert.are.equal("ok", other:result())
  end))
end)

describe("a wait", function()
  it("outside of any task is refused, and says what to do", function()
    for _, name in ipairs(names) do
      if not name:find "yielded" and name ~= "join" and name ~= "wait_task" then
        local fn, arguments, open
        cosched.run(function() fn, arguments, open = kinds[name]() end)
        local message = caught(fn, table.unpack(arguments))
        for _, each in ipairs(open or {}) do each:close() end
        assert.matches("waits, so it needs a task", message, 1, true)
        assert.matches("cosched.run", message, 1, true)
      end
    end
  end)
end)
