---@meta cosched.channel

-- The types of channels and select, which `require "cosched"` makes.

---@class cosched
local cosched = {}

--{=== channels ===

---A queue of values between tasks. Go's channels; nil cannot be sent.
---@class cosched.Channel
---@operator len: integer
local Channel = {}

---Makes a channel. Its buffer holds `capacity` items; without one a send waits until
---its value is received. The buffer takes memory for what it holds, not before.
---@param capacity? integer From 0, which is the default, to 2^31 - 1.
---@return cosched.Channel channel
function cosched.channel(capacity) end

---Sends a value: gives it to a task that waits for one, or puts it into the buffer,
---or waits. Raises when the channel is closed; what waits already is delivered.
---@async
---@param value any Not nil.
---@return true sent
function Channel:send(value) end

---Receives the next value; waits while there is none. Values come in the order in
---which they were sent, tasks in the order in which they came.
---@async
---@return any value Nil when the channel is closed and nothing is left.
---@return any reason Then: what close was given, or "closed".
function Channel:recv() end

---Sends if that needs no wait. Works outside of tasks, and in finalizers.
---@param value any Not nil.
---@return true? sent
---@return string? message "full" or "closed"
---@return string? code "EAGAIN" or "ECLOSED"
function Channel:try_send(value) end

---Receives if that needs no wait. Works outside of tasks, and in finalizers.
---@return any value
---@return any message "empty", or the reason of close
---@return string? code "EAGAIN" or "ECLOSED"
function Channel:try_recv() end

---Closes it: later sends raise. Receivers get what is in the buffer and what waits
---to be sent, then nil and the reason.
---@param reason? any What recv gives then, and iter raises; "closed" if nil.
---@return boolean closed False if it was closed before; the first reason stays.
function Channel:close(reason) end

---For a generic for: each call receives. The loop ends when the channel is closed
---and empty; it raises the reason, if close was given another than "closed".
---@return async fun(channel: cosched.Channel): any
---@return cosched.Channel channel
function Channel:iter() end

--}===

--{=== select ===

---One operation that a select may wait for. It never changes: it may be used again.
---@class cosched.Arm

---@class cosched.Arms
---@field [integer] cosched.Arm
---@field biased? boolean The first that is ready, not any.

---Waits until one of the arms can be done, does that one, and leaves the others as
---if they had not been there. When several are ready, one is chosen at random.
---Go's select statement.
---@async
---@param arms cosched.Arms
---@return integer index Of the arm that was chosen.
---@return any ... What its operation gives.
function cosched.select(arms) end

---`channel:recv()` as an arm: the value; or nil and the reason.
---@param channel cosched.Channel
---@return cosched.Arm arm
function cosched.on_recv(channel) end

---`channel:send(value)` as an arm: true. Raises if it is chosen and the channel is
---closed.
---@param channel cosched.Channel
---@param value any Not nil.
---@return cosched.Arm arm
function cosched.on_send(channel, value) end

---`task:wait()` as an arm: "ok", "error" or "cancelled".
---@param task cosched.Task
---@return cosched.Arm arm
function cosched.on_join(task) end

---`cosched.sleep(seconds)` as an arm: true. It gives way to all others: with 0 the
---select does not wait.
---@param seconds number
---@return cosched.Arm arm
function cosched.after(seconds) end

--}===

return cosched
