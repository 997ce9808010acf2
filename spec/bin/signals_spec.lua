-- The command and signals: the first one unwinds the tasks, a second one kills.

local process = require "spec.support.process"

local STATUS = { INT = 130, TERM = 143 }

-- Starts a script; returns the program once it has said that it is ready.
local function start(text)
  local script <close> = process.file("io.stdout:setvbuf 'no'\n" .. text)
  local program = process.start(process.cosched(script.path))
  assert.equal("ready", program:line())
  return program
end

for name, expected in pairs(STATUS) do
  describe("SIG" .. name, function()
    it("unwinds all tasks, and gives status " .. expected, function()
      local program <close> = start [[
        local cosched = require "cosched"
        local function wait(what, seconds)
          local _ <close> = setmetatable({}, { __close = function() print(what, "unwinds") end })
          if seconds then cosched.sleep(seconds) end
          print "ready"
          cosched.sleep(20)
        end
        cosched.spawn(wait, "child")
        local _ <close> = setmetatable({}, { __close = function() print "main unwinds" end })
        cosched.sleep(20)
      ]]
      program:signal(name)
      local status, out, errors = program:finish()
      assert.are.same({ expected, "" }, { status, errors })
      assert.matches("child\tunwinds\n", out)
      assert.matches("main unwinds\n", out)
    end)

    it("ends a server with open connections", function()
      local program <close> = start [[
        local cosched, net = require "cosched", require "cosched.net"
        local server = net.listen("127.0.0.1", 0)
        local _, port = server:getsockname()
        cosched.spawn(function()
          local client <close> = net.connect("127.0.0.1", port)
          client:write "hello\n"
          assert(client:read() == "hello")
          print "ready"
          client:read()
        end)
        server:serve(function(client)
          for line in client:lines() do client:write(line, "\n") end
        end)
      ]]
      program:signal(name)
      assert.are.same({ expected, "", "" }, { program:finish() })
    end)

    it("reaches a script that computes and takes turns", function()
      local program <close> = start [[
        local cosched = require "cosched"
        print "ready"
        while true do cosched.checkpoint() end
      ]]
      program:signal(name)
      assert.are.same({ expected, "", "" }, { program:finish() })
    end)

    it("gives its status also when the script swallows the cancellation", function()
      local program <close> = start [[
        local cosched = require "cosched"
        print "ready"
        pcall(cosched.sleep, 20)
        print "going on"
      ]]
      program:signal(name)
      assert.are.same({ expected, "going on\n", "" }, { program:finish() })
    end)

    it("shows an error of the unwinding", function()
      local program <close> = start [[
        local _ <close> = setmetatable({}, { __close = function() error "no good end" end })
        print "ready"
        require "cosched".sleep(20)
      ]]
      program:signal(name)
      local status, out, errors = program:finish()
      assert.are.same({ expected, "" }, { status, out })
      assert.matches("no good end", errors)
    end)

    it("a second time kills a program whose unwinding takes long", function()
      local program <close> = start [[
        local cosched = require "cosched"
        local _ <close> = setmetatable({}, {
          __close = function()
            print "unwinding"
            while true do pcall(cosched.sleep, 20) end
          end,
        })
        print "ready"
        cosched.sleep(20)
      ]]
      program:signal(name)
      assert.equal("unwinding", program:line())
      program:signal(name)
      assert.equal(expected, (program:finish()))
    end)

    it("a second time kills a script that never waits", function()
      local program <close> = start "print 'ready' while true do end"
      program:signal(name)
      os.execute "sleep 0.02"
      assert.is_true(program:signal "0") -- the first one has not ended it
      program:signal(name)
      assert.equal(expected, (program:finish()))
    end)
  end)
end

describe("the library", function()
  it("leaves signals alone: a program without the command dies of the first", function()
    local script <close> = process.file [[
      io.stdout:setvbuf "no"
      local cosched = require "cosched"
      local _ <close> = setmetatable({}, { __close = function() print "unwound" end })
      cosched.run(function()
        print "ready"
        cosched.sleep(20)
      end)
    ]]
    local program <close> = process.start(process.words(process.LUA, script.path))
    assert.equal("ready", program:line())
    program:signal "TERM"
    assert.are.same({ 143, "", "" }, { program:finish() })
  end)
end)
