-- Channels: who gets what, in which order; what closing does; that no item is lost
-- or delivered twice, however a task that waits is stopped.
local cosched = require "cosched"
local support = require "spec.support.task"
local in_task, caught, many = support.in_task, support.caught, support.many

local sys, yield = cosched.sys, coroutine.yield

local function drain(channel)
  local items = {}
  while true do
    local item = channel:try_recv()
    if item == nil then return items end
    items[#items + 1] = item
  end
end

-- Each way to make the call: `recv(channel)`, `send(channel, value)`.
local forms = {
  direct = {
    recv = function(channel) return channel:recv() end,
    send = function(channel, value) return channel:send(value) end,
  },
  yielded = {
    recv = function(channel) return yield(sys.channel_recv(channel)) end,
    send = function(channel, value) return yield(sys.channel_send(channel, value)) end,
  },
  selected = {
    recv = function(channel)
      return select(2, cosched.select { cosched.on_recv(channel) })
    end,
    send = function(channel, value)
      return select(2, cosched.select { cosched.on_send(channel, value) })
    end,
  },
  ["selected, yielded"] = {
    recv = function(channel)
      return select(2, yield(sys.select { cosched.on_recv(channel) }))
    end,
    send = function(channel, value)
      return select(2, yield(sys.select { cosched.on_send(channel, value) }))
    end,
  },
}

local function each_form(name, body)
  for form, calls in pairs(forms) do
    it(("%s (%s)"):format(name, form), in_task(function() body(calls.recv, calls.send) end))
  end
end

describe("cosched.channel", function()
  it("refuses a capacity that is none", function()
    for _, capacity in ipairs { -1, 1.5, 2 ^ 31, "many", 0 / 0, math.huge, {} } do
      assert.matches("bad argument #1", caught(cosched.channel, capacity))
    end
    assert.are.equal(0, #cosched.channel(2 ^ 31 - 1))
  end)

  it("costs little, however large its capacity", function()
    collectgarbage() collectgarbage()
    local before = collectgarbage "count"
    local channel = cosched.channel(1000000)
    for i = 1, 3 do channel:try_send(i) end
    assert.is_true(collectgarbage "count" - before < 2)
    assert.are.same({ 1, 2, 3 }, drain(channel))
  end)

  it("gives back the memory of a large buffer that was emptied", function()
    local channel = cosched.channel(100000)
    for i = 1, 50000 do channel:try_send(i) end
    for _ = 1, 50000 do channel:try_recv() end
    collectgarbage() collectgarbage()
    local before = collectgarbage "count"
    channel = nil -- luacheck: ignore
    collectgarbage() collectgarbage()
    assert.is_true(before - collectgarbage "count" < 10)
  end)

  it("says what it holds", function()
    local channel = cosched.channel(3)
    channel:try_send "x"
    assert.are.equal(1, #channel)
    assert.matches("^cosched.Channel: .*%(1 of 3%)$", tostring(channel))
    channel:close()
    assert.matches("%(1 of 3, closed%)$", tostring(channel))
  end)

  it("has methods that refuse what is no channel", in_task(function()
    local send = cosched.channel().send
    for _, value in ipairs { 1, "x", {}, io.stdout, cosched.current() } do
      assert.matches("cosched.Channel expected", caught(send, value, 1))
    end
    assert.matches("cosched.Channel expected", caught(send))
  end))
end)

describe("send and recv", function()
  each_form("meet, whoever comes first", function(recv, send)
    local channel, log = cosched.channel(), {}
    cosched.spawn(function()
      local item = recv(channel)
      log[#log + 1] = item
    end)
    cosched.checkpoint()
    assert.is_true(send(channel, "to one that waits"))
    local sender = cosched.spawn(send, channel, "from one that waits")
    cosched.checkpoint()
    assert.are.equal("from one that waits", recv(channel))
    assert.is_true(sender:join())
    assert.are.same({ "to one that waits" }, log)
  end)

  each_form("carry false like any other value", function(recv, send)
    local channel = cosched.channel(1)
    send(channel, false)
    assert.is_false(recv(channel))
    local receiver = cosched.spawn(recv, channel)
    cosched.checkpoint()
    send(channel, false)
    assert.is_false(receiver:join())
  end)

  each_form("keep the order on both sides", function(recv, send)
    for capacity = 0, 3 do
      local channel, got = cosched.channel(capacity), {}
      for i = 1, 8 do cosched.spawn(send, channel, i) end
      cosched.checkpoint()
      assert.are.equal(capacity, #channel)
      for i = 1, 8 do assert.are.equal(i, recv(channel)) end
      for i = 1, 8 do
        cosched.spawn(function() got[i] = recv(channel) end)
      end
      cosched.checkpoint()
      for i = 1, 8 do send(channel, i) end
      cosched.checkpoint()
      assert.are.same({ 1, 2, 3, 4, 5, 6, 7, 8 }, got)
    end
  end)

  each_form("wait when the buffer is full or empty", function(recv, send)
    local channel, log = cosched.channel(2), {}
    cosched.spawn(function()
      for i = 1, 4 do
        send(channel, i)
        log[#log + 1] = i
      end
    end)
    cosched.checkpoint()
    cosched.checkpoint()
    cosched.checkpoint()
    assert.are.same({ 1, 2 }, log)
    assert.are.equal(1, recv(channel))
    assert.are.equal(2, #channel)
    cosched.checkpoint()
    assert.are.same({ 1, 2, 3 }, log)
    for i = 2, 4 do assert.are.equal(i, recv(channel)) end
  end)

  it("do not switch when they can be answered at once", in_task(function()
    local channel, switched, got = cosched.channel(1), false, nil
    cosched.spawn(function() got = channel:recv() end)
    cosched.checkpoint()
    cosched.spawn(function() switched = true end)
    channel:send(1)
    channel:send(2)
    channel:recv()
    assert.is_false(switched)
    assert.is_nil(got)
  end))

  it("let others run now and then, all the same", in_task(function()
    local channel, ran = cosched.channel(1), false
    cosched.spawn(function() ran = true end)
    for i = 1, 64 do
      channel:send(i)
      channel:recv()
    end
    assert.is_true(ran)
  end))

  it("refuse nil, and say what to send instead", in_task(function()
    local channel = cosched.channel(1)
    for _, call in ipairs {
      function() channel:send(nil) end, function() channel:send() end,
      function() channel:try_send(nil) end,
      function() cosched.on_send(channel, nil) end,
      function() local r = yield(sys.channel_send(channel)) return r end,
    } do
      local problem = caught(call)
      assert.matches("^spec/core/channel_spec.lua:%d+: bad argument", problem)
      assert.matches("send false", problem)
    end
    assert.are.equal(0, #channel)
  end))

  it("need a task, but try_send and try_recv do not", function()
    local channel = cosched.channel(1)
    assert.matches("needs a task", caught(channel.send, channel, 1))
    assert.matches("needs a task", caught(channel.recv, channel))
    assert.is_true(channel:try_send(1))
    assert.are.equal(1, channel:try_recv())
  end)

  it("refuse to be called where they could not wait", in_task(function()
    local channel = cosched.channel(1)
    local problem = caught(table.sort, { 1, 2 }, function() channel:send(1) end)
    assert.matches("'send' cannot wait inside table.sort", problem)
    assert.are.equal(0, #channel)
    problem = caught(coroutine.wrap(function() channel:recv() end))
    assert.matches("'recv' cannot wait inside a coroutine", problem)
  end))

  it("say for what a task waits, when all do", function()
    local problem = caught(cosched.run, function()
      local channel = cosched.channel()
      cosched.spawn(function() channel:send(1) end)
      cosched.spawn(function() cosched.select { cosched.on_recv(cosched.channel()) } end)
      cosched.channel():recv()
    end)
    assert.is_true(cosched.is_deadlock(problem))
    for _, wait in ipairs { "channel send", "channel receive", "select" } do
      assert.truthy(problem.report:find("waits for " .. wait .. " at spec", 1, true), wait)
    end
  end)
end)

describe("try_send and try_recv", function()
  it("answer when they would have to wait", function()
    local channel = cosched.channel()
    assert.are.same({ n = 3, nil, "full", "EAGAIN" }, table.pack(channel:try_send(1)))
    assert.are.same({ n = 3, nil, "empty", "EAGAIN" }, table.pack(channel:try_recv()))
    channel:close "over"
    assert.are.same({ n = 3, nil, "closed", "ECLOSED" }, table.pack(channel:try_send(1)))
    assert.are.same({ n = 3, nil, "over", "ECLOSED" }, table.pack(channel:try_recv()))
  end)

  it("meet those who wait", in_task(function()
    local channel = cosched.channel()
    local receiver = cosched.spawn(channel.recv, channel)
    cosched.checkpoint()
    assert.is_true(channel:try_send(false))
    assert.is_false(receiver:join())
    local sender = cosched.spawn(channel.send, channel, 5)
    cosched.checkpoint()
    assert.are.equal(5, channel:try_recv())
    assert.is_true(sender:join())
  end))

  it("work in finalizers, at any allocation", in_task(function()
    local channel, sent, got = cosched.channel(10), 0, {}
    local receiver = cosched.spawn(function()
      for item in channel:iter() do got[#got + 1] = item end
    end)
    local function litter()
      setmetatable({}, { __gc = function()
        if channel:try_send(sent + 1) then sent = sent + 1 end
      end })
    end
    local pause = collectgarbage("setpause", 0)
    for _ = 1, many(2000) do
      litter()
      cosched.spawn(litter)
      if math.random(4) == 1 then cosched.checkpoint() end
    end
    collectgarbage("setpause", pause)
    collectgarbage()
    cosched.checkpoint()
    channel:close()
    receiver:join()
    assert.is_true(sent > 0)
    assert.are.equal(sent, #got)
    for i, item in ipairs(got) do assert.are.equal(i, item) end
  end))
end)

describe("channel:close", function()
  it("is true once, and keeps the first reason", in_task(function()
    local channel = cosched.channel()
    assert.is_true(channel:close "first")
    assert.is_false(channel:close "second")
    assert.are.same({ n = 2, nil, "first" }, table.pack(channel:recv()))
    assert.are.same({ n = 2, nil, "first" }, table.pack(channel:recv()))
  end))

  each_form("wakes those who wait to receive, with its reason", function(recv)
    for _, reason in ipairs { "gone", { "any" }, false, 0 } do
      local channel, receivers = cosched.channel(), {}
      for i = 1, 3 do receivers[i] = cosched.spawn(recv, channel) end
      cosched.checkpoint()
      channel:close(reason)
      for i = 1, 3 do
        local results = table.pack(receivers[i]:join())
        assert.are.equal(2, results.n)
        assert.is_nil(results[1])
        assert.are.equal(reason, results[2])
      end
    end
  end)

  each_form("says closed when it was given no reason", function(recv)
    local channel = cosched.channel()
    channel:close()
    assert.are.same({ n = 2, nil, "closed" }, table.pack(recv(channel)))
  end)

  each_form("lets the buffer be drained", function(recv)
    local channel = cosched.channel(2)
    channel:try_send(1)
    channel:try_send(2)
    channel:close()
    assert.are.equal(1, recv(channel))
    assert.are.equal(2, recv(channel))
    assert.are.same({ n = 2, nil, "closed" }, table.pack(recv(channel)))
  end)

  each_form("lets sends that wait deliver, in order", function(recv, send)
    for capacity = 0, 2 do
      local channel, senders = cosched.channel(capacity), {}
      for i = 1, 5 do senders[i] = cosched.spawn(send, channel, i) end
      cosched.checkpoint()
      channel:close()
      for i = 1, 5 do assert.are.equal(i, recv(channel)) end
      assert.is_nil(recv(channel))
      for i = 1, 5 do assert.is_true(senders[i]:join()) end
    end
  end)

  each_form("makes a later send raise at its caller", function(_, send)
    local channel = cosched.channel(1)
    channel:close()
    local problem = caught(function() local r = send(channel, 1) return r end)
    assert.matches("^spec/core/channel_spec.lua:%d+: channel is closed$", problem)
  end)
end)

describe("channel:iter", function()
  it("gives each item, and ends when the channel is closed", in_task(function()
    local channel, got = cosched.channel(1), {}
    cosched.spawn(function()
      for i = 1, 5 do channel:send(i % 2 == 0 and i) end
      channel:close()
    end)
    for item in channel:iter() do got[#got + 1] = item end
    assert.are.same({ false, 2, false, 4, false }, got)
    for _ in channel:iter() do error "there is nothing left" end
  end))

  it("raises what the channel was closed with, untouched", in_task(function()
    local problem = {}
    for _, waits in ipairs { true, false } do
      local channel, n = cosched.channel(2), 0
      channel:send(1)
      if waits then
        cosched.spawn(function() cosched.checkpoint() channel:close(problem) end)
      else
        channel:close(problem)
      end
      local raised = caught(function()
        for _ in channel:iter() do n = n + 1 end
      end)
      assert.is_true(rawequal(problem, raised))
      assert.are.equal(1, n)
    end
  end))

  it("may be left by break, with a captured variable", in_task(function()
    local channel, captured = cosched.channel(3), nil
    for i = 1, 3 do channel:send(i) end
    for item in channel:iter() do
      captured = function() return item end
      if item == 2 then break end
    end
    assert.are.equal(2, captured())
    assert.are.equal(3, channel:recv())
    assert.are.equal(2, select("#", channel:iter()))
  end))
end)

describe("a task that waits on a channel", function()
  each_form("leaves it when it is cancelled, or killed: no item is lost", function(recv)
    for _, stop in ipairs { "cancel", "kill" } do
      local channel = cosched.channel()
      local first, second = cosched.spawn(recv, channel), cosched.spawn(recv, channel)
      cosched.checkpoint()
      first[stop](first)
      assert.is_true(channel:try_send "item")
      assert.are.equal("cancelled", first:wait())
      assert.are.equal("item", second:join())
      assert.is_nil((channel:try_send "more"))
    end
  end)

  each_form("leaves it at a deadline, and nothing is lost", function(recv, send)
    local channel = cosched.channel()
    assert.is_false((cosched.move_on(0.001, recv, channel)))
    assert.is_nil((channel:try_send "x"))
    assert.is_false((cosched.move_on(0.001, send, channel, "late")))
    assert.is_nil((channel:try_recv()))
    cosched.spawn(send, channel, "item")
    assert.are.same({ true, "item" }, { cosched.move_on(60, recv, channel) })
  end)

  each_form("takes its item with it when it is stopped", function(recv, send)
    for _, stop in ipairs { "cancel", "kill" } do
      local channel, senders = cosched.channel(1), {}
      channel:try_send(0)
      for i = 1, 4 do senders[i] = cosched.spawn(send, channel, i) end
      cosched.checkpoint()
      for _, i in ipairs { 4, 1, 2 } do senders[i][stop](senders[i]) end
      assert.are.equal(0, recv(channel))
      assert.are.equal(3, recv(channel))
      assert.is_nil((channel:try_recv()))
      assert.is_true(senders[3]:join())
    end
  end)

  each_form("has received, if the cancellation comes after the wake", function(recv)
    local channel = cosched.channel()
    local task = cosched.spawn(function()
      local item = recv(channel)
      return item, pcall(cosched.sleep, 1)
    end)
    cosched.checkpoint()
    channel:send "kept"
    task:cancel()
    local item, slept = task:join()
    assert.are.equal("kept", item)
    assert.is_false(slept)
  end)

  each_form("has sent, if it is killed after the wake", function(_, send)
    local channel = cosched.channel()
    local task = cosched.spawn(send, channel, 1)
    cosched.checkpoint()
    assert.are.equal(1, channel:try_recv())
    task:kill()
    task:wait()
    assert.is_nil((channel:try_recv()))
  end)

  each_form("gives its item to the next, if it is killed after the wake", function(recv)
    local channel = cosched.channel()
    local first, next_one = cosched.spawn(recv, channel), cosched.spawn(recv, channel)
    cosched.checkpoint()
    channel:send "handed"
    first:kill()
    assert.are.equal("handed", next_one:join())
    assert.are.equal(0, #channel)
  end)

  each_form("gives it back in order, if there is no next", function(recv, send)
    local orders = { { 1, 2, 3, 4 }, { 4, 3, 2, 1 }, { 3, 1, 4, 2 }, { 2, 4, 1, 3 }, { 2, 3 } }
    for _, order in ipairs(orders) do
      for capacity = 0, 2 do
        local channel, tasks, killed, expected = cosched.channel(capacity), {}, {}, {}
        for i = 1, 4 do tasks[i] = cosched.spawn(recv, channel) end
        cosched.checkpoint()
        for i = 1, 4 + capacity do assert.is_true(channel:try_send(i)) end
        for _, i in ipairs(order) do
          tasks[i]:kill()
          killed[i] = true
        end
        assert.are.equal(#order + capacity, #channel)
        assert.is_nil((channel:try_send "too much"))
        local sender = cosched.spawn(send, channel, 5 + capacity)
        for i = 1, 4 do
          if killed[i] then
            expected[#expected + 1] = i
          else
            assert.are.equal(i, tasks[i]:join())
          end
        end
        for i = 5, 5 + capacity do expected[#expected + 1] = i end
        cosched.checkpoint()
        assert.are.same(expected, drain(channel))
        assert.is_true(sender:join())
      end
    end
  end)

  for form, calls in pairs(forms) do
    it(("does no harm when a stranger closes or resumes it (%s)"):format(form), function()
      for _, meddle in ipairs { coroutine.close, coroutine.resume } do
        for _, when in ipairs { "parked", "woken" } do
          local got, sent
          local problem = caught(cosched.run, cosched.supervisor, function(nursery)
            local inbox, outbox, threads = cosched.channel(), cosched.channel(), {}
            for i, start in ipairs { { calls.recv, inbox }, { calls.send, outbox, "lost" } } do
              nursery:spawn(function()
                threads[i] = coroutine.running()
                start[1](start[2], start[3])
              end)
            end
            local receiver = cosched.spawn(calls.recv, inbox)
            local sender = cosched.spawn(calls.send, outbox, "kept")
            cosched.checkpoint()
            if when == "woken" then
              inbox:try_send "with the thread"
              assert(outbox:try_recv() == "lost")
            end
            for i = 1, 2 do meddle(threads[i]) end
            collectgarbage()
            inbox:send "item"
            got, sent = receiver:join(), outbox:recv()
            if sent == "lost" then sent = outbox:recv() end -- the select had it still
            sender:join()
          end)
          assert.are.equal("task was closed outside the scheduler", cosched.cause(problem))
          assert.are.same({ "item", "kept" }, { got, sent })
        end
      end
    end)
  end
end)

describe("a channel that is collected", function()
  it("leaves alone a task that a stranger has closed", function()
    for _, name in ipairs { "recv", "send" } do
      local problem = caught(cosched.run, function()
        local gone = setmetatable({}, { __mode = "v" })
        for i = 1, 2 do
          local task = cosched.spawn(function()
            gone[i] = cosched.channel()
            gone[i + 2] = coroutine.running()
            gone[i][name](gone[i], 1)
          end)
          cosched.checkpoint()
          assert(coroutine.close(gone[i + 2]))
          collectgarbage()
          assert(not gone[i], "it was not collected")
          if i == 1 then task:cancel() else task:kill() end
        end
      end)
      assert.are.equal("task was closed outside the scheduler", cosched.cause(problem))
    end
  end)
end)

describe("all items arrive once", function()
  local function scenario(seed, capacity)
    math.randomseed(seed)
    local channel, seen, count = cosched.channel(capacity), {}, 0
    local kinds = { forms.direct, forms.yielded, forms.selected, forms["selected, yielded"] }
    local producers, consumers = {}, {}
    for p = 1, 6 do
      local send = kinds[math.random(4)].send
      producers[p] = cosched.spawn(function()
        for i = 1, 30 do
          send(channel, p * 1000 + i)
          if math.random(5) == 1 then cosched.checkpoint() end
        end
      end)
    end
    for c = 1, 6 do
      local recv = kinds[math.random(4)].recv
      consumers[c] = cosched.spawn(function()
        local last = {}
        for item in function() return (recv(channel)) end do
          local producer = item // 1000
          assert(item > (last[producer] or 0), "the order of one producer is kept")
          assert(not seen[item], "an item came twice")
          last[producer], seen[item], count = item, true, count + 1
          if math.random(5) == 1 then cosched.checkpoint() end
        end
      end)
    end
    for _, producer in ipairs(producers) do producer:join() end
    channel:close()
    for _, consumer in ipairs(consumers) do consumer:join() end
    assert.are.equal(180, count)
  end

  for _, capacity in ipairs { 0, 1, 7 } do
    it(("with many on both sides, capacity %d"):format(capacity), in_task(function()
      for seed = 1, many(20) do scenario(seed, capacity) end
    end))
  end

  it("while the collector runs all the time", in_task(function()
    local pause = collectgarbage("setpause", 0)
    for seed = 1, many(40) do scenario(seed, seed % 3) end
    collectgarbage("setpause", pause)
    collectgarbage "generational"
    for seed = 1, many(40) do scenario(seed, seed % 3) end
    collectgarbage "incremental"
  end))

  it("while receivers are killed", in_task(function()
    for seed = 1, many(100) do
      math.randomseed(seed)
      local channel, sent, got = cosched.channel(seed % 3), 0, {}
      local receivers = {}
      for r = 1, 10 do
        local recv = forms[({ "direct", "yielded", "selected" })[math.random(3)]].recv
        receivers[r] = cosched.spawn(function()
          local item = recv(channel)
          got[#got + 1] = item
        end)
      end
      cosched.checkpoint()
      while channel:try_send(sent + 1) do sent = sent + 1 end
      for r = 1, 10 do
        if math.random(2) == 1 then receivers[r]:kill() end
      end
      cosched.checkpoint()
      for _, item in ipairs(drain(channel)) do got[#got + 1] = item end
      table.sort(got)
      assert.are.equal(sent, #got)
      for i = 1, sent do assert.are.equal(i, got[i]) end
    end
  end))
end)
