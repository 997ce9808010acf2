-- What a switch, a task, a timer and a hand-over cost.
--
--   cosched bench/cosched_micro.lua list | NAME
--
-- One line of key=value pairs. BENCH_SCALE=0.1 makes everything ten times
-- smaller. floor.c has the same names for what Lua and libuv cost by themselves.
local cosched = require "cosched"

local spawn, sleep, now = cosched.spawn, cosched.sleep, cosched.now
local checkpoint, yield = cosched.checkpoint, coroutine.yield

local scale = tonumber(os.getenv "BENCH_SCALE" or 1)
local function scaled(n) return math.max(1, math.floor(n * scale)) end

local function rss()
  local file = assert(io.open "/proc/self/status")
  local kib = file:read("a"):match "VmRSS:%s*(%d+)"
  file:close()
  return tonumber(kib) * 1024
end

local function report(format, ...) print(format:format(...)) end

-- Run fn and every task that it spawns to the end.
local function run(fn) spawn(fn):join() end

-- {=== switches ===

-- `pause(n)` gives up the turn n times; a loop for each way to do it, so that no
-- call stands between.
local pauses = {
  bare = function(n)
    for _ = 1, n do yield() end
  end,
  checkpoint = function(n)
    for _ = 1, n do checkpoint() end
  end,
  object = function(n)
    local pause = cosched.sys.checkpoint
    for _ = 1, n do yield(pause()) end
  end,
}

local function switches(ntasks, total, pause)
  return function()
    local each = scaled(total) // ntasks
    local begin
    run(function()
      for _ = 1, ntasks do spawn(pause, each) end
      begin = now()
    end)
    report("ns_per_switch=%.1f", (now() - begin) / (ntasks * each) * 1e9)
  end
end

-- === switches ===}

-- {=== tasks ===

local function spawns()
  local total, done = scaled(1000000), 0
  local begin = now()
  run(function()
    for i = 1, total do
      spawn(function() done = done + 1 end)
      if i % 100 == 0 then yield() end
    end
  end)
  assert(done == total)
  report("ns_per_task=%.1f", (now() - begin) / total * 1e9)
end

local function joins()
  local total, sum = scaled(500000), 0
  local function body(i) return i end
  local begin = now()
  for i = 1, total do sum = sum + spawn(body, i):join() end
  assert(sum == total * (total + 1) // 2)
  report("ns_per_join=%.1f", (now() - begin) / total * 1e9)
end

-- Tasks that all sleep until one moment; `early` says that the first of them woke
-- before the last had gone to sleep, which spoils the figures.
local function parked(total)
  return function()
    local ntasks = scaled(total)
    local before, begin = rss(), now()
    local deadline = begin + math.max(1.5, ntasks * 15e-6)
    local first, last, all_parked, after
    run(function()
      for _ = 1, ntasks do
        spawn(function()
          sleep(math.max(0, deadline - now()))
          last = now()
          first = first or last
        end)
      end
      spawn(function() after, all_parked = rss(), now() end)
    end)
    report("bytes_per_task=%.0f spawn_ns=%.0f wake_ns=%.0f early=%d", (after - before) / ntasks,
      (all_parked - begin) / ntasks * 1e9, (last - first) / ntasks * 1e9,
      first < all_parked and 1 or 0)
  end
end

-- Tasks that sleep 1 to 100 ms again and again, for three seconds.
local function timers()
  local ntasks, seconds = scaled(100000), 3
  local stop, wakes, late = now() + seconds, 0, 0
  local cpu = os.clock()
  run(function()
    for _ = 1, ntasks do
      spawn(function()
        local before = now()
        while before < stop do
          local delay = math.random(1, 100) / 1000
          sleep(delay)
          local after = now()
          late = late + (after - before - delay)
          before = after
          wakes = wakes + 1
        end
      end)
    end
  end)
  report("wakes_s=%.0f cpu_ns_per_wake=%.0f mean_late_ms=%.2f", wakes / seconds,
    (os.clock() - cpu) / wakes * 1e9, late / wakes * 1000)
end

-- === tasks ===}

-- {=== handing over ===

local function pingpong()
  local total = scaled(300000)
  local there, back = cosched.channel(), cosched.channel()
  local begin = now()
  run(function()
    spawn(function()
      for i = 1, total do
        there:send(i)
        back:recv()
      end
    end)
    spawn(function()
      for _ = 1, total do back:send(there:recv()) end
    end)
  end)
  report("round_trips_s=%.0f", total / (now() - begin))
end

local function queue()
  local total, sum = scaled(1000000), 0
  local channel = cosched.channel(100)
  local begin = now()
  run(function()
    spawn(function()
      for i = 1, total do channel:send(i) end
    end)
    spawn(function()
      for _ = 1, total do sum = sum + channel:recv() end
    end)
  end)
  assert(sum == total * (total + 1) // 2)
  report("items_s=%.0f", total / (now() - begin))
end

-- === handing over ===}

-- {=== many at once ===

-- How long `act` takes for each of many tasks; `prepare` gives it what it needs.
local function many(prepare, act)
  return function()
    local total = scaled(100000)
    run(function()
      local what = prepare(total)
      local begin = now()
      act(what, total)
      report("ns_per_task=%.0f", (now() - begin) / total * 1e9)
      if what then what:cancel() end
    end)
  end
end

local function nothing() end

local function park_many(total)
  return spawn(function()
    for _ = 1, total do spawn(cosched.forever) end
  end)
end

-- With all of them parked.
local function parked_task(total)
  local task = park_many(total)
  checkpoint()
  checkpoint()
  return task
end

local nursery = many(nothing, function(_, total)
  cosched.nursery(function(children)
    for _ = 1, total do children:spawn(nothing) end
  end)
end)

local cancel = many(parked_task, function(task)
  task:cancel()
  task:wait()
end)

local ps = many(parked_task, function() cosched.ps() end)

-- === many at once ===}

local names = {
  "switch2", "switch2-checkpoint", "switch2-object", "switch1000", "spawn", "join", "park",
  "park1m", "timers", "pingpong", "queue", "nursery", "cancel", "ps",
}
local benchmarks = {
  ["switch2"] = switches(2, 2000000, pauses.bare),
  ["switch2-checkpoint"] = switches(2, 2000000, pauses.checkpoint),
  ["switch2-object"] = switches(2, 2000000, pauses.object),
  ["switch1000"] = switches(1000, 1000000, pauses.bare),
  ["spawn"] = spawns,
  ["join"] = joins,
  ["park"] = parked(100000),
  ["park1m"] = parked(1000000),
  ["timers"] = timers,
  ["pingpong"] = pingpong,
  ["queue"] = queue,
  ["nursery"] = nursery,
  ["cancel"] = cancel,
  ["ps"] = ps,
}

local function main()
  local name = arg[1] or "list"
  if name == "list" then
    print(table.concat(names, "\n"))
  else
    assert(benchmarks[name], "no such benchmark: " .. name)()
  end
end

if coroutine.isyieldable() then
  main()  -- under the `cosched` command the script is a task already
else
  cosched.run(main)
end
