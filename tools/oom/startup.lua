-- The smallest program: for the sweep that fails from lua_newstate on.
local cosched = require "cosched"

return function()
  assert(cosched.run(function() return cosched.sleep(0) end) == true)
end
