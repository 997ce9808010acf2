--- A broad broad, whose result must not depend on where its task is interrupted:
-- calls, errors, metamethods, C functions that call back, coroutines, `<close>`, waits.

local cosched = require "cosched"
local support = require "spec.support.task"
local closing = support.closing

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

--- Runs all parts; what they give, as text.
return function()
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

