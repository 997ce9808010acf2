-- tell_memory(pcall(...)): raises what went wrong; first of all that memory was short,
-- for such an error may come behind those that were made on purpose.
local cosched = require "cosched"

return function(ok, problem)
  if ok then return end
  if cosched.is_deadlock(problem) and problem.errors then problem = problem.errors end
  for _, leaf in ipairs(cosched.is_errors(problem) and problem.errors or {}) do
    if tostring(leaf.error):find "not enough memory" then error(leaf.error, 0) end
  end
  error(problem, 0)
end
