-- Channels: both sides wait, items come back from receivers that are killed.
local cosched = require "cosched"

local function main()
  local channel, big = cosched.channel(), cosched.channel(100)
  for i = 1, 20 do assert(big:try_send(i)) end
  local receivers = {}
  for i = 1, 6 do receivers[i] = cosched.spawn(channel.recv, channel) end
  cosched.sleep(0)
  local waiting = 0
  for i = 1, 6 do waiting = waiting + (receivers[i]:status() == "waiting" and 1 or 0) end
  for i = 1, waiting do assert(channel:try_send(i)) end
  assert(not channel:try_send "too much" or waiting < 6)
  for i = 1, 6 do receivers[i]:kill() end
  for i = 1, waiting do assert(channel:try_recv() == i) end
  local raw = cosched.spawn(function()
    return coroutine.yield(cosched.sys.channel_recv(channel))
  end)
  local sender = cosched.spawn(channel.send, channel, "sent")
  assert(raw:join() == "sent" and sender:join())
  cosched.spawn(function()
    for i = 21, 40 do big:send(i) end
    big:close "done"
  end)
  local n = 0
  while true do
    local item, reason = big:recv()
    if not item then
      assert(reason == "done")
      break
    end
    n = n + 1
    assert(item == n)
  end
  assert(n == 40)
end

return function() cosched.run(main) end
