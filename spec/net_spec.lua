-- serve and clients: what a server is made of.

local cosched = require "cosched"
local net = require "cosched.net"
local sockets = require "spec.support.sockets"

local in_task = require("spec.support.task").in_task
local failure, settle = sockets.failure, sockets.settle

local END = "end of file EOF"

local function listen() return assert(net.listen("127.0.0.1", 0)) end

local function connect(listener)
  return assert(net.connect("127.0.0.1", (select(2, listener:getsockname()))))
end

-- Starts to serve; returns the listener and the task that serves.
local function serve(handler, options)
  local listener = listen()
  return listener, cosched.spawn(listener.serve, listener, handler, options)
end

local function echo(client)
  for line in client:lines() do
    client:write(line, "\n")
  end
end

local function ask(client, text)
  client:write(text, "\n")
  return client:read()
end

describe("serve", function()
  it("gives each client a task, so a slow one stops nobody", in_task(function()
    local tids = {}
    local listener, server = serve(function(client)
      tids[#tids + 1] = cosched.get_tid()
      echo(client)
    end)
    local slow <close> = connect(listener)
    local fast <close> = connect(listener)
    slow:send "half a line"
    for i = 1, 20 do
      assert.equal(tostring(i), ask(fast, i))
    end
    assert.equal("half a line, and the rest", ask(slow, ", and the rest"))
    assert.are_not.equal(tids[1], tids[2])
    slow:close()
    fast:close()
    listener:close()
    assert.is_true(server:join())
  end))

  it("closes the socket of a handler that has ended", in_task(function()
    local kept
    local listener, server = serve(function(client)
      kept = client
      client:write "bye\n"
    end)
    local client <close> = connect(listener)
    assert.equal("bye", client:read())
    assert.equal(END, failure(client:recv()))
    assert.equal("closed ECLOSED", failure(kept:recv()))
    listener:close()
    server:join()
  end))

  it("ends when the listener is closed, after the clients that are left", in_task(function()
    local order = {}
    local listener, server = serve(function(client)
      order[#order + 1] = "client says " .. client:read()
    end)
    local client <close> = connect(listener)
    settle()
    listener:close()
    settle()
    assert.equal("waiting", server:status())
    client:write "goodbye\n"
    assert.is_true(server:join())
    assert.are.same({ "client says goodbye" }, order)
  end))

  it("may be ended by a handler that closes the listener", in_task(function()
    local listener = listen()
    local client <close> = connect(listener)
    assert.is_true(listener:serve(function() listener:close() end))
    assert.equal(END, failure(client:recv()))
  end))

  it("answers closed for a listener that is closed already", in_task(function()
    local listener = listen()
    listener:close()
    assert.is_true(listener:serve(echo))
  end))

  it("that is cancelled cancels the handlers, and closes their sockets", in_task(function()
    local ended = {}
    local listener, server = serve(function(client)
      local _ <close> = setmetatable({}, { __close = function() ended[#ended + 1] = true end })
      echo(client)
    end)
    local clients = {}
    for i = 1, 5 do
      clients[i] = connect(listener)
      ask(clients[i], "hello")
    end
    server:cancel()
    assert.equal("cancelled", server:wait())
    assert.equal(5, #ended)
    for _, client in ipairs(clients) do
      assert.equal(END, failure(client:recv()))
      client:close()
    end
    assert.is_true(listener:close())
  end))

  it("ends with the scope around it, and not before its clients", in_task(function()
    local ended = false
    local listener = listen()
    local client <close> = connect(listener)
    assert.is_false((cosched.move_on(0.01, listener.serve, listener, function(peer)
      local _ <close> = setmetatable({}, {
        __close = function()
          cosched.shield(1, cosched.sleep, 0.001)
          ended = true
        end,
      })
      peer:read()
    end)))
    assert.is_true(ended)
    assert.equal(END, failure(client:recv()))
    listener:close()
  end))

  it("returns what is wrong with the listener", in_task(function()
    local listener <close> = listen()
    listener:settimeout(0.005)
    assert.equal("timeout ETIMEDOUT", failure(listener:serve(echo)))
  end))

  it("refuses wrong arguments before it accepts anybody", in_task(function()
    local listener <close> = listen()
    for _, bad in ipairs {
      { nil },
      { "echo" },
      { {} },
      { echo, "options" },
      { echo, { colour = true } },
      { echo, { max_clients = 0 } },
      { echo, { max_clients = -1 } },
      { echo, { max_clients = 1.5 } },
      { echo, { max_clients = "many" } },
      { echo, { on_error = "print" } },
      { echo, { on_error = {} } },
    } do
      local ok, problem = pcall(function() listener:serve(bad[1], bad[2]) end)
      assert.is_false(ok)
      assert.matches("net_spec.lua:%d+: bad argument #[12] to 'serve'", problem)
    end
  end))
end)

describe("max_clients", function()
  it("is how many are served at once; the others wait, none is lost", in_task(function()
    local now, most, served = 0, 0, 0
    local listener, server = serve(function(client)
      now = now + 1
      most = math.max(most, now)
      echo(client)
      now = now - 1
      served = served + 1
    end, { max_clients = 3 })
    local tasks = {}
    for i = 1, 20 do
      tasks[i] = cosched.spawn(function()
        local client <close> = connect(listener)
        assert.equal("hello", ask(client, "hello"))
        cosched.sleep(0.001)
      end)
    end
    for _, task in ipairs(tasks) do
      task:join()
    end
    listener:close()
    assert.is_true(server:join())
    assert.are.same({ 3, 20, 0 }, { most, served, now })
  end))

  it("counts no handler that failed or was killed", in_task(function()
    local handler_task
    local listener, server = serve(function(client)
      handler_task = cosched.current()
      local line = client:read()
      if line == "fail" then error "failed" end
      client:write(line, "\n")
      client:read()
    end, { max_clients = 1, on_error = function() end })
    for _ = 1, 5 do
      local client <close> = connect(listener)
      client:write "fail\n"
      assert.equal(END, failure(client:recv()))
    end
    for _ = 1, 5 do
      local client <close> = connect(listener)
      assert.equal("hello", ask(client, "hello"))
      handler_task:kill()
      assert.equal(END, failure(client:recv()))
    end
    listener:close()
    server:wait()
  end))

  it("does not keep a closed listener waiting for a place", in_task(function()
    local listener, server = serve(function(client) client:read() end, { max_clients = 1 })
    local client <close> = connect(listener)
    settle()
    listener:close()
    client:write "bye\n"
    assert.is_true(server:join())
  end))

  it("can be cancelled while it waits for a place", in_task(function()
    local listener, server = serve(function(client) client:read() end, { max_clients = 1 })
    local client <close> = connect(listener)
    settle()
    server:cancel()
    assert.equal("cancelled", server:wait())
    assert.equal(END, failure(client:recv()))
    listener:close()
  end))
end)

describe("clients", function()
  it("gives each client until the listener is closed", in_task(function()
    local listener = listen()
    local callers = {}
    for i = 1, 3 do
      callers[i] = connect(listener)
    end
    local n = 0
    for client in listener:clients() do
      n = n + 1
      client:write(n, "\n")
      client:close()
      if n == 3 then listener:close() end
    end
    for i, caller in ipairs(callers) do
      assert.equal(tostring(i), caller:read())
      caller:close()
    end
  end))

  it("ends when another task closes the listener", in_task(function()
    local listener = listen()
    local task = cosched.spawn(function()
      for _ in listener:clients() do error "a client" end
      return "ended"
    end)
    settle()
    listener:close()
    assert.equal("ended", task:join())
  end))

  it("raises other errors where the loop is", in_task(function()
    local listener <close> = listen()
    listener:settimeout(0)
    local ok, problem = pcall(function()
      for _ in listener:clients() do error "a client" end
    end)
    assert.is_false(ok)
    assert.matches("net_spec.lua:%d+: timeout", problem)
  end))
end)
