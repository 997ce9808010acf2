-- Selects that wait for channels, for a task and for a time; one is cancelled.
local cosched = require "cosched"

local function main()
  local a, b = cosched.channel(), cosched.channel(1)
  local slow = cosched.spawn(cosched.sleep, 10)
  local function choose()
    return cosched.select {
      cosched.on_recv(a), cosched.on_recv(a), cosched.on_join(slow), cosched.after(5),
    }
  end
  local first, second = cosched.spawn(choose), cosched.spawn(choose)
  local yielded = cosched.spawn(function()
    return coroutine.yield(cosched.sys.select { cosched.on_recv(b), cosched.after(5) })
  end)
  cosched.sleep(0.001)
  second:cancel()
  a:send "item"
  local index, item = first:join()
  assert(index <= 2 and item == "item" and second:wait() ~= "ok")
  assert(cosched.select { cosched.on_send(b, "x"), cosched.on_recv(a) } == 1)
  index, item = yielded:join()
  assert(index == 1 and item == "x")
  assert(cosched.select { cosched.on_recv(a), cosched.after(0.001) } == 2)
  slow:cancel()
  assert(select(2, cosched.select { cosched.on_join(slow), cosched.on_recv(b) }) ~= "ok")
end

return function() cosched.run(main) end
