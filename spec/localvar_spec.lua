-- Variables with a value for each task.
local cosched = require "cosched"
local support = require "spec.support.task"
local time = require "spec.support.virtual"
local caught, closing, virtual = support.caught, support.closing, time.virtual

describe("a local variable", function()
  it("has its default until a value is given, also outside of tasks", function()
    for _, default in ipairs { 7, "text", false } do
      assert.equal(default, cosched.localvar(default):get())
      assert.equal(default, cosched.run(function() return cosched.localvar(default):get() end))
    end
    assert.is_nil(cosched.localvar():get())
  end)

  it("has the value inside of `with`, which gives all that the function returns",
    virtual(function()
      local variable = cosched.localvar "default"
      local results = table.pack(variable:with("other", function(...)
        assert.equal("other", variable:get())
        return ...
      end, 1, nil, 3, nil))
      assert.same({ n = 4, 1, nil, 3, nil }, results)
      assert.equal("default", variable:get())
    end))

  it("may be nil and false for a while, whatever the default", virtual(function()
    local variable = cosched.localvar "default"
    variable:with(nil, function()
      assert.is_nil(variable:get())
      variable:with(false, function() assert.is_false(variable:get()) end)
      assert.is_nil(variable:get())
    end)
    assert.equal("default", variable:get())
  end))

  it("nests, and is apart from others", virtual(function()
    local a, b = cosched.localvar(0), cosched.localvar(0)
    a:with(1, function()
      b:with(2, function()
        a:with(3, function() assert.same({ 3, 2 }, { a:get(), b:get() }) end)
        assert.same({ 1, 2 }, { a:get(), b:get() })
      end)
      assert.same({ 1, 0 }, { a:get(), b:get() })
    end)
  end))

  it("is seen by the tasks that are spawned meanwhile, however deep and late", virtual(function()
    local variable = cosched.localvar "default"
    local seen = {}
    variable:with("other", function()
      cosched.spawn(function()
        cosched.sleep(1)
        cosched.spawn(function() seen.deep = variable:get() end)
        seen.child = variable:get()
      end)
      cosched.nursery(function(n) n:spawn(function() seen.nursery = variable:get() end) end)
      cosched.race(function() seen.race = variable:get() end)
    end)
    cosched.spawn(function() seen.later = variable:get() end)
    cosched.sleep(2)
    assert.same({
      child = "other", deep = "other", nursery = "other", race = "other", later = "default",
    }, seen)
  end))

  it("is a snapshot for them: neither side sees what the other does", virtual(function()
    local variable = cosched.localvar(0)
    variable:with(1, function()
      local child = cosched.spawn(function()
        assert.equal(1, variable:get())
        variable:with(2, cosched.sleep, 2)
        return variable:get()
      end)
      cosched.sleep(1)
      assert.equal(1, variable:get())
      variable:with(3, cosched.sleep, 5)
      assert.equal(1, child:join())
    end)
  end))

  it("belongs to the spawner, not to whose nursery it is", virtual(function()
    local variable = cosched.localvar "nursery"
    cosched.nursery(function(n)
      local seen
      cosched.spawn(function()
        variable:with("spawner", function()
          n:spawn(function() seen = variable:get() end):join()
        end)
      end):join()
      assert.equal("spawner", seen)
    end)
  end))

  it("is the task's own while others run", virtual(function()
    local variable = cosched.localvar()
    local wrong = 0
    for i = 1, 20 do
      cosched.spawn(variable.with, variable, i, function()
        for _ = 1, 5 do
          cosched.sleep(i % 3)
          if variable:get() ~= i then wrong = wrong + 1 end
        end
      end)
    end
    cosched.sleep(100)
    assert.equal(0, wrong)
  end))

  it("has its value in coroutines of the task's own", virtual(function()
    local variable = cosched.localvar()
    local get = coroutine.wrap(function()
      while true do coroutine.yield(variable:get()) end
    end)
    variable:with(1, function() assert.equal(1, get()) end)
    assert.is_nil(get())
  end))

  it("has its old value back after an error, which is raised as it is", virtual(function()
    local variable, object = cosched.localvar(0), {}
    local problem = caught(variable.with, variable, 1, error, object)
    assert.is_true(rawequal(object, problem))
    assert.equal(0, variable:get())
  end))

  it("has its old value back after a cancellation", virtual(function()
    local variable = cosched.localvar(0)
    local seen
    local ok = cosched.move_on(1, variable.with, variable, 1, function()
      local _ <close> = closing(function() seen = variable:get() end)
      cosched.sleep(60)
    end)
    assert.is_false(ok)
    assert.same({ 1, 0 }, { seen, variable:get() })
  end))

  it("does not get in the way of a kill, and is right in what that closes", virtual(function()
    local variable = cosched.localvar(0)
    local inner, outer
    local task = cosched.spawn(function()
      local _ <close> = closing(function() outer = variable:get() end)
      variable:with(1, function()
        local _ <close> = closing(function() inner = variable:get() end)
        cosched.sleep(60)
      end)
    end)
    cosched.checkpoint()
    task:kill()
    assert.equal("cancelled", task:wait())
    assert.same({ 1, 0 }, { inner, outer })
    assert.equal(0, variable:get())
  end))

  it("is not inherited by what runs on the thread of a killed task later", virtual(function()
    local variable = cosched.localvar(0)
    for _ = 1, 10 do
      local task = cosched.spawn(variable.with, variable, 1, cosched.forever)
      cosched.checkpoint()
      task:kill()
      task:wait()
      assert.equal(0, cosched.spawn(variable.get, variable):join())
    end
  end))

  it("is kept for callbacks: on_error of a supervisor runs in the failed task", virtual(function()
    local variable, seen = cosched.localvar "outside", nil
    cosched.supervisor({ on_error = function() seen = variable:get() end }, function(n)
      variable:with("spawner", function() n:spawn(error, "boom") end)
    end)
    assert.equal("spawner", seen)
  end))

  it("leaves nothing behind: values of tasks that have ended are collected", virtual(function()
    local variable = cosched.localvar()
    local weak = setmetatable({}, { __mode = "v" })
    do
      weak[1] = {}
      variable:with(weak[1], function() cosched.spawn(cosched.sleep, 1):join() end)
    end
    collectgarbage()
    collectgarbage()
    assert.is_nil(weak[1])
  end))

  it("is refused where it makes no sense, at the caller", function()
    local variable = cosched.localvar()
    local function check(message, fn)
      assert.matches("localvar_spec.lua:%d+: " .. message, caught(fn))
    end
    for _, wrong in ipairs { false, 1, "x", {} } do
      check("bad argument #1 to 'get' %(cosched.Local expected; call it with ':'%)", function()
        local r = variable.get(wrong)
        return r
      end)
    end
    check("'with' needs a task: call it inside cosched.run", function()
      local r = variable:with(1, print)
      return r
    end)
    cosched.run(function()
      check("bad argument #2 to 'with' %(function expected, got nil%)", function()
        local r = variable:with(1)
        return r
      end)
      assert.is_nil(variable:get())
    end)
  end)

  it("shows its type", function()
    assert.matches("^cosched%.Local: ", tostring(cosched.localvar()))
    assert.equal("cosched.Local", getmetatable(cosched.localvar()))
  end)
end)
