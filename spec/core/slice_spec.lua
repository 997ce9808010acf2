-- Slices: tasks that compute take turns, and compute the same as ever.
local cosched = require "cosched"
local support = require "spec.support.task"
local caught, closing, many = support.caught, support.closing, support.many

local SLICE = { slice = 0.001 }

local function merge(options, more)
  local both = {}
  for _, from in ipairs { options, more or {} } do
    for name, value in pairs(from) do both[name] = value end
  end
  return both
end

-- Computes until the condition holds; false if that takes too long.
local function spin_until(condition)
  local deadline = os.clock() + 5
  while not condition() do
    if os.clock() > deadline then return false end
  end
  return true
end

-- {=== a broad program ===

local parts = {}

function parts.closures()
  local function counter(n) return function() n = n + 1 return n end end
  local a, b = counter(0), counter(10)
  return a() + b() + a() + b()
end

function parts.varargs()
  local function sum(...)
    local n = 0
    for i = 1, select("#", ...) do n = n + (select(i, ...) or 0) end
    return n, ...
  end
  return table.concat({ sum(1, 2, 3) }, ","), (select("#", sum(nil, nil)))
end

function parts.calls()
  local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end
  local function loop(n) if n == 0 then return "tail" end return loop(n - 1) end
  return fib(8), loop(30)
end

function parts.gotos()
  local seen = {}
  for i = 1, 9 do
    if i % 2 == 0 then goto continue end
    seen[#seen + 1] = i
    ::continue::
  end
  return table.concat(seen)
end

function parts.loops()
  local t, keys, n = { 5, 6, 7, a = 1 }, 0, 0
  for _ in pairs(t) do keys = keys + 1 end
  for i, value in ipairs(t) do n = n + i * value end
  for x in ("one two three"):gmatch "%a+" do n = n + #x end
  for i = 10, 1, -3 do n = n + i end
  repeat n = n - 7 until n < 20
  return keys, n
end

function parts.errors()
  local ok, problem = pcall(error, { code = 7 })
  local ok2, answer = xpcall(function() return nil + 1 end, function(e) return #e > 0 end)
  local ok3, text = pcall(function() local x <const> = {} return x.y.z end)
  return ok, problem.code, ok2, answer, ok3, text:match "index a nil value"
end

function parts.metamethods()
  local meta = {}
  meta.__index = function(_, key) return key .. "!" end
  meta.__newindex = function(t, key, value) rawset(t, key, value .. "?") end
  meta.__add = function(a, b) return (a.n or 0) + (type(b) == "number" and b or b.n) end
  meta.__lt = function(a, b) return #a.n < #b.n end
  meta.__le = function(a, b) return #a.n <= #b.n end
  meta.__eq = function() return true end
  meta.__concat = function(a, b) return tostring(a.n or a) .. "&" .. tostring(b.n or b) end
  meta.__len = function() return 42 end
  meta.__call = function(_, ...) return select("#", ...), ... end
  meta.__unm = function() return "minus" end
  local a, b = setmetatable({ n = "1" }, meta), setmetatable({ n = "22" }, meta)
  a.k = "v"
  return a.missing, a.k, a + 1, a < b, b <= a, a == b, a .. b, #a, a(1, nil), -a
end

function parts.c_functions()
  local list = { 5, 3, 9, 1, 7, 2 }
  table.sort(list, function(a, b)
    local x = 0
    for i = 1, 5 do x = x + i end
    return x == 15 and a > b
  end)
  local text = ("abc"):gsub("%a", function(c) return c .. c:upper() end)
  return table.concat(list), text, ("ab"):rep(3, "-"), load "return 1 + 1" (),
    select(-1, table.unpack { 1, 2, 3 })
end

function parts.coroutines()
  local list = {}
  for value in coroutine.wrap(function(...)
    for i = 1, 4 do coroutine.yield(i * select("#", ...)) end
  end) do list[#list + 1] = value end
  local co = coroutine.create(function(a)
    local b = coroutine.yield(a + 1)
    error("in " .. b, 0)
  end)
  local _, first = coroutine.resume(co, 1)
  local ok, problem = coroutine.resume(co, "coroutine")
  return table.concat(list, " "), first, ok, problem, coroutine.status(co)
end

function parts.closing()
  local log = {}
  local function noting(name)
    return closing(function(err) log[#log + 1] = name .. tostring(err) end)
  end
  do
    local _ <close> = noting "a"
    local _ <close> = noting "b"
  end
  pcall(function()
    local _ <close> = noting "c"
    error("x", 0)
  end)
  local function returns()
    local _ <close> = noting "d"
    return 1, 2, 3
  end
  return select("#", returns()), table.concat(log, " ")
end

function parts.waiting()
  local channel = cosched.channel()
  local child = cosched.spawn(function()
    for i = 1, 5 do channel:send(i) end
    channel:close()
    return "sent"
  end)
  local sum = 0
  for value in channel:iter() do sum = sum + value end
  cosched.sleep(0)
  coroutine.yield()
  coroutine.yield(cosched.sys.sleep(0.001))
  local ok, problem = pcall(function()
    local answer = coroutine.yield(cosched.sys.sleep(-1))
    sum = sum + 1000 -- one instruction late would be too late
    return answer
  end)
  return sum, child:join(), ok, (problem:match "bad argument #1 to 'sleep'")
end

local function program()
  local names, answers = {}, {}
  for name in pairs(parts) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do
    local results = table.pack(parts[name]())
    for j = 1, results.n do results[j] = tostring(results[j]) end
    answers[i] = name .. ": " .. table.concat(results, " ")
  end
  return table.concat(answers, "\n")
end

-- }=== a broad program ===

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

describe("a slice of time", function()
  it("ends, so that two busy tasks and a sleeper all get on", function()
    local counts, woken = { 0, 0 }, false
    cosched.run(SLICE, function()
      for i = 1, 2 do
        cosched.spawn(function()
          assert.is_true(spin_until(function()
            counts[i] = counts[i] + 1
            return woken
          end))
        end)
      end
      cosched.spawn(function()
        cosched.sleep(0.01)
        assert.is_true(counts[1] > 0 and counts[2] > 0)
        woken = true
      end)
    end)
  end)

  it("ends in a loop without calls", function()
    local stop = false
    cosched.run(SLICE, function()
      cosched.spawn(function()
        cosched.sleep(0.005)
        stop = true
      end)
      local i = 0
      while not stop and i < 1e10 do i = i + 1 end
      assert.is_true(stop)
    end)
  end)

  it("ends behind a C function that took longer", function()
    local log = {}
    cosched.run(SLICE, function()
      cosched.spawn(function()
        cosched.checkpoint()
        local deadline = os.clock() + 0.02
        repeat (("x"):rep(2e6)):find "y" until os.clock() > deadline
        for _ = 1, 1e5 do end
        log[#log + 1] = "busy"
      end)
      cosched.spawn(function()
        cosched.sleep(0.002)
        log[#log + 1] = "sleeper"
      end)
    end)
    assert.same({ "sleeper", "busy" }, log)
  end)

  it("is no point where a cancellation is told: the next call that waits is", function()
    local told, counted = nil, 0
    cosched.run(SLICE, function()
      local task
      cosched.spawn(function() task:cancel "enough" end)
      task = cosched.spawn(function()
        local deadline = os.clock() + 0.02
        repeat counted = counted + 1 until os.clock() > deadline
        told = caught(cosched.checkpoint)
      end)
      cosched.sleep(0.005)
      task:cancel "late"
    end)
    assert.is_true(counted > 1)
    assert.equal("enough", told.reason)
  end)

  it("does not keep a deadline from being seen by a busy task", function()
    cosched.run(SLICE, function()
      local ok, cancelled = cosched.move_on(0.005, function()
        assert.is_true(spin_until(function() return cosched.deadline() == -math.huge end))
        cosched.checkpoint()
      end)
      assert.is_false(ok)
      assert.equal("deadline", cancelled.source)
    end)
  end)

  it("ends, so that a busy task can be killed", function()
    local closed
    cosched.run(SLICE, function()
      local busy = cosched.spawn(function()
        local _ <close> = closing(function() closed = true end)
        spin_until(function() return closed end)
      end)
      cosched.sleep(0.003)
      assert.is_true(busy:kill())
      assert.equal("cancelled", busy:wait())
    end)
    assert.is_true(closed)
  end)

  it("does not end in what closes a task that is killed", function()
    local n = 0
    cosched.run(SLICE, function()
      local victim = cosched.spawn(function()
        local _ <close> = closing(function()
          local deadline = os.clock() + 0.005
          repeat n = n + 1 until os.clock() > deadline
        end)
        cosched.forever()
      end)
      cosched.checkpoint()
      victim:kill()
      assert.equal("cancelled", victim:wait())
    end)
    assert.is_true(n > 0)
  end)

  it("gives a coroutine of the program's own no spurious yield", function()
    cosched.run(SLICE, function()
      local co = coroutine.wrap(function()
        local deadline, n = os.clock() + 0.01, 0
        repeat n = n + 1 until os.clock() > deadline
        return "done", n
      end)
      local answer, n = co()
      assert.equal("done", answer)
      assert.is_true(n > 0)
    end)
  end)

  it("works below a table.sort that takes long, once that is over", function()
    local turns = 0
    cosched.run(SLICE, function()
      local done = false
      cosched.spawn(function()
        while not done do
          turns = turns + 1
          cosched.sleep(0.001)
        end
      end)
      local deadline = os.clock() + 0.005
      table.sort({ 2, 1 }, function(a, b)
        repeat until os.clock() > deadline
        return a < b
      end)
      local before = turns
      assert.is_true(spin_until(function() return turns > before + 1 end))
      done = true
    end)
  end)

  it("leaves the results of a broad program as they are", function()
    local expected = cosched.run({ clock = "virtual" }, program)
    cosched.run({ slice = 0.0001 }, function()
      for _ = 1, 4 do
        cosched.spawn(function()
          for _ = 1, many(40) do
            local answer = program()
            if answer ~= expected then assert.equal(expected, answer) end
          end
        end)
      end
    end)
  end)

  it("goes with virtual time", function()
    local options = merge(SLICE, { clock = "virtual" })
    cosched.run(options, function()
      local busy = cosched.spawn(function()
        local deadline = os.clock() + 0.005
        repeat until os.clock() > deadline
        return cosched.now()
      end)
      assert.equal(0, busy:join())
      cosched.sleep(60)
      assert.equal(60, cosched.now())
    end)
  end)

  it("is refused when it is no positive number", function()
    for _, name in ipairs { "slice", "watchdog" } do
      for _, value in ipairs { 0, -1, 0 / 0, "1", true } do
        local problem = caught(cosched.run, { [name] = value }, function() end)
        assert.matches(name .. ": seconds, more than 0, expected", problem)
      end
    end
    for _, value in ipairs { 0, -1, 1.5, "x", 2 ^ 40 } do
      local problem = caught(cosched.run, { slice_instructions = value }, function() end)
      assert.matches("slice_instructions: a positive integer expected", problem)
    end
    assert.equal("fine", cosched.run(function() return "fine" end))
  end)
end)

describe("hooks of the program", function()
  local function spin_lines()
    local deadline = os.clock() + 0.01
    local n = 0
    repeat
      n = n + 1
    until os.clock() > deadline
    return n
  end

  local first = debug.getinfo(spin_lines, "S").linedefined

  for what, options in pairs {
    ["slices of time"] = SLICE, ["slices of instructions"] = { slice_instructions = 20 },
  } do
    it("that count lines go on counting under " .. what, function()
      local lines = {}
      local function hook(_, line)
        if debug.getinfo(2, "f").func == spin_lines then lines[line] = true end
      end
      debug.sethook(hook, "l")
      local ok, problem = pcall(cosched.run, options, function()
        for _ = 1, 3 do
          cosched.spawn(function()
            spin_lines()
            assert(debug.gethook() == hook, "another hook")
          end)
        end
      end)
      debug.sethook()
      assert(ok, problem)
      for _, i in ipairs { 1, 2, 4, 5, 6 } do assert.is_true(lines[first + i], "line " .. i) end
    end)
  end

  it("are inherited by a task that is spawned while a slice ends", function()
    local function hook() end
    debug.sethook(hook, "", 1000000)
    local ok, problem = pcall(cosched.run, SLICE, function()
      local deadline = os.clock() + 0.02
      repeat
        local task = cosched.spawn(function() return (debug.gethook()) end)
        local found = task:join()
        assert(found == hook, "another hook: " .. tostring(found))
      until os.clock() > deadline
    end)
    debug.sethook()
    assert(ok, problem)
  end)

  it("are not inherited from a slice", function()
    cosched.run({ slice_instructions = 1000 }, function()
      local child
      cosched.spawn(function() child = coroutine.running() end)
      local spawned = cosched.spawn(function() end)
      assert.truthy((debug.gethook()))
      spawned:join()
      debug.sethook()
      local plain = cosched.spawn(function() return (debug.gethook()) end)
      assert.equal("external hook", plain:join()) -- its own slice, not its maker's
      assert.truthy(child)
    end)
  end)
end)
