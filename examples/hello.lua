-- Two tasks that take turns: while one sleeps, the other runs.
-- Run it with `cosched examples/hello.lua`.
local cosched = require "cosched"

for _, name in ipairs { "left", "right" } do
  cosched.spawn(function()
    for i = 1, 3 do
      print(name, i)
      cosched.sleep(0.01)
    end
  end)
end

--[[ output
left	1
right	1
left	2
right	2
left	3
right	3
]]
