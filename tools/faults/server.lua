-- The echo server of tools/faults/run: prints its port, serves until it is told
-- to end on its standard input. Errors of clients go to standard error.
local cosched = require "cosched"
local net = require "cosched.net"

local server = assert(net.listen("127.0.0.1", 0))
print((select(2, server:getsockname())))
io.stdout:flush()

cosched.spawn(function()
  cosched.read_wait(0) -- the end of standard input
  server:close()
end)

-- Accepting may fail for good, say without descriptors; the server goes on.
while server:fd() do
  local ok, message = server:serve(function(client)
    for line in client:lines() do
      assert(client:write(line, "\n"))
    end
  end)
  if not ok then
    io.stderr:write("server: ", message, "\n")
    cosched.sleep(0.001)
  end
end
