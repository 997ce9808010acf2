---@meta cosched.net

-- The types of `require "cosched.net"`: TCP clients and servers. The conventions
-- are those of types/cosched.lua: `nil, message, code` from what fails, seconds,
-- `---@async` for what may wait.

---@class cosched.net
local net = {}

---@alias cosched.Family "inet"|"inet6"|"unix"

---Opens a listener. Only a name that must be looked up makes it wait. Go's Listen.
---@async
---@param host string An address, a name, or "*" for all IPv4 addresses.
---@param port integer 0: any free one, see getsockname.
---@param options? {backlog?: integer, reuseport?: boolean} A backlog of 511 unless set.
---@return cosched.Listener? listener Or nil.
---@return string? message
---@return string? code "EADDRINUSE", "EACCES", "EADDRNOTAVAIL", "EAI_NONAME" ...
function net.listen(host, port, options) end

---Connects; tries each address of a name in turn. Go's Dial.
---@async
---@param host string An address or a name.
---@param port integer
---@param options? {timeout?: number, bind?: string} Seconds for all of it; the local address.
---@return cosched.Socket? socket Or nil.
---@return string? message
---@return string? code "ECONNREFUSED", "ETIMEDOUT", "EAI_NONAME" ...
function net.connect(host, port, options) end

---Looks a name up, on libuv's thread pool, so that others run meanwhile.
---POSIX getaddrinfo.
---@async
---@param name string
---@param family? "any"|"inet"|"inet6" "any" unless set.
---@param timeout? number Seconds.
---@return {host: string, family: cosched.Family}[]? addresses Best first. Or nil.
---@return string? message
---@return string? code "EAI_NONAME", "EAI_AGAIN", "ETIMEDOUT" ...
function net.resolve(name, family, timeout) end

---Two sockets that are connected to each other. POSIX socketpair.
---@return cosched.Socket? one Or nil.
---@return cosched.Socket|string other Or the message.
---@return string? code "EMFILE" ...
function net.socketpair() end

--{=== Socket ===

---A connection. One task may read while another one writes; a second reader, or a
---second writer, gets `nil, "busy", "EBUSY"`. After close, and for whoever waits
---then: `nil, "closed", "ECLOSED"`. `local s <close>` closes it.
---@class cosched.Socket
local Socket = {}

---What is there, at least a byte: first what is buffered. POSIX recv.
---@async
---@param max? integer At most so many bytes; 64 KiB unless set, and never more.
---@return string? data Or nil.
---@return string? message
---@return string? code "EOF" at the end of the data, "ETIMEDOUT", "ECONNRESET" ...
function Socket:recv(max) end

---One result for each format: "l" a line, "L" a line with its end, "a" all, a
---number so many bytes (fewer only at the end of the data). Without any: "l".
---Interrupted, it has taken nothing. The io library's read.
---@async
---@param ... "l"|"L"|"a"|integer
---@return string? ... After the first that fails: nil, message, code.
function Socket:read(...) end

---What comes before a delimiter, which is taken, too. cqueues and lua-eco.
---@async
---@param delimiter string
---@param max? integer The longest result; the line limit unless set.
---@return string? data Or nil.
---@return string? message
---@return string? code "EMSGSIZE" if it is longer, "EOF", "ETIMEDOUT" ...
function Socket:read_until(delimiter, max) end

---For a generic `for`: the lines up to the end of the data. The loop waits, and
---raises the message of any error but the end. The io library's lines.
---@return async fun(socket: cosched.Socket): string?
---@return cosched.Socket
function Socket:lines() end

---Sends all of it, or the part that i and j name as in string.sub. LuaSocket's send.
---@async
---@param data string
---@param i? integer
---@param j? integer
---@return integer? bytes Or nil.
---@return string? message
---@return string? code "EPIPE", "ETIMEDOUT", "ECANCELED" after a send that ended midway ...
function Socket:send(data, i, j) end

---Sends all arguments, one after the other. The io library's write.
---@async
---@param ... string|number
---@return cosched.Socket? self Or nil.
---@return string? message
---@return string? code As send.
function Socket:write(...) end

---Ends one direction of the connection. POSIX shutdown.
---@async
---@param how? "write"|"read"|"both" "write" unless set: the peer sees the end of the data.
---@return cosched.Socket? self Or nil.
---@return string? message
---@return string? code "ENOTCONN" ...
function Socket:shutdown(how) end

---Closes it, at once; again: nothing happens. Whoever waits on it is woken.
---@return true # As file:close.
function Socket:close() end

---A limit for each later call, as a whole: `nil, "timeout", "ETIMEDOUT"` after it.
---LuaSocket's settimeout.
---@param seconds number? 0: never wait. nil: no limit, as at the start.
---@return true
function Socket:settimeout(seconds) end

---The longest line, or delimited text, that read accepts: 64 KiB at the start.
---A longer one: `nil, "line too long", "EMSGSIZE"`, and nothing is taken. As cqueues.
---@param bytes integer
---@return true
function Socket:setlinelimit(bytes) end

---@alias cosched.Option
---| "nodelay"|"keepalive"|"reuseaddr"|"reuseport"|"linger"|"recvbuffer"|"sendbuffer"

---Sets an option: a boolean; bytes for the buffers; seconds or false for linger.
---nodelay is on from the start. POSIX setsockopt.
---@param name cosched.Option
---@param value boolean|integer
---@return true? # Or nil.
---@return string? message
---@return string? code
function Socket:setoption(name, value) end

---@param name cosched.Option
---@return boolean|integer|nil value Or nil. POSIX getsockopt.
---@return string? message
---@return string? code
function Socket:getoption(name) end

---The address of this end. LuaSocket's shape.
---@return string? host Or nil; "" for a socketpair.
---@return integer|string port Or the message.
---@return cosched.Family|string family Or the code.
function Socket:getsockname() end

---The address of the other end. LuaSocket's shape.
---@return string? host Or nil.
---@return integer|string port Or the message.
---@return cosched.Family|string family Or the code.
function Socket:getpeername() end

---@return integer? descriptor Or nil. As cqueues and LuaSocket.
---@return string? message "closed"
---@return string? code "ECLOSED"
function Socket:fd() end

--}=== Listener ===

