-- Two clients and an echo server, all over real sockets.
local cosched = require "cosched"
local net = require "cosched.net"

local long = ("0123456789"):rep(3000)

local function echo(client)
  for line in client:lines() do
    assert(client:send(line))
    assert(client:write("\n"))
  end
end

local function talk(port, text, count)
  local socket <close> = assert(net.connect("127.0.0.1", port, { timeout = 5 }))
  for _ = 1, count do
    assert(socket:send(text .. "\n") == #text + 1)
    local received = ""
    while #received <= #text do
      received = received .. assert(socket:recv())
    end
    assert(received == text .. "\n")
  end
  assert(socket:shutdown())
  local rest, message, code = socket:recv()
  assert(rest == nil and code == "EOF", message)
end

local function main()
  local unable -- what on_error was told
  local server <close> = assert(net.listen("127.0.0.1", 0))
  local _, port = server:getsockname()
  local serving = cosched.spawn(function()
    assert(server:serve(echo, {
      max_clients = 2,
      on_error = function(errors) unable = unable or errors end,
    }))
  end)
  local ok, problem = pcall(function()
    local other = cosched.spawn(pcall, talk, port, "hello", 3)
    talk(port, long, 2)
    assert(other:join())
  end)
  server:close()
  serving:join()
  -- a client of a handler that had no memory sees just the end of its data
  if not ok then error(unable or problem, 0) end
end

return function() cosched.run(main) end
