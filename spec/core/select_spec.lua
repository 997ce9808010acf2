-- select: exactly one operation happens, and nothing of the others remains.
local cosched = require "cosched"
local support = require "spec.support.task"
local in_task, caught, many = support.in_task, support.caught, support.many

local on_recv, on_send = cosched.on_recv, cosched.on_send
local on_join, after = cosched.on_join, cosched.after
local sys, yield = cosched.sys, coroutine.yield

local LONG = 3600

local forms = {
  direct = cosched.select,
  yielded = function(arms) return yield(sys.select(arms)) end,
}

local function each_form(name, body)
  for form, choose in pairs(forms) do
    it(("%s (%s)"):format(name, form), in_task(function() body(choose) end))
  end
end

local function filled(...)
  local channel = cosched.channel(10)
  for _, item in ipairs { ... } do channel:try_send(item) end
  return channel
end

describe("cosched.select", function()
  each_form("does what can be done at once", function(choose)
    local full, empty, closed = filled "item", cosched.channel(1), cosched.channel()
    closed:close "reason"
    local done = cosched.spawn(function() end)
    done:join()
    assert.are.same({ n = 2, 2, "item" },
      table.pack(choose { on_recv(empty), on_recv(full) }))
    assert.are.same({ n = 2, 1, true }, table.pack(choose { on_send(empty, "x") }))
    assert.are.equal("x", empty:try_recv())
    assert.are.same({ n = 3, 2, nil, "reason" },
      table.pack(choose { on_recv(empty), on_recv(closed) }))
    assert.are.same({ n = 2, 2, "ok" }, table.pack(choose { on_recv(empty), on_join(done) }))
    assert.are.same({ n = 2, 2, true }, table.pack(choose { on_recv(empty), after(0) }))
  end)

  each_form("waits for the first of its arms", function(choose)
    local a, b, c = cosched.channel(), cosched.channel(), cosched.channel()
    local task = cosched.spawn(cosched.sleep, LONG)
    local function arms() return { on_recv(a), on_send(b, "out"), on_join(task), on_recv(c) } end
    cosched.spawn(function() a:send "in" end)
    assert.are.same({ n = 2, 1, "in" }, table.pack(choose(arms())))
    local receiver = cosched.spawn(function() return b:recv() end)
    assert.are.same({ n = 2, 2, true }, table.pack(choose(arms())))
    assert.are.equal("out", receiver:join())
    cosched.spawn(function() c:close "over" end)
    assert.are.same({ n = 3, 4, nil, "over" }, table.pack(choose(arms())))
    c = cosched.channel()
    cosched.spawn(function() task:cancel() end)
    assert.are.same({ n = 2, 3, "cancelled" }, table.pack(choose(arms())))
  end)

  each_form("ends after a time, the shortest of its times", function(choose)
    local channel = cosched.channel()
    assert.are.same({ n = 2, 3, true },
      table.pack(choose { after(LONG), on_recv(channel), after(0.001), after(math.huge) }))
    cosched.spawn(channel.send, channel, "early")
    assert.are.same({ n = 2, 2, "early" }, table.pack(choose { after(LONG), on_recv(channel) }))
  end)

  each_form("takes one value when both its arms become ready", function(choose)
    local a, b = cosched.channel(1), cosched.channel(1)
    local task = cosched.spawn(choose, { on_recv(a), on_recv(b) })
    cosched.checkpoint()
    b:send "b"
    a:send "a"
    assert.are.same({ n = 2, 2, "b" }, table.pack(task:join()))
    assert.are.equal(1, #a)
    assert.are.equal("a", a:recv())
  end)

  each_form("is out of every queue when one arm was chosen", function(choose)
    local a, b, c = cosched.channel(), cosched.channel(), cosched.channel()
    local target = cosched.spawn(cosched.sleep, LONG)
    cosched.spawn(choose, { on_recv(a), on_send(b, 1), on_recv(c), on_join(target), after(LONG) })
    cosched.checkpoint()
    assert.is_true(c:try_send "x")
    assert.is_nil((a:try_send "y"))
    assert.is_nil((b:try_recv()))
    cosched.checkpoint()
    assert.is_nil((a:try_send "y"))
    assert.is_nil((b:try_recv()))
    target:kill()
  end)

  each_form("does not keep what comes when its time is over", function(choose)
    local channel = cosched.channel()
    local task = cosched.spawn(choose, { on_recv(channel), on_send(channel, "x"), after(0.001) })
    local refused
    cosched.spawn(function()
      -- the loop wakes both at once; this one runs first, having slept as long
      cosched.sleep(0.001)
      refused = not channel:try_send "late" or not channel:try_recv()
    end)
    cosched.sleep(0.003)
    local index = task:join()
    assert.is_true(index == 3 or not refused)
    assert.is_nil((channel:try_send "later"))
    assert.is_nil((channel:try_recv()))
  end)

  it("chooses at random among those that are ready", in_task(function()
    local channels, counts = {}, { 0, 0, 0 }
    for i = 1, 3 do channels[i] = cosched.channel(1) end
    for _ = 1, 600 do
      for i = 1, 3 do channels[i]:try_send(i) end
      local i, item = cosched.select {
        on_recv(channels[1]), on_recv(channels[2]), on_recv(channels[3]),
      }
      assert.are.equal(i, item)
      counts[i] = counts[i] + 1
    end
    for i = 1, 3 do assert.is_true(counts[i] > 100 and counts[i] < 350, counts[i]) end
  end))

  each_form("chooses the first that is ready when it is biased", function(choose)
    local empty, a, b = cosched.channel(), filled(1, 2, 3), filled(1, 2, 3)
    for i = 1, 3 do
      assert.are.same({ n = 2, 2, i },
        table.pack(choose { on_recv(empty), on_recv(a), on_recv(b), biased = true }))
    end
  end)

  each_form("prefers whatever is ready to a time of zero", function(choose)
    local channel = filled(1, 2, 3, 4, 5)
    for i = 1, 5 do
      assert.are.same({ n = 2, 2, i }, table.pack(choose { after(0), on_recv(channel) }))
    end
    assert.are.same({ n = 2, 1, true }, table.pack(choose { after(0), on_recv(channel) }))
  end)

  it("lets others run now and then when it never waits", in_task(function()
    local ran = false
    cosched.spawn(function() ran = true end)
    for _ = 1, 64 do cosched.select { after(0) } end
    assert.is_true(ran)
  end))

  each_form("may have one channel in several arms", function(choose)
    local channel = cosched.channel()
    local task = cosched.spawn(choose, { on_recv(channel), on_recv(channel), on_recv(channel) })
    cosched.checkpoint()
    assert.is_true(channel:try_send "once")
    assert.is_nil((channel:try_send "twice"))
    assert.are.equal("once", select(2, task:join()))
    task = cosched.spawn(choose, { on_send(channel, "a"), on_send(channel, "b") })
    cosched.checkpoint()
    assert.are.equal("a", channel:try_recv())
    assert.is_nil((channel:try_recv()))
    assert.are.equal(1, (task:join()))
  end)

  each_form("does not meet itself", function(choose)
    local channel = cosched.channel()
    local log = {}
    for i = 1, 2 do
      cosched.spawn(function()
        local index, value = choose { on_recv(channel), on_send(channel, "from " .. i) }
        log[i] = { index, value }
      end)
      cosched.checkpoint()
      if i == 1 then assert.is_nil(log[1]) end
    end
    cosched.checkpoint()
    local received = log[1][1] == 1 and 1 or 2
    assert.are.same({ 1, "from " .. 3 - received }, log[received])
    assert.are.same({ 2, true }, log[3 - received])
  end)

  each_form("takes the same arms again and again", function(choose)
    local channel = cosched.channel(1)
    local send, recv = on_send(channel, "x"), on_recv(channel)
    for _ = 1, 3 do
      assert.is_true(select(2, choose { send, send }))
      assert.are.same({ n = 2, 1, "x" }, table.pack(choose { recv }))
    end
    local arms = { recv, after(LONG) }
    local first, second = cosched.spawn(choose, arms), cosched.spawn(choose, arms)
    cosched.checkpoint()
    arms[1] = nil -- it has its own list by now
    channel:send "1"
    channel:send "2"
    assert.are.same({ n = 2, 1, "1" }, table.pack(first:join()))
    assert.are.same({ n = 2, 1, "2" }, table.pack(second:join()))
  end)

  each_form("stands in line with those who wait for one channel", function(choose)
    local channel, log = cosched.channel(), {}
    local function note(i, item) log[i] = item end
    cosched.spawn(function() note(1, channel:recv()) end)
    cosched.spawn(function() note(2, select(2, choose { on_recv(channel), after(LONG) })) end)
    cosched.spawn(function() note(3, channel:recv()) end)
    cosched.checkpoint()
    for i = 1, 3 do channel:send(i) end
    cosched.checkpoint()
    assert.are.same({ 1, 2, 3 }, log)
  end)

  each_form("raises when it chooses to send to a closed channel", function(choose)
    local channel = cosched.channel()
    channel:close()
    local problem = caught(function()
      local r = choose { on_send(channel, 1) }
      return r
    end)
    assert.matches("channel is closed$", problem)
  end)

  it("names the caller's line", in_task(function()
    local channel = cosched.channel()
    channel:close()
    local problem = caught(function() local r = cosched.select { on_send(channel, 1) } return r end)
    assert.matches("^spec/core/select_spec.lua:%d+: channel is closed$", problem)
    problem = caught(function() local r = cosched.select {} return r end)
    assert.matches("^spec/core/select_spec.lua:%d+: bad argument #1 to 'select'", problem)
  end))

  it("gives a large list its place", in_task(function()
    local channels, arms = {}, {}
    for i = 1, many(2000) do
      channels[i] = cosched.channel()
      arms[i] = on_recv(channels[i])
    end
    local task = cosched.spawn(cosched.select, arms)
    cosched.checkpoint()
    assert.is_true(channels[#arms]:try_send "last")
    assert.are.same({ n = 2, #arms, "last" }, table.pack(task:join()))
  end))
end)

describe("on_join", function()
  it("says how the task has ended, like task:wait", in_task(function()
    cosched.supervisor(function(nursery)
      for outcome, body in pairs {
        ok = function() end,
        error = function() error "failed" end,
        cancelled = function() cosched.current():cancel() cosched.sleep(1) end,
      } do
        local task = nursery:spawn(body)
        assert.are.same({ 1, outcome }, { cosched.select { on_join(task), after(LONG) } })
        assert.are.same({ 1, outcome }, { cosched.select { on_join(task), after(LONG) } })
      end
    end)
  end))

  it("observes a failure where its nursery supervises", function()
    cosched.run(cosched.supervisor, function(nursery)
      local task = nursery:spawn(error, "failed")
      assert(select(2, cosched.select { on_join(task), after(LONG) }) == "error")
    end)
  end)

  it("does not observe it when another arm was chosen", function()
    local problem = caught(cosched.run, cosched.supervisor, function(nursery)
      local task = nursery:spawn(function() cosched.checkpoint() error("failed", 0) end)
      local channel = filled(1)
      cosched.select { on_join(task), on_recv(channel) }
    end)
    assert.are.equal("failed", cosched.cause(problem))
  end)

  it("refuses what could never end first", in_task(function()
    local me = cosched.current()
    local function refused(task)
      return caught(cosched.select, { on_join(task), after(0) })
    end
    assert.matches("cannot join itself", refused(me))
    assert.matches("cannot join its ancestor",
      cosched.spawn(function() return refused(me) end):join())
    local a, b
    a = cosched.spawn(function() b:join() end)
    b = cosched.spawn(function() return refused(a) end)
    assert.matches("cycle of joins", b:join())
  end))
end)

describe("a select that waits", function()
  each_form("leaves all queues when it is stopped", function(choose)
    for _, stop in ipairs { "cancel", "kill" } do
      local a, b = cosched.channel(), cosched.channel()
      local target = cosched.spawn(cosched.sleep, LONG)
      local task = cosched.spawn(choose,
        { on_recv(a), on_send(b, 1), on_join(target), after(0.001) })
      cosched.checkpoint()
      task[stop](task)
      assert.is_nil((a:try_send "x"))
      assert.is_nil((b:try_recv()))
      assert.are.equal("cancelled", task:wait())
      target:kill()
      cosched.sleep(0.002)
    end
  end)

  each_form("leaves all queues at a deadline", function(choose)
    local a, b = cosched.channel(), cosched.channel()
    local arms = { on_recv(a), on_send(b, 1), after(LONG) }
    assert.is_false((cosched.move_on(0.001, choose, arms)))
    assert.is_nil((a:try_send "x"))
    assert.is_nil((b:try_recv()))
  end)

  each_form("keeps what it was given when it is cancelled after that", function(choose)
    local channel = cosched.channel()
    local task = cosched.spawn(choose, { on_recv(channel), after(LONG) })
    cosched.checkpoint()
    channel:send "given"
    task:cancel()
    assert.are.same({ n = 2, 1, "given" }, table.pack(task:join()))
  end)

  each_form("gives it to the next when it is killed after that", function(choose)
    local channel, other = cosched.channel(), cosched.channel()
    local first = cosched.spawn(choose, { on_recv(other), on_recv(channel), on_recv(channel) })
    local second = cosched.spawn(choose, { on_recv(channel) })
    cosched.checkpoint()
    channel:send "given"
    first:kill()
    assert.are.same({ n = 2, 1, "given" }, table.pack(second:join()))
    assert.are.equal(0, #channel)
  end)

  each_form("may be killed after any of its arms was chosen", function(choose)
    for chosen = 1, 4 do
      local a, b, c = cosched.channel(), cosched.channel(), cosched.channel()
      local target = cosched.spawn(cosched.sleep, LONG)
      local task = cosched.spawn(choose,
        { on_recv(a), on_send(b, "sent"), on_join(target), on_recv(c) })
      cosched.checkpoint()
      if chosen == 1 then a:try_send "back" end
      if chosen == 2 then assert.are.equal("sent", b:try_recv()) end
      if chosen == 3 then target:kill() cosched.checkpoint() end
      if chosen == 4 then c:close() end
      task:kill()
      task:wait()
      assert.are.equal(chosen == 1 and 1 or 0, #a)
      assert.is_nil((b:try_recv()))
      target:kill()
    end
  end)
end)

describe("select refuses", function()
  local cases = {
    ["an empty list"] = { {}, "a select without arms would wait for ever" },
    ["a list with options alone"] = { { biased = true }, "without arms" },
    ["no table"] = { 1, "table expected" },
    ["nothing"] = { nil, "table expected" },
    ["what is no arm"] = { { cosched.channel() }, "arm 1 is a cosched.Channel" },
    ["a hole"] = { { after(0), nil, after(0) }, "arm 2 is a nil" },
    ["an option that it does not know"] = { { after(0), bias = true }, "no option 'bias'" },
    ["an option of another type"] = { { after(0), biased = 1 }, "biased must be" },
  }
  for name, case in pairs(cases) do
    it(name, in_task(function()
      for _, choose in pairs(forms) do
        local problem = caught(function() local r = choose(case[1]) return r end)
        assert.matches(case[2], problem)
      end
    end))
  end

  it("to be called outside of tasks", function()
    assert.matches("needs a task", caught(cosched.select, { after(0) }))
  end)

  it("arms of something else", function()
    assert.matches("cosched.Channel expected", caught(on_recv, 1))
    assert.matches("cosched.Channel expected", caught(on_send, {}, 1))
    assert.matches("cosched.Task expected", caught(on_join, cosched.channel()))
    for _, seconds in ipairs { -1, 0 / 0, "soon" } do
      assert.matches("bad argument #1", caught(after, seconds))
    end
    assert.are.equal("cosched.Arm: after", tostring(after(1)))
  end)
end)

describe("many selects", function()
  it("pass on every item once, while the collector runs all the time", in_task(function()
    local pause = collectgarbage("setpause", 0)
    for seed = 1, many(40) do
      math.randomseed(seed)
      local channels, seen, count, tasks = {}, {}, 0, {}
      for i = 1, 3 do channels[i] = cosched.channel(i - 1) end
      local function any() return channels[math.random(3)] end
      for t = 1, 8 do
        local choose = math.random(2) == 1 and forms.direct or forms.yielded
        tasks[t] = cosched.spawn(function()
          for i = 1, 20 do
            local own = t * 1000 + i
            while own do
              local index, item = choose {
                on_send(any(), own), on_recv(any()), on_recv(any()), after(LONG),
              }
              if index == 1 then
                own = nil
              else
                assert(not seen[item], "an item came twice")
                seen[item], count = true, count + 1
              end
            end
          end
        end)
      end
      local rest = cosched.spawn(function()
        local arms = { on_recv(channels[1]), on_recv(channels[2]), on_recv(channels[3]) }
        while count < 160 do
          local _, item = cosched.select { arms[1], arms[2], arms[3], after(0.001) }
          if item ~= true then
            assert(not seen[item], "an item came twice")
            seen[item], count = true, count + 1
          end
        end
      end)
      for _, task in ipairs(tasks) do task:join() end
      rest:join()
      assert.are.equal(160, count)
    end
    collectgarbage("setpause", pause)
  end))
end)
