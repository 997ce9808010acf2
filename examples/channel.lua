-- Workers that share jobs by one channel and answer by another: the buffer holds
-- the producer back when the workers are slow.
-- Run it with `cosched examples/channel.lua`.
local cosched = require "cosched"

local jobs = cosched.channel(2) -- at most two jobs wait
local answers = cosched.channel()

cosched.spawn(function()
  for number = 1, 6 do jobs:send(number) end
  jobs:close() -- the workers finish what is left, then their loops end
end)

local workers = cosched.spawn(function()
  for _ = 1, 3 do
    cosched.spawn(function()
      for number in jobs:iter() do
        cosched.sleep(0.001)
        answers:send { number = number, square = number * number }
      end
    end)
  end
end)

local results, ended = {}, nil
while not ended do
  local index, answer = cosched.select {
    cosched.on_recv(answers),
    cosched.on_join(workers),
    cosched.after(5), -- they are too slow
  }
  if index == 1 then
    results[answer.number] = answer.square
  else
    ended = answer
  end
end

print(table.concat(results, " "))
print("the workers ended:", ended)

--[[ output
1 4 9 16 25 36
the workers ended:	ok
]]
