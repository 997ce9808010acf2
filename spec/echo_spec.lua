-- The echo server that people start first, examples/echo.lua, in a process of its own,
-- and real input: clients that nobody here wrote, then many, rude and slow ones.

local process = require "spec.support.process"
local servers = require "spec.support.server"

local OFFERED = 100 << 20 -- bytes, to a server that cannot send them back
local KEPT = 16 << 10 -- KiB that it may take meanwhile; a sanitizer frees late

local TEXT = "one\n\ntwo words\r\nb\xC3\xBCrger\n" .. ("long "):rep(5000) .. "\nlast\n"

describe("the echo server", function()
  local server, before

  setup(function()
    server = servers.echo_lines()
    before = server:descriptors()
  end)

  teardown(function()
    local status, errors = server:stop()
    assert.equal(143, status)
    assert.matches("line too long", errors) -- by the client that sends one
  end)

  after_each(function()
    assert.is_true(server:answers())
    assert.is_true(server:has_let_go(before))
  end)

  -- Runs a client that sends its standard input; returns what it printed.
  local function talk(line)
    local input <close> = process.file(TEXT)
    local status, out, errors = process.run(line, { stdin = input.path })
    assert.are.same({ 0, "" }, { status, errors })
    return out
  end

  local function need(name)
    if not process.has(name) then pending("there is no " .. name) end
  end

  describe("answers", function()
    it("nc", function()
      need "nc"
      local help <close> = io.popen "nc -h 2>&1"
      local at_end = help:read("a"):find "\n%s*%-N%s" and "-N" or "-q1"
      if os.execute "nc -h 2>&1 | grep -q OpenBSD" then at_end = "-N" end
      assert.equal(TEXT, talk(process.foreign("nc", at_end, "127.0.0.1", server.port)))
    end)

    it("socat", function()
      need "socat"
      local address = "TCP:127.0.0.1:" .. server.port
      assert.equal(TEXT, talk(process.foreign("socat", "-t", 5, "-", address)))
    end)

    it("curl", function()
      need "curl"
      -- it stays until the server leaves, or the time is up: status 28
      local address = "telnet://127.0.0.1:" .. server.port
      local input <close> = process.file(TEXT)
      local status, out = process.run(process.foreign("curl", "-s", "-N", "-m", 0.5, address),
        { stdin = input.path })
      assert.is_true(status == 28 or status == 0, status)
      assert.equal(TEXT, out)
    end)

    it("python's sockets", function()
      need "python3"
      local program = [[
import socket, sys, threading
text = sys.stdin.buffer.read()
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
def send():
    for i in range(0, len(text), 7):
        client.sendall(text[i:i + 7])
    client.shutdown(socket.SHUT_WR)
threading.Thread(target=send).start()
while data := client.recv(1000):
    sys.stdout.buffer.write(data)
]]
      assert.equal(TEXT, talk(process.foreign("python3", "-c", program, server.port)))
    end)

    it("bash", function()
      need "bash"
      local program = [[
        exec 3<>/dev/tcp/127.0.0.1/$0
        while IFS= read -r line; do
          printf '%s\n' "$line" >&3
          IFS= read -r answer <&3
          printf '%s\n' "$answer"
        done
      ]]
      assert.equal(TEXT, talk(process.foreign("bash", "-c", program, server.port)))
    end)
  end)

  it("outlives a client that is killed in the middle of a line", function()
    need "bash"
    local program = "exec 3<>/dev/tcp/127.0.0.1/$0; printf half >&3; echo sent; sleep 20"
    local client <close> = process.start(process.foreign("bash", "-c", program, server.port))
    assert.equal("sent", client:line())
    client:signal "KILL"
  end)

  it("tells a client whose line is too long, and goes on", function()
    -- `lines` raises, so the handler's socket is closed with the rest unread
    local code = server:with_client(function(client)
      client:send(("x"):rep(70000))
      return select(3, client:recv())
    end)
    assert.is_true(code == "EOF" or code == "ECONNRESET", code)
  end)

  describe("under load", function()
    local function conns()
      local limit <close> = io.popen "ulimit -H -n"
      return (limit:read "n" or math.huge) >= 10100 and 10000 or 2000
    end

    setup(function() assert.is_true(servers.build_load()) end)

    it("holds 10,000 connections at once, every byte checked", function()
      local n = conns()
      local result = server:load("-l hold", n, 64, 3)
      assert.are.same({ n, 3 * n, 0 }, { result.conns, result.msgs, result.errors })
    end)

    it("serves 100,000 connections one after another", function()
      local result = server:load("-l count", 100000, 32, 64)
      assert.are.same({ 100000, 0 }, { result.conns, result.errors })
    end)

    it("outlives clients that leave or reset in the middle", function()
      local result = server:load("-l abort", 2000, 100)
      assert.are.same({ 2000, 1000, 0 }, { result.conns, result.resets, result.errors })
    end)

    it("stops for a client that reads nothing, and for that one alone", function()
      local stall <close> = server:start_load("-l stall", OFFERED, 1, server.pid)
      local rss = server.program:rss_kib()
      for _ = 1, 20 do
        assert.is_true(server:answers())
      end
      local status, out = stall:finish()
      assert.equal(0, status)
      assert.is_true(tonumber(out:match "sent=(%d+)") < OFFERED, out)
      assert.matches("gone=0", out)
      local after = tonumber(out:match "rss_after_kib=(%d+)")
      if rss then assert.is_true(after < rss + KEPT) end
    end)
  end)
end)

describe("an echo server of bytes", function()
  local server, before

  setup(function()
    assert.is_true(servers.build_load())
    server = servers.echo_bytes()
    process.eventually(function() return server:answers() end, "an answer")
    before = server:descriptors()
  end)

  teardown(function() assert.are.same({ 143, "" }, { server:stop() }) end)

  after_each(function()
    assert.is_true(server:answers())
    assert.is_true(server:has_let_go(before))
  end)

  for _, piece in ipairs { 1, 65536 } do
    it(("returns 1 MiB in writes of %d, also after a half-close"):format(piece), function()
      local result = server:load("pieces", 1 << 20, piece)
      assert.are.same({ 1 << 20, 0 }, { result.bytes, result.errors })
    end)
  end

  it("returns 64 KiB on each of 100 connections at once", function()
    local result = server:load("hold", 100, 65536, 5)
    assert.are.same({ 500, 0 }, { result.msgs, result.errors })
  end)

  it("outlives clients that leave or reset in the middle", function()
    local result = server:load("abort", 500, 100000)
    assert.are.same({ 500, 0 }, { result.conns, result.errors })
  end)

  it("stops for a client that reads nothing, in memory, too", function()
    local result = server:load("stall", OFFERED, 0.3, server.pid)
    assert.is_true(result.sent < OFFERED)
    assert.are.same({ 0, 0 }, { result.gone, result.errors })
    assert.is_true(result.rss_after_kib < result.rss_before_kib + KEPT)
  end)
end)