---A listener accepts connections. `local l <close>` closes it.
---@class cosched.Listener
local Listener = {}

---Waits for a client. Out of descriptors it waits for free ones. POSIX accept.
---@async
---@return cosched.Socket? client Or nil.
---@return string? message
---@return string? code "ECLOSED", "ETIMEDOUT", "EBUSY"
function Listener:accept() end

---For a generic `for`: the clients until the listener is closed. The loop waits,
---and raises the message of any other error. cqueues' clients.
---@return async fun(listener: cosched.Listener): cosched.Socket?
---@return cosched.Listener
function Listener:clients() end

---@class cosched.ServeOptions
---@field max_clients? integer So many at once; more wait in the backlog.
---@field on_error? async fun(errors: cosched.Errors, task: cosched.Task)

---Serves each client in a task of its own, whose socket is closed when the handler
---ends. Returns when the listener is closed and the last handler has ended. A
---handler that fails is reported and stops nobody. Go's http.Serve.
---@async
---@param handler async fun(client: cosched.Socket)
---@param options? cosched.ServeOptions
---@return true? # Or nil.
---@return string? message
---@return string? code
function Listener:serve(handler, options) end

---Closes it; the accepted clients stay. Whoever waits in accept is woken.
---@return true # As file:close.
function Listener:close() end

---A limit for each later accept: `nil, "timeout", "ETIMEDOUT"` after it.
---@param seconds number? nil: no limit, as at the start.
---@return true # LuaSocket's settimeout.
function Listener:settimeout(seconds) end

---Has no effect on a listener: its clients start with the usual limit.
---@param bytes integer
---@return true # Shared with Socket.
function Listener:setlinelimit(bytes) end

---@param name cosched.Option
---@param value boolean|integer
---@return true? # Or nil. As Socket.setoption.
---@return string? message
---@return string? code
function Listener:setoption(name, value) end

---@param name cosched.Option
---@return boolean|integer|nil value Or nil. As Socket.getoption.
---@return string? message
---@return string? code
function Listener:getoption(name) end

---Where it listens. LuaSocket's shape.
---@return string? host Or nil.
---@return integer|string port Or the message.
---@return cosched.Family|string family Or the code.
function Listener:getsockname() end

---A listener has no peer: nil, "socket is not connected", "ENOTCONN".
---@return nil
---@return string message
---@return string code # POSIX getpeername.
function Listener:getpeername() end

---@return integer? descriptor Or nil. As cqueues and LuaSocket.
---@return string? message "closed"
---@return string? code "ECLOSED"
function Listener:fd() end

--}===

return net
