-- The command: its options, how it runs a script, and how scripts end.

local process = require "spec.support.process"

-- Runs the command with these arguments: status, stdout, stderr.
local function run(...) return process.run(process.cosched(...)) end

-- The same with a script that has this text.
local function run_script(text, ...)
  local script <close> = process.file(text)
  return run(script.path, ...)
end

describe("the command's option", function()
  it("-h shows how to use it", function()
    for _, option in ipairs { "-h", "--help" } do
      local status, out, errors = run(option)
      assert.are.same({ 0, "" }, { status, errors })
      assert.matches("^usage: cosched", out)
      for _, each in ipairs { "-e", "-v", "-h", "130", "143" } do
        assert.matches(each, out, 1, true)
      end
    end
  end)

  it("-v shows the versions", function()
    for _, option in ipairs { "-v", "--version" } do
      local status, out, errors = run(option)
      assert.are.same({ 0, "" }, { status, errors })
      assert.matches("^cosched %d+%.%d+%.%d+ +Lua 5%.4.* +libuv %d+%.%d+%.%d+\n$", out)
    end
  end)

  it("-e runs a string as the main task", function()
    local code = [[require "cosched".sleep(0.001) print("woken", ...)]]
    assert.are.same({ 0, "woken\ta\tb c\n", "" }, { run("-e", code, "a", "b c") })
  end)

  it("-e without a string is wrong usage", function()
    local status, out, errors = run "-e"
    assert.are.same({ 2, "" }, { status, out })
    assert.matches("^cosched: %-e needs a string", errors)
  end)

  it("that is unknown is named, and wrong usage", function()
    for _, option in ipairs { "-x", "--verbose", "-ve" } do
      local status, out, errors = run(option, "script.lua")
      assert.are.same({ 2, "" }, { status, out })
      assert.matches("unknown option '" .. option .. "'", errors, 1, true)
      assert.matches("usage: cosched", errors, 1, true)
    end
  end)

  it("-- ends the options", function()
    local script <close> = process.file "print('ran', ...)"
    assert.are.same({ 0, "ran\t-v\n", "" }, { run("--", script.path, "-v") })
    assert.equal(2, (run "--"))
  end)

  it("after the script belongs to the script", function()
    assert.are.same({ 0, "-v\t-h\n", "" }, { run_script("print(...)", "-v", "-h") })
  end)
end)

describe("the command without a script", function()
  it("is wrong usage", function()
    local status, out, errors = run()
    assert.are.same({ 2, "" }, { status, out })
    assert.matches("no script", errors)
    assert.matches("usage: cosched", errors)
  end)
end)

describe("a script", function()
  it("may wait at its top level", function()
    local status, out, errors = run_script [[
      local cosched = require "cosched"
      cosched.spawn(print, "child")
      cosched.sleep(0.001)
      print("main", cosched.get_tid())
    ]]
    assert.are.same({ 0, "child\nmain\t1\n", "" }, { status, out, errors })
  end)

  it("gets its arguments, and its name at arg[0]", function()
    local script <close> = process.file "print(#arg, arg[0], arg[1], arg[2], ...)"
    local status, out = run(script.path, "one", "two words")
    assert.equal(0, status)
    assert.equal("2\t" .. script.path .. ("\tone\ttwo words"):rep(2) .. "\n", out)
  end)

  it("may have a first line for the shell", function()
    assert.are.same({ 0, "ran\n", "" }, { run_script "#!/usr/bin/env cosched\nprint 'ran'" })
  end)

  it("named - is standard input", function()
    local script <close> = process.file "require 'cosched'.sleep(0) print('stdin', arg[0], ...)"
    local status, out, errors = process.run(process.cosched("-", "a"), { stdin = script.path })
    assert.are.same({ 0, "stdin\t-\ta\n", "" }, { status, out, errors })
  end)

  it("ends when its last task has ended", function()
    local status, out = run_script [[
      local cosched = require "cosched"
      cosched.spawn(function() cosched.sleep(0.005) print "child" end)
      print "main"
    ]]
    assert.are.same({ 0, "main\nchild\n" }, { status, out })
  end)

  it("that is not there, or is no Lua, fails", function()
    local status, out, errors = run "/no/such/script.lua"
    assert.are.same({ 1, "" }, { status, out })
    assert.matches("^cosched: .*/no/such/script.lua", errors)
    status, out, errors = run_script "print 'never' end"
    assert.are.same({ 1, "" }, { status, out })
    assert.matches("^cosched: .*:1: .*expected near 'end'", errors)
    status, out, errors = run("-e", "+")
    assert.are.same({ 1, "" }, { status, out })
    assert.matches("unexpected symbol", errors)
  end)

  it("has as many descriptors as the system lets it", function()
    local script <close> = process.file [[
      local pipe = io.popen "ulimit -S -n; ulimit -H -n"
      print(pipe:read("n", "n"))
    ]]
    local status, out = process.run(process.cosched(script.path), { before = "ulimit -S -n 50" })
    local soft, hard = out:match "^(%d+)\t(%d+)\n$"
    assert.equal(0, status)
    assert.is_string(soft)
    assert.equal(hard, soft)
  end)
end)

