-- A chat server: the first line of a client is its name, each later one goes to
-- all others. `cosched examples/chat.lua [port]`, then `nc 127.0.0.1 7002`.
--
-- Two tasks for each client: one reads, one writes. Nobody waits for a slow
-- reader but the task that writes to it, and whoever falls too far behind goes.
local cosched = require "cosched"
local net = require "cosched.net"

local WAITING_LINES = 100 -- a client that leaves more than this unread is dropped

local clients = {} -- name -> { socket, lines to be written }

local function say(from, line)
  for name, client in pairs(clients) do
    if name ~= from then
      table.insert(client.lines, line)
      if #client.lines > WAITING_LINES then client.socket:close() end
      if client.idle then client.idle:wake() end
    end
  end
end

-- Parks the writer of a client until somebody has said something.
local wait_for_lines = cosched.syscall {
  name = "something to write",
  start = function(wait, client)
    client.idle = wait
    return wait:park()
  end,
}

local function write_lines(client)
  while true do
    if #client.lines == 0 then wait_for_lines(client) end
    local text = table.concat(client.lines, "\n") .. "\n"
    client.lines = {}
    if not client.socket:write(text) then return end
  end
end

local server = assert(net.listen("127.0.0.1", tonumber(arg[1]) or 7002))
print(("listening on %s:%d"):format(server:getsockname()))

server:serve(function(socket)
  socket:write "name?\n"
  local name = socket:read "l"
  if not name or clients[name] then return end
  local client = { socket = socket, lines = {} }
  clients[name] = client
  say(name, name .. " has come")
  local writer = cosched.spawn(write_lines, client)
  -- runs however this function ends: end of data, error, cancellation
  local _ <close> = setmetatable({}, {
    __close = function()
      clients[name] = nil
      writer:cancel "the client has left"
      say(name, name .. " has left")
    end,
  })
  for line in socket:lines() do say(name, name .. ": " .. line) end
end)

--[[ session
ann> ann
ann< name?
bob> bob
bob< name?
ann< bob has come
ann> hello
bob< ann: hello
bob> hello yourself
ann< bob: hello yourself
bob.
ann< bob has left
]]
