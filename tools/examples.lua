-- examples - runs scripts and compares what they do with what their end says.
--
-- An example ends in one comment. Either what it prints,
--
--   --[[ output                or: output with OTHER.lua, a server of the same
--   left 1                     folder, whose port becomes the argument; or: output
--   ]]                         by lua, for a script that calls cosched.run itself
--
-- or, for a server (its argument is the port 0; its first line ends in the port
-- that it got), a conversation with clients, line by line:
--
--   --[[ session
--   ann> hello                 client ann connects, if she has not, and sends
--   ann< hello                 what she must receive
--   ann<<                      the server must end the connection
--   ann.                       she closes it
--   | ann has left             what the server must print next
--   kill TERM                  a signal for the server
--   exit 143                   the status it must end with
--   ]]
--
-- A server that was not told to exit is killed at the end. tools/run-examples
-- starts this with the cosched command.

local net = require "cosched.net"

local LIMIT = 10 -- seconds for each example
local command = assert(os.getenv "COSCHED", "COSCHED names the command")

local function quote(text) return "'" .. text:gsub("'", [['\'']]) .. "'" end

-- Its output begins with its process id, and a line is written when it is
-- complete, not when there are many. Signals are for the process itself, not for
-- timeout, which can end by one before it has noted whom to pass it on to.
local function start(path, argument, interpreter)
  local line = ([[export LUA_INIT='io.stdout:setvbuf "line"'
    exec timeout --foreground -k 1 %d \
      sh -c 'echo $$; exec "$@"' sh %s %s %s 2>&1 </dev/null]]):format(
    LIMIT, interpreter or command, quote(path), argument or "")
  local pipe = assert(io.popen(line))
  return { pipe = pipe, pid = assert(pipe:read "n", "it did not start"), rest = pipe:read() }
end

local function kill(process, signal)
  os.execute(("kill -%s %d"):format(signal, process.pid))
end

-- What it still printed, and the status it ended with.
local function wait(process)
  local output = process.pipe:read "a"
  local _, _, status = process.pipe:close()
  return output, status
end

local function stop(process)
  kill(process, "TERM")
  wait(process)
end

local function listening(process)
  local line = process.pipe:read() or ""
  return line:match ":(%d+)" or error("it does not say its port: " .. line, 0)
end

local function expect(what, expected, got)
  if expected == got then return end
  error(("%s: expected\n%s\nbut got\n%s"):format(what, expected, got), 0)
end

local function check_output(path, expected, partner, interpreter)
  local server = partner and start(path:gsub("[^/]*$", "") .. partner, "0")
  local process = start(path, server and listening(server), interpreter)
  local output, status = wait(process)
  if server then stop(server) end
  expect("output", expected, output)
  expect("status", 0, status)
end

-- The lines of a session: a pattern, and what it asks for.
local steps = {
  { "^(%w+)> ?(.*)$", function(session, name, text)
    local client = session.clients[name]
    if not client then
      client = assert(net.connect("127.0.0.1", session.port, { timeout = LIMIT }))
      client:settimeout(LIMIT)
      session.clients[name] = client
    end
    assert(client:write(text, "\n"))
  end },
  { "^(%w+)<<$", function(session, name)
    expect(name .. "'s connection", nil, (session.clients[name]:read()))
  end },
  { "^(%w+)< ?(.*)$", function(session, name, text)
    expect("a line for " .. name, text, session.clients[name]:read())
  end },
  { "^(%w+)%.$", function(session, name) session.clients[name]:close() end },
  { "^| ?(.*)$", function(session, text)
    expect("a line of output", text, session.process.pipe:read())
  end },
  { "^kill (%w+)$", function(session, signal) kill(session.process, signal) end },
  { "^exit (%d+)$", function(session, status)
    local output, got = wait(session.process)
    session.process = nil
    expect("the rest of the output", "", output)
    expect("status", tonumber(status), got)
  end },
}

local function take_step(session, line)
  for _, step in ipairs(steps) do
    local captures = table.pack(line:match(step[1]))
    if captures[1] then return step[2](session, table.unpack(captures)) end
  end
  error("no step of a session: " .. line, 0)
end

local function check_session(path, lines)
  local process = start(path, "0")
  local session = { process = process, clients = {} }
  local ok, problem = pcall(function()
    session.port = math.tointeger(listening(process))
    for line in lines:gmatch "[^\n]+" do take_step(session, line) end
  end)
  for _, client in pairs(session.clients) do client:close() end
  if session.process then stop(session.process) end
  if not ok then error(problem, 0) end
end

local function check(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  local partner, output = text:match "\n%-%-%[%[ output ?([^\n]*)\n(.*)%]%]\n$"
  if output then
    return check_output(path, output, partner:match "^with (%S+)$",
      partner == "by lua" and os.getenv "LUA")
  end
  local lines = text:match "\n%-%-%[%[ session\n(.*)%]%]\n$"
  if lines then return check_session(path, lines) end
  error("its end does not say what it does: --[[ output, or --[[ session", 0)
end

local failures = 0
for _, path in ipairs(arg) do
  local ok, problem = pcall(check, path)
  print(("%s  %s"):format(ok and "ok    " or "not ok", path))
  if not ok then
    print("  " .. tostring(problem):gsub("\n", "\n  "))
    failures = failures + 1
  end
end
print(("%d examples, %d failed"):format(#arg, failures))
os.exit(failures == 0 and #arg > 0)
