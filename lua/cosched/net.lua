--- cosched.net: TCP servers and clients, in sequential code.
-- Sockets and listeners are the core's. This adds names, and the loops that
-- every server has.

local core = require "cosched.core"

local M = { resolve = core.resolve, socketpair = core.socketpair }

local Socket, Listener = core.Socket, core.Listener

local function is_numeric(host) return host:find "^[%d.]+$" or host:find ":" end

local function check_options(options, known, level)
  if options == nil then return {} end
  if type(options) ~= "table" then
    error("options: table expected, got " .. type(options), level + 1)
  end
  for name in pairs(options) do
    if not known[name] then
      error(("unknown option '%s'"):format(tostring(name)), level + 1)
    end
  end
  return options
end

local LISTEN = { backlog = true, reuseport = true }

--- Opens a listener. A name is resolved, which waits; "*" is all addresses.
function M.listen(host, port, options)
  options = check_options(options, LISTEN, 2)
  if host == "*" then host = "0.0.0.0" end
  if type(host) ~= "string" or is_numeric(host) then
    return core.tcp_listen(host, port, options)
  end
  local addresses, message, code = core.resolve(host)
  if not addresses then return nil, message, code end
  return core.tcp_listen(addresses[1].host, port, options)
end

-- What is left of a limit that began to run at `start`; nil: there is none.
local function remaining(timeout, start)
  return timeout and math.max(0, timeout - (core.now() - start))
end

local CONNECT = { timeout = true, bind = true }

--- Connects, trying each address of a name in turn. The timeout covers it all.
function M.connect(host, port, options)
  options = check_options(options, CONNECT, 2)
  local timeout, bind, start = options.timeout, options.bind, core.now()
  if type(host) ~= "string" or is_numeric(host) then
    return core.tcp_connect(host, port, bind, timeout)
  end
  local addresses, message, code = core.resolve(host, "any", timeout)
  for _, address in ipairs(addresses or {}) do
    local socket
    socket, message, code =
      core.tcp_connect(address.host, port, bind, remaining(timeout, start))
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
function Socket:lines() return next_line, self end

local function next_client(listener)
  local client, message, code = listener:accept()
  if client or code == "ECLOSED" then return client end
  error(message, 2)
end

--- For a generic `for`: the clients until the listener is closed.
function Listener:clients() return next_client, self end

-- A number of places; who finds none waits for the next one to be left.
local function start_waiting(wait, places)
  if places.free > 0 then
    places.free = places.free - 1
    return true
  end
  places.waiting[#places.waiting + 1] = wait
  return wait:park()
end

local take_place = core.syscall { name = "a free place", start = start_waiting }

local function leave_place(places)
  local wait = table.remove(places.waiting, 1)
  if not (wait and wait:wake(true)) then places.free = places.free + 1 end
end

local function handle(handler, client)
  local socket <close> = client
  handler(socket)
end

local function handle_in_place(handler, client, places)
  local _ <close> = setmetatable({}, { __close = function() leave_place(places) end })
  handle(handler, client)
end

local function accept_clients(listener, handler, on_error, max_clients)
  local places = max_clients and { free = max_clients, waiting = {} }
  core.supervise(on_error)
  while true do
    if places then take_place(places) end
    local client, message, code = listener:accept()
    if not client then
      if code == "ECLOSED" then return true end
      return nil, message, code
    end
    core.spawn(places and handle_in_place or handle, handler, client, places)
  end
end

local function report(errors) io.stderr:write("cosched: ", tostring(errors), "\n") end

local SERVE = { max_clients = true, on_error = true }

--- Serves each client in a task of its own until the listener is closed.
function Listener:serve(handler, options)
  options = check_options(options, SERVE, 2)
  local acceptor = core.spawn(accept_clients, self, handler,
    options.on_error or report, options.max_clients)
  local _ <close> = setmetatable({}, {
    __close = function() acceptor:cancel "serve has ended" end,
  })
  return acceptor:join()
end

return M
