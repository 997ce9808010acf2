-- The command and SIGUSR1: all tasks with their tracebacks, on stderr, at any moment.

local process = require "spec.support.process"

local PRELUDE = "io.stdout:setvbuf 'no' local cosched = require 'cosched'\n"

local function start(text)
  local script <close> = process.file(PRELUDE .. text)
  local program = process.start(process.cosched(script.path))
  assert.equal("ready", program:line())
  return program
end

-- Asks for a dump, and waits until it ends with a line of the traceback of the last task.
local function dump(program, pattern)
  program:signal "USR1"
  return process.eventually(function()
    local text = program:stderr()
    return text:match(pattern) and text
  end, "the dump")
end

local function end_by_signal(program)
  program:signal "TERM"
  local status = program:finish()
  assert.equal(143, status)
end

describe("SIGUSR1", function()
  it("shows all tasks while they wait, and disturbs none", function()
    local program <close> = start [[
      local function worker() cosched.sleep(20) end
      cosched.spawn(worker)
      cosched.spawn(function() -- line 4
        print "ready"
        print(cosched.sleep(0.3), "undisturbed")
        cosched.sleep(20)
      end)
    ]]
    local text = dump(program, "\ntask 3 .-in %?\n")
    assert.matches("^3 tasks\ntask 1 %(main chunk of .-%) waiting", text)
    assert.matches("\ntask 2 %(.-:2%) waiting, on sleep, spawned at .-:3, parent 1", text)
    assert.matches(":2: in function <.-:2>", text)
    assert.matches("\ntask 3 %(.-:4%) waiting, on sleep", text)
    assert.equal("true\tundisturbed", program:line())
    end_by_signal(program)
  end)

  it("shows the line of a busy loop", function()
    local program <close> = start [[
      cosched.spawn(function() cosched.sleep(20) end)
      cosched.checkpoint()
      local stop = false
      local function busy()
        local n = 0
        while not stop do n = n + 1 end -- line 7
        return n
      end
      print "ready"
      busy()
    ]]
    local text = dump(program, "\ntask 2 .-in %?\n")
    assert.matches("\ntask 1 %(main chunk.-%) running,.-:7: in local 'busy'", text)
    assert.matches("\ntask 2 .- waiting, on sleep", text)
    program:signal "KILL"
  end)

  it("may come many times, and goes on showing", function()
    local program <close> = start [[
      print "ready"
      for _ = 1, 1e9 do
        local deadline = os.clock() + 0.001
        repeat until os.clock() > deadline
        cosched.sleep(0.0005)
      end
    ]]
    for _ = 1, 20 do program:signal "USR1" end
    process.eventually(function()
      return select(2, program:stderr():gsub("1 tasks\n", "")) >= 2
    end, "the second dump")
    dump(program, "1 tasks\n.-in %?\n")
    end_by_signal(program)
  end)

  it("shows a task that never waits, while it computes", function()
    local script <close> = process.file [[
      io.stdout:setvbuf "no"
      local cosched = require "cosched"
      cosched.spawn(function()
        print "ready"
        while true do end -- line 5
      end)
    ]]
    local program <close> = process.start(process.cosched(script.path))
    assert.equal("ready", program:line())
    local text = dump(program, "\ntask 2 .-in %?\n")
    assert.matches("task 2 .- running,.-:5: in function", text)
    program:signal "KILL"
  end)

  it("waits while a coroutine of the program's own computes", function()
    local program <close> = start [[
      print "ready"
      coroutine.wrap(function()
        local deadline = os.clock() + 0.1
        repeat until os.clock() > deadline
      end)()
      print "over"
      cosched.sleep(20)
    ]]
    program:signal "USR1"
    assert.equal("over", program:line())
    local text = dump(program, "1 tasks\n.-in %?\n")
    assert.matches("task 1", text)
    end_by_signal(program)
  end)

  it("shows a program that has swallowed its end", function()
    local program <close> = start [[
      cosched.spawn(function() while true do pcall(cosched.sleep, 20) end end)
      cosched.checkpoint()
      print "ready"
      cosched.sleep(20)
    ]]
    program:signal "TERM"
    local text = dump(program, "tasks\n.*task 2 .-in %?\n")
    assert.matches("task 2 .- cancelled", text)
    program:signal "TERM"
    assert.equal(143, (program:finish()))
  end)

  it("kills a program that runs without the command: the library installs no handler", function()
    local script <close> = process.file [[
      local cosched = require "cosched"
      cosched.run(function()
        io.stdout:setvbuf "no"
        print "ready"
        cosched.sleep(20)
      end)
    ]]
    local program <close> = process.start(process.words(process.LUA, script.path))
    assert.equal("ready", program:line())
    program:signal "USR1"
    assert.is_true(program:finish() > 128)
  end)
end)
