--- cosched.net: TCP servers and clients, in sequential code.
-- Sockets and listeners are the core's. This adds names, and the loops that
-- every server has.

local checks = require "cosched.check"
local core = require "cosched.core"

local M = { resolve = core.resolve, socketpair = core.socketpair }

local Socket, Listener = core.Socket, core.Listener

-- Arguments are checked here, so that an error names the function and the place
-- that the caller knows.
local function check(condition, position, name, what)
  if not condition then
    error(("bad argument #%d to '%s' (%s)"):format(position, name, what), 3)
  end
end

-- Sockets and listeners hide their metatable behind their type's name.
local function is_a(value, type_name)
  return type(value) == "userdata" and getmetatable(value) == type_name
end

-- "unknown option 'timout'; known: bind, timeout"
local function describe_unknown(name, known)
  local names = {}
  for each in pairs(known) do names[#names + 1] = each end
  table.sort(names)
  return ("unknown option '%s'; known: %s"):format(tostring(name), table.concat(names, ", "))
end

local function is_host(host)
  return type(host) == "string" and host ~= "" and #host <= 255 and not host:find "\0"
end

local function is_port(port)
  return math.type(port) == "integer" and port >= 0 and port <= 65535
end

local function is_count(value) return math.type(value) == "integer" and value > 0 end

local HOST = "a host name or address expected"
local PORT = "a port is an integer from 0 to 65535"

-- The first option that is not known, in words; nil when all are.
local function unknown_option(options, known)
  if options == nil then return nil end
  if type(options) ~= "table" then return "a table of options expected" end
  for name in pairs(options) do
    if not known[name] then return describe_unknown(name, known) end
  end
end

local function is_numeric(host) return host:find "^[%d.]+$" or host:find ":" end

local LISTEN = { backlog = true, reuseport = true }

--- Opens a listener. A name is resolved, which waits; "*" is all addresses.
function M.listen(host, port, options)
  local unknown = unknown_option(options, LISTEN)
  check(is_host(host), 1, "listen", HOST)
  check(is_port(port), 2, "listen", PORT)
  check(not unknown, 3, "listen", unknown)
  local backlog = options and options.backlog
  check(backlog == nil or is_count(backlog) and backlog < 1 << 31, 3, "listen",
    "backlog: a positive integer expected")
  if host == "*" then host = "0.0.0.0" end
  if is_numeric(host) then return core.listen(host, port, options) end
  checks.task "listen"
  local addresses, message, code = core.resolve(host)
  if not addresses then return nil, message, code end
  return core.listen(addresses[1].host, port, options)
end

-- What is left of a limit that began to run at `start`; nil: there is none.
local function remaining(timeout, start)
  return timeout and math.max(0, timeout - (core.now() - start))
end

local CONNECT = { timeout = true, bind = true }

--- Connects, trying each address of a name in turn. The timeout covers it all.
function M.connect(host, port, options)
  local unknown = unknown_option(options, CONNECT)
  check(is_host(host), 1, "connect", HOST)
  check(is_port(port), 2, "connect", PORT)
  check(not unknown, 3, "connect", unknown)
  local timeout, bind = options and options.timeout, options and options.bind
  local limit = timeout == nil or type(timeout) == "number" and timeout >= 0
  check(limit, 3, "connect", "timeout: seconds, not negative, expected")
  check(bind == nil or is_host(bind), 3, "connect", "bind: an address expected")
  checks.task "connect"
  if is_numeric(host) then return core.connect(host, port, bind, timeout) end
  local start = core.now()
  local addresses, message, code = core.resolve(host, "any", timeout)
  for _, address in ipairs(addresses or {}) do
    local socket
    socket, message, code =
      core.connect(address.host, port, bind, remaining(timeout, start))
    if socket then return socket end
  end
  return nil, message, code
end

local function next_line(socket)
  local line, message, code = socket:read "l"
  if line or code == "EOF" then return line end
  error(message, 2)
end

--- For a generic `for`: the lines up to the end of the data; raises on errors.
function Socket:lines()
  checks.self(is_a(self, "cosched.Socket"), "cosched.Socket", "lines")
  checks.task "lines"
  return next_line, self
end

local function next_client(listener)
  local client, message, code = listener:accept()
  if client or code == "ECLOSED" then return client end
  error(message, 2)
end

--- For a generic `for`: the clients until the listener is closed.
function Listener:clients()
  checks.self(is_a(self, "cosched.Listener"), "cosched.Listener", "clients")
  checks.task "clients"
  return next_client, self
end

-- A number of places; who finds none waits for the next one to be left.
local take_place = core.syscall {
  name = "a free place",
  start = function(wait, places)
    if places.free > 0 then
      places.free = places.free - 1
      return
    end
    places.waiting = wait
    return wait:park()
  end,
}

-- Needs no memory, so a place is never lost.
local function leave_place(places)
  local wait = places.waiting
  places.waiting = nil
  if not (wait and wait:wake()) then places.free = places.free + 1 end
end

local function handle(handler, client)
  local socket <close> = client
  handler(socket)
end

local function handle_in_place(handler, client, places)
  local _ <close> = places
  local socket <close> = client
  handler(socket)
end

local function accept_clients(nursery, listener, handler, max_clients)
  local places = max_clients
    and setmetatable({ free = max_clients }, { __close = leave_place })
  local body = places and handle_in_place or handle
  local spawn = nursery.spawn
  while true do
    if places then take_place(places) end
    local client, message, code = listener:accept()
    if not client then
      if code == "ECLOSED" then return true end
      return nil, message, code
    end
    local ok, problem = pcall(spawn, nursery, body, handler, client, places)
    if not ok then -- no memory: the client must not hang
      client:close()
      error(problem, 0)
    end
  end
end

-- Has a task of its own: its handlers keep their on_error even if the task that is in
-- serve is killed, which takes its nurseries from it.
local function supervise_clients(on_error, ...)
  return core.supervisor({ on_error = on_error }, accept_clients, ...)
end

local function report(errors) io.stderr:write("cosched: ", tostring(errors), "\n") end

local SERVE = { max_clients = true, on_error = true }

--- Serves each client in a task of its own until the listener is closed; then
-- waits for those that are left. Returns true; or nil, message, code.
function Listener:serve(handler, options)
  checks.self(is_a(self, "cosched.Listener"), "cosched.Listener", "serve")
  local unknown = unknown_option(options, SERVE)
  check(type(handler) == "function", 1, "serve", "a function expected")
  check(not unknown, 2, "serve", unknown)
  local on_error = options and options.on_error or report
  local max_clients = options and options.max_clients
  check(type(on_error) == "function", 2, "serve", "on_error: a function expected")
  check(max_clients == nil or is_count(max_clients), 2, "serve",
    "max_clients: a positive integer expected")
  checks.task "serve"
  local acceptor = core.nursery(function(nursery)
    return nursery:spawn(supervise_clients, on_error, self, handler, max_clients)
  end)
  return acceptor:join()
end

return M
