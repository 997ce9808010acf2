-- dump: all tasks with their tracebacks, written to a file.
local cosched = require "cosched"
local process = require "spec.support.process"
local support = require "spec.support.task"
local time = require "spec.support.virtual"
local caught, virtual = support.caught, time.virtual

local function here() return debug.getinfo(2, "l").currentline end

describe("dump", function()
  local function dumped()
    local file <close> = assert(io.tmpfile())
    assert.is_true(cosched.dump(file))
    file:seek "set"
    return file:read "a"
  end

  it("writes each task with its traceback and the place of its spawn", virtual(function()
    local line = here()
    local function inner() cosched.sleep(60) end
    local function outer() inner() return 1 end
    local task = cosched.spawn(outer) -- line + 3
    cosched.checkpoint()
    local text = dumped()
    assert.matches("^2 tasks\n", text)
    assert.matches(("task %d %%(.-%%) waiting, on sleep, spawned at .-dump_spec.lua:%d, "
      .. "parent %d, 1 steps\nstack traceback:\n"):format(task.tid, line + 3, cosched.get_tid()),
      text)
    assert.matches("dump_spec.lua:" .. line + 1 .. ": in upvalue 'inner'", text)
    assert.matches("dump_spec.lua:" .. line + 2 .. ": in function <", text)
    task:cancel()
  end))

  it("tells the scopes that a task has entered", virtual(function()
    cosched.move_on(5, function() assert.matches("\n  in a scope, deadline in 5", dumped()) end)
  end))

  it("appends to the file of a name, leaves open what was open", virtual(function()
    local file <close> = process.file "before\n"
    assert.is_true(cosched.dump(file.path))
    assert.is_true(cosched.dump(file.path))
    local lines = io.open(file.path):read "a"
    assert.matches("^before\n1 tasks\n.*\n1 tasks\n", lines)
    local open <close> = assert(io.open(file.path, "w"))
    assert.is_true(cosched.dump(open))
    assert.equal("file", io.type(open))
    assert.matches("^1 tasks", io.open(file.path):read "a")
  end))

  it("goes to stderr unless a file is given", function()
    local status, out, err = process.run(process.cosched("-e",
      "assert(require 'cosched'.dump())"))
    assert.same({ 0, "" }, { status, out })
    assert.matches("^1 tasks\ntask 1 .- running", err)
  end)

  it("gives nil and a message when the file cannot be opened or written", virtual(function()
    local ok, message = cosched.dump "/no/such/folder/file"
    assert.is_nil(ok)
    assert.matches("No such file", message)
    local full = io.open("/dev/full", "w")
    if full then
      ok, message = cosched.dump(full)
      assert.is_nil(ok)
      assert.matches("No space left", message)
      full:close()
    end
  end))

  it("refuses what is no file, at the caller", virtual(function()
    for _, wrong in ipairs { 7, true, {}, (assert(io.tmpfile())) } do
      if io.type(wrong) == "file" then wrong:close() end
      local problem = caught(function()
        local r = cosched.dump(wrong)
        return r
      end)
      assert.matches("dump_spec.lua:%d+: bad argument #1 to 'dump'", problem)
    end
  end))
end)
