-- serve, when handlers fail: reported, kept nowhere, and no matter to the others.

local cosched = require "cosched"
local net = require "cosched.net"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"

local in_task = require("spec.support.task").in_task
local failure = sockets.failure

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

local function ask(client, text)
  client:write(text, "\n")
  return client:read()
end

describe("an error in a handler", function()
  it("is reported once, with its task, and the others go on", in_task(function()
    local reports = {}
    local listener, server = serve(function(client)
      for line in client:lines() do
        if line == "fail" then error { reason = "asked to" } end
        client:write(line, "\n")
      end
    end, {
      on_error = function(errors, task) reports[#reports + 1] = { errors, task } end,
    })
    local good <close> = connect(listener)
    assert.equal("before", ask(good, "before"))
    local bad <close> = connect(listener)
    bad:write "fail\n"
    assert.equal(END, failure(bad:recv()))
    assert.equal("after", ask(good, "after"))
    good:close()
    listener:close()
    assert.is_true(server:join())
    assert.equal(1, #reports)
    local errors, task = table.unpack(reports[1])
    assert.is_true(cosched.is_errors(errors))
    assert.are.same({ reason = "asked to" }, errors.error)
    assert.equal(task, errors.errors[1].task)
    assert.matches("net_failing_spec.lua", errors.errors[1].traceback)
  end))

  it("may be reported by something that waits", in_task(function()
    local reports = {}
    local listener, server = serve(function() error "failed" end, {
      on_error = function(errors)
        cosched.sleep(0.001)
        reports[#reports + 1] = tostring(errors.error)
      end,
    })
    for _ = 1, 3 do
      local client <close> = connect(listener)
      assert.equal(END, failure(client:recv()))
    end
    listener:close()
    assert.is_true(server:join())
    assert.equal(3, #reports)
    assert.matches("failed", reports[3])
  end))

  it("in on_error itself is not lost, and stops nobody before the end", function()
    local answer
    local ok, problem = pcall(cosched.run, function()
      local listener = serve(function(client)
        if client:read() == "fail" then error "of the handler" end
        client:write "good\n"
      end, { on_error = function() error "of on_error" end })
      local bad <close> = connect(listener)
      bad:write "fail\n"
      bad:recv()
      local good <close> = connect(listener)
      answer = ask(good, "hello")
      listener:close()
    end)
    assert.equal("good", answer)
    assert.is_false(ok)
    assert.matches("of the handler", tostring(problem))
  end)

  it("goes to on_error even after the task that serves was killed", in_task(function()
    local reports, parked = {}, 0
    local listener, server = serve(function(client)
      local _ <close> = setmetatable({}, { __close = function() error("in cleanup", 0) end })
      parked = parked + 1
      client:read()
    end, { on_error = function(errors) reports[#reports + 1] = errors.error end })
    local clients = { connect(listener), connect(listener) }
    while parked < 2 do
      cosched.sleep(0.001)
    end
    server:kill()
    assert.equal("cancelled", server:wait())
    for _, client in ipairs(clients) do
      assert.equal(END, failure(client:recv()))
      client:close()
    end
    assert.are.same({ "in cleanup", "in cleanup" }, reports)
    listener:close()
  end))

  it("raised while it is killed stops nobody, and is raised by serve at the end", in_task(function()
    local listener, last = listen(), nil
    local server = cosched.spawn(pcall, listener.serve, listener, function(client)
      last = cosched.current()
      local name = client:read()
      local _ <close> = setmetatable({}, {
        __close = function()
          if name == "bad" then error("in cleanup", 0) end
        end,
      })
      repeat
        client:write(name, "\n")
      until not client:read()
    end, { on_error = function() error "nobody calls this" end })
    local bad <close> = connect(listener)
    assert.equal("bad", ask(bad, "bad"))
    local killed = last
    local good <close> = connect(listener)
    assert.equal("good", ask(good, "good"))
    killed:kill()
    assert.equal(END, failure(bad:recv()))
    assert.equal("good", ask(good, "again"))
    good:close()
    listener:close()
    local ok, errors = server:join()
    assert.is_false(ok)
    assert.are.same({ "in cleanup", 1 }, { errors.error, #errors.errors })
  end))

  it("goes to stderr with its traceback, unless told where", function()
    local script <close> = process.file [[
      local cosched, net = require "cosched", require "cosched.net"
      local function handler(client)
        if client:read() == "fail" then error("asked to fail") end
        client:write "good\n"
      end
      local listener = net.listen("127.0.0.1", 0)
      local server = cosched.spawn(listener.serve, listener, handler)
      for _, line in ipairs { "fail", "work", "fail" } do
        local client <close> = net.connect("127.0.0.1", (select(2, listener:getsockname())))
        client:write(line, "\n")
        print(client:read())
      end
      listener:close()
      print(server:join())
    ]]
    local status, out, errors = process.run(process.cosched(script.path))
    local ended = "nil\tend of file\tEOF\n"
    assert.are.same({ 0, ended .. "good\n" .. ended .. "true\n" }, { status, out })
    assert.equal(2, select(2, errors:gsub("asked to fail", "")))
    assert.equal(2, select(2, errors:gsub("stack traceback", "")))
    assert.matches(script.path .. ":3: in ", errors, 1, true)
  end)

  it("is kept nowhere: ten thousand of them cost no memory", function()
    local script <close> = process.file [[
      local cosched, net = require "cosched", require "cosched.net"
      local listener = net.listen("127.0.0.1", 0)
      local _, port = listener:getsockname()
      local reports = 0
      local server = cosched.spawn(listener.serve, listener, function()
        error("a text that is different each time: " .. reports)
      end, { on_error = function() reports = reports + 1 end })
      local function fail(n)
        for _ = 1, n do
          local client <close> = net.connect("127.0.0.1", port)
          client:setoption("linger", 0) -- or the kernel keeps each pair of ports for a minute
          client:recv()
        end
        collectgarbage() collectgarbage()
        return collectgarbage "count"
      end
      local before = fail(500)
      local after = fail(9500)
      listener:close()
      print(reports, server:join())
      print(after - before)
    ]]
    local status, out, errors = process.run(process.cosched(script.path))
    assert.are.same({ 0, "" }, { status, errors })
    local reports, growth_kib = out:match "^(%d+)\ttrue\n(%S+)\n$"
    assert.equal("10000", reports)
    assert.is_true(tonumber(growth_kib) < 100, growth_kib)
  end)
end)
