-- Slices of n instructions: tasks take turns anywhere, and compute the same as ever.
local cosched = require "cosched"
local program = require "spec.support.broad"
local support = require "spec.support.task"
local many = support.many

describe("slices of n instructions", function()
  local expected = cosched.run({ clock = "virtual" }, program)

  local function run_all(first, last)
    for n = first, last do
      local answers = {}
      cosched.run({ clock = "virtual", slice_instructions = n }, function()
        for i = 1, 3 do cosched.spawn(function() answers[i] = program() end) end
      end)
      for i = 1, 3 do
        if answers[i] ~= expected then assert.equal(expected, answers[i], "n = " .. n) end
      end
    end
  end

  for first = 1, 200, 50 do
    it(("change no result of a broad program, n from %d to %d"):format(first, first + 49),
      function() run_all(first, first + 49) end)
  end

  it("change none in a random order, either", function()
    for seed = 1, many(60) do
      local options = { clock = "virtual", slice_instructions = seed, seed = seed, shuffle = true }
      assert.equal(expected, cosched.run(options, program), "seed " .. seed)
    end
  end)

  it("let tasks that never wait take turns", function()
    local log = {}
    cosched.run({ slice_instructions = 100 }, function()
      for i = 1, 2 do
        cosched.spawn(function()
          for _ = 1, 200 do table.insert(log, i) end
        end)
      end
    end)
    local changes = 0
    for i = 2, #log do
      if log[i] ~= log[i - 1] then changes = changes + 1 end
    end
    assert.equal(400, #log)
    assert.is_true(changes > 5)
  end)

  it("go on after one that ended where Lua cannot yield", function()
    local turns = 0
    cosched.run({ slice_instructions = 50 }, function()
      local done
      cosched.spawn(function()
        while not done do
          turns = turns + 1
          coroutine.yield()
        end
      end)
      table.sort({ 3, 1, 2, 5, 4 }, function(a, b)
        for _ = 1, 100 do end
        return a < b
      end)
      local before = turns
      for _ = 1, 2000 do end
      assert.is_true(turns > before + 3)
      done = true
    end)
  end)

  it("never show in a coroutine of the program's own", function()
    cosched.run({ slice_instructions = 7 }, function()
      local co = coroutine.create(function()
        local n = 0
        for i = 1, 3000 do n = n + i end
        return n
      end)
      assert.same({ true, 4501500 }, { coroutine.resume(co) })
      assert.equal("dead", coroutine.status(co))
    end)
  end)

  it("raise what a yielded call raises before the next instruction", function()
    for n = 1, 40 do
      cosched.run({ slice_instructions = n }, function()
        local reached = false
        local ok = pcall(function()
          for _ = 1, 30 do end
          local answer = coroutine.yield(cosched.sys.sleep(-1))
          reached = true
          return answer
        end)
        assert.is_false(ok)
        assert.is_false(reached, "n = " .. n)
      end)
    end
  end)

  it("leave no hook behind", function()
    local inner, during
    cosched.run({ slice_instructions = 10 }, function()
      inner = coroutine.running()
      for _ = 1, 100 do end
      during = debug.gethook(inner)
    end)
    assert.truthy(during)
    assert.is_nil((debug.gethook(inner)))
    assert.is_nil((debug.gethook()))
    cosched.run(function() assert.is_nil((debug.gethook())) end)
  end)

  it("leave a hook alone that the task has set", function()
    cosched.run({ slice_instructions = 10 }, function()
      local n = 0
      local function hook() n = n + 1 end
      debug.sethook(hook, "", 100)
      for _ = 1, 2000 do end
      coroutine.yield()
      for _ = 1, 2000 do end
      assert.equal(hook, (debug.gethook()))
      debug.sethook()
      assert.is_true(n > 20)
    end)
  end)
end)