describe("an error that nobody caught", function()
  it("gives status 1, and the task's own traceback on stderr", function()
    local status, out, errors = run_script [[
      local function faulty() error "boom" end
      print "before"
      faulty()
      print "never"
    ]]
    assert.are.same({ 1, "before\n" }, { status, out })
    assert.matches("^cosched: .*:1: boom\nstack traceback:", errors)
    assert.matches("in .*'faulty'", errors)
    assert.is_nil(errors:find "bin/cosched")
  end)

  it("in a child ends the program with the child's traceback", function()
    local status, out, errors = run_script [[
      local cosched = require "cosched"
      local function in_child() cosched.sleep(0.001) error "boom" end
      cosched.spawn(function() in_child() end)
      local _ <close> = setmetatable({}, { __close = function() print "main unwinds" end })
      cosched.sleep(20)
    ]]
    assert.are.same({ 1, "main unwinds\n" }, { status, out })
    assert.matches(":2: boom\nstack traceback:", errors)
    assert.matches("in_child", errors)
  end)

  it("may be any value", function()
    for code, text in pairs {
      ["error {}"] = "%(error object is a table value%)",
      ["error(nil)"] = "%(error object is a nil value%)",
      ["error(false)"] = "false",
      ["error(setmetatable({}, { __tostring = function() return 'my own' end }))"] = "my own",
    } do
      local status, _, errors = run("-e", code)
      assert.equal(1, status, code)
      assert.matches("^cosched: " .. text, errors)
    end
  end)

  it("may be a deadlock, which is reported with its tasks", function()
    local status, out, errors = run_script [[
      local cosched = require "cosched"
      local wait = cosched.syscall { name = "godot", start = function(w) return w:park() end }
      local _ <close> = setmetatable({}, { __close = function() print "unwound" end })
      wait()
    ]]
    assert.are.same({ 1, "unwound\n" }, { status, out })
    assert.matches("^cosched: deadlock", errors)
    assert.matches("godot", errors)
    assert.matches(":4", errors)
  end)
end)

describe("os.exit in a task", function()
  local function run_exit(code)
    return run_script(([[
      local cosched, net = require "cosched", require "cosched.net"
      local a, b = net.socketpair()
      local listener = net.listen("127.0.0.1", 0)
      cosched.spawn(a.recv, a)
      cosched.spawn(listener.accept, listener)
      cosched.spawn(cosched.sleep, 20)
      cosched.spawn(function() os.exit(%s) end)
      cosched.sleep(20)
    ]]):format(code))
  end

  it("ends the program with that status", function()
    for code, expected in pairs {
      ["0"] = 0, ["3"] = 3, ["true"] = 0, ["false"] = 1,
    } do
      assert.are.same({ expected, "", "" }, { run_exit(code) })
    end
  end)

  it("may close the Lua state, too", function()
    for code, expected in pairs { ["0, true"] = 0, ["3, true"] = 3, ["false, true"] = 1 } do
      assert.are.same({ expected, "", "" }, { run_exit(code) })
    end
  end)
end)

describe("the command itself", function()
  it("says which Lua it needs", function()
    if not process.has "lua5.1" then pending "no other Lua on this machine" end
    local status, out, errors = process.run "lua5.1 bin/cosched -v"
    assert.are.same({ 2, "" }, { status, out })
    assert.equal("cosched: needs Lua 5.4, but is run by Lua 5.1\n", errors)
  end)

  it("says that it cannot find its module", function()
    -- a copy of it, since in its tree it finds what was built there
    local file = assert(io.open "bin/cosched")
    local copy <close> = process.file(file:read "a")
    file:close()
    local status, out, errors = process.run(
      "env LUA_CPATH_5_4=/nowhere/?.so " .. process.words(process.LUA, copy.path, "-v"))
    assert.are.same({ 2, "" }, { status, out })
    assert.matches("^cosched: cannot load the module cosched", errors)
  end)
end)
