-- A server that has no descriptors left: nobody is dropped, nothing spins, and it goes
-- on when some are free again. In a process of its own, which has few of them.

local cosched = require "cosched"
local net = require "cosched.net"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"

local in_task = require("spec.support.task").in_task

local CLIENTS = 60
local FEW = { before = "ulimit -n 24" }

local SERVER = [[
  local net = require "cosched.net"
  local server = net.listen("127.0.0.1", 0)
  print((select(2, server:getsockname())))
  io.stdout:flush()
  server:serve(function(client)
    for line in client:lines() do client:write(line, "\n") end
  end)
]]

describe("a server without free descriptors", function()
  it("keeps its clients waiting, and serves them all in the end", in_task(function()
    local script <close> = process.file(SERVER)
    local server <close> = process.start(process.cosched(script.path), FEW)
    local port = tonumber(server:line())
    local answered, leave, clients = 0, false, {}
    for i = 1, CLIENTS do
      clients[i] = cosched.spawn(function()
        local client <close> = assert(net.connect("127.0.0.1", port))
        client:write("I am ", i, "\n")
        assert.equal("I am " .. i, client:read())
        answered = answered + 1
        while not leave do
          cosched.sleep(0.005)
        end
      end)
    end

    sockets.eventually(function() return answered > 0 end, "an answer")
    cosched.sleep(0.02) -- whoever could be served is served by now
    local served, before = answered, server:cpu_seconds()
    assert.is_true(served < CLIENTS)
    cosched.sleep(0.2) -- while nothing can be accepted, nothing may turn
    assert.equal(served, answered)
    if before then assert.is_true(server:cpu_seconds() - before < 0.1) end

    leave = true
    for i = 1, CLIENTS do
      clients[i]:join()
    end
    assert.equal(CLIENTS, answered)
    local last <close> = assert(net.connect("127.0.0.1", port))
    last:write "still there?\n"
    assert.equal("still there?", last:read())
    server:signal "TERM"
    local status, _, errors = server:finish()
    assert.are.same({ 143, "" }, { status, errors })
  end))

  it("can be closed and cancelled while it waits for them", in_task(function()
    local script <close> = process.file [[
      local cosched, net = require "cosched", require "cosched.net"
      local listener = net.listen("127.0.0.1", 0)
      local _, port = listener:getsockname()
      local client = net.connect("127.0.0.1", port)
      local held = {}
      repeat
        local more = io.open "/dev/null"
        held[#held + 1] = more
      until not more
      local function accept() return select(2, listener:accept()) end
      local first = cosched.spawn(accept)
      cosched.sleep(0.01)
      print(first:status(), first:cancel(), first:wait())
      local second = cosched.spawn(accept)
      cosched.sleep(0.01)
      listener:close()
      print(second:join())
      client:close()
    ]]
    local status, out, errors = process.run(process.cosched(script.path), FEW)
    assert.equal("waiting\ttrue\tcancelled\nclosed\tECLOSED\n", out)
    assert.are.same({ 0, "" }, { status, errors })
  end))

  it("tells clients and listeners in the program what is missing", function()
    local script <close> = process.file [[
      local net = require "cosched.net"
      local listener = net.listen("127.0.0.1", 0)
      local _, port = listener:getsockname()
      local held = {}
      repeat
        local file = io.open "/dev/null"
        held[#held + 1] = file
      until not file
      print(net.connect("127.0.0.1", port))
      print(net.listen("127.0.0.1", 0))
      print(net.socketpair())
      listener:settimeout(0.005)
      print(listener:accept())
      listener:close()
      print(net.connect("127.0.0.1", port))
    ]]
    local status, out = process.run(process.cosched(script.path), FEW)
    local missing = "nil\ttoo many open files\tEMFILE\n"
    assert.equal(missing:rep(3) .. "nil\ttimeout\tETIMEDOUT\n"
      .. "nil\tconnection refused\tECONNREFUSED\n", out)
    assert.equal(0, status)
  end)
end)
