-- summary - busted's plain output, ending in `N passed, N failed, N skipped`.
--
-- When COSCHED_SUMMARY names a file, the three numbers are written there too:
-- tools/run-tests adds the C tests to them, and takes a missing file for a crash.

return function(options)
  local busted = require "busted"
  local inner = require "busted.outputHandlers.plainTerminal"(options)
  local handler = require "busted.outputHandlers.base"()
  inner:subscribe(options)

  busted.subscribe({ "exit" }, function()
    local passed, skipped = inner.successesCount, inner.pendingsCount
    local failed = inner.failuresCount + inner.errorsCount
    print(("%d passed, %d failed, %d skipped"):format(passed, failed, skipped))
    local path = os.getenv "COSCHED_SUMMARY"
    if path then
      local file = assert(io.open(path, "w"))
      file:write(passed, " ", failed, " ", skipped, "\n")
      file:close()
    end
    return nil, true
  end)

  handler.subscribe = function() end -- the inner one has done it
  return handler
end
