---@meta cosched.sys

-- The types of `cosched.sys`, one function for each row of the table of calls: it
-- takes the arguments of the call and returns an object, to be yielded. After each
-- stands what the yield returns. The calls themselves are described where they are
-- called directly: types/cosched.lua, types/cosched/net.lua.

---@class cosched.sys
local sys = {}

---@return cosched.Call # tid
function sys.get_tid() end
---@return cosched.Call # Task
function sys.current() end
---@param fn async fun(...): ...
---@param ... any
---@return cosched.Call # Task
function sys.spawn(fn, ...) end
---@param fn async fun(...): ...
---@param ... any
---@return cosched.Call # tid
function sys.new_task(fn, ...) end
---@param tid integer
---@return cosched.Call # Task; or nil, message, code
function sys.task(tid) end
---@param tid integer
---@return cosched.Call # outcome; or nil, message, code
function sys.wait_task(tid) end
---@param tid integer
---@return cosched.Call # boolean
function sys.kill_task(tid) end
---@param task cosched.Task
---@return cosched.Call # results; raises as Task.join
function sys.join(task) end
---@param task cosched.Task
---@return cosched.Call # outcome
function sys.wait(task) end
---@param task cosched.Task
---@param reason? any
---@return cosched.Call # boolean
function sys.cancel(task, reason) end
---@param task cosched.Task
---@return cosched.Call # boolean
function sys.kill(task) end

---@param lock cosched.Lock
---@return cosched.Call # the lock, as a guard
function sys.acquire(lock) end
---@param list cosched.WaitList
---@param lock? cosched.Lock
---@return cosched.Call # true
function sys.wait_on(list, lock) end

---@return cosched.Call # seconds
function sys.now() end
---@param seconds number
---@return cosched.Call # true
function sys.sleep(seconds) end
---@param time number
---@return cosched.Call # true
function sys.sleep_until(time) end
---@return cosched.Call # never returns
function sys.forever() end
---@return cosched.Call # true
function sys.checkpoint() end

---@return cosched.Call # External
function sys.external() end
---@return cosched.Call # table
function sys.stats() end
---@param channel cosched.Channel
---@return cosched.Call # value; or nil, reason
function sys.channel_recv(channel) end
---@param channel cosched.Channel
---@param value any
---@return cosched.Call # true
function sys.channel_send(channel, value) end
---@param arms cosched.Arms
---@return cosched.Call # index, ...
function sys.select(arms) end

---@param definition cosched.SyscallDefinition
---@return cosched.Call # call, constructor
function sys.syscall(definition) end

---@param descriptor integer|cosched.Socket|cosched.Listener
---@return cosched.Call # true; or nil, message, code
function sys.read_wait(descriptor) end
---@param descriptor integer|cosched.Socket|cosched.Listener
---@return cosched.Call # true; or nil, message, code
function sys.write_wait(descriptor) end

---@param socket cosched.Socket
---@param max? integer
---@return cosched.Call # data; or nil, message, code
function sys.recv(socket, max) end
---@param socket cosched.Socket
---@param ... "l"|"L"|"a"|integer
---@return cosched.Call # a string for each format; or nil, message, code
function sys.read(socket, ...) end
---@param socket cosched.Socket
---@param delimiter string
---@param max? integer
---@return cosched.Call # data; or nil, message, code
function sys.read_until(socket, delimiter, max) end
---@param socket cosched.Socket
---@param data string
---@param i? integer
---@param j? integer
---@return cosched.Call # bytes; or nil, message, code
function sys.send(socket, data, i, j) end
---@param socket cosched.Socket
---@param ... string|number
---@return cosched.Call # the socket; or nil, message, code
function sys.write(socket, ...) end
---@param socket cosched.Socket
---@param how? "write"|"read"|"both"
---@return cosched.Call # the socket; or nil, message, code
function sys.shutdown(socket, how) end
---@param listener cosched.Listener
---@return cosched.Call # Socket; or nil, message, code
function sys.accept(listener) end
---@return cosched.Call # Socket, Socket; or nil, message, code
function sys.socketpair() end
---@param name string
---@param family? "any"|"inet"|"inet6"
---@param timeout? number
---@return cosched.Call # addresses; or nil, message, code
function sys.resolve(name, family, timeout) end

---What cosched.tasks is made of.
---@return cosched.Call # Task[]
function sys.tasks() end
---What cosched.ps is made of.
---@param task cosched.Task
---@return cosched.Call # table, or nil
function sys.inspect(task) end
---What cosched.instrument is made of.
---@param functions cosched.Events
---@return cosched.Call # number
function sys.add_instrument(functions) end
---@param number integer
---@param functions cosched.Events
---@return cosched.Call # boolean
function sys.remove_instrument(number, functions) end
---What cosched.localvar is made of.
---@return cosched.Call # table?
function sys.locals() end
---@param values table?
---@return cosched.Call # nothing
function sys.set_locals(values) end

---What net.listen is made of: no names, no "*".
---@param address string
---@param port integer
---@param options? {backlog?: integer, reuseport?: boolean}
---@return cosched.Call # Listener; or nil, message, code
function sys.listen(address, port, options) end

---What net.connect is made of: one address, no names.
---@param address string
---@param port integer
---@param bind? string
---@param timeout? number
---@return cosched.Call # Socket; or nil, message, code
function sys.connect(address, port, bind, timeout) end

---For the cosched command: SIGINT and SIGTERM cancel all tasks from now on; a
---second one kills the process.
---@return cosched.Call # true
function sys.unwind_on_signals() end
---For the cosched command: SIGUSR1 calls fn, in the middle of whatever runs.
---@param fn fun()
---@return cosched.Call # nothing
function sys.dump_on_signal(fn) end
---For the cosched command: the signal that has ended the tasks, if one has.
---@return cosched.Call # number, or nothing
function sys.ended_by_signal() end
---For the cosched command: the soft limit of descriptors becomes the hard one.
---@return cosched.Call # the limit
function sys.raise_descriptor_limit() end

return sys
