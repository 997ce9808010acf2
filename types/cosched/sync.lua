---@meta cosched

-- The types of what tasks share: locks, semaphores, events, conditions, and the
-- waiting lists that such things are built with.

---@class cosched
local cosched = {}

--{=== locks ===

---One task at a time. The name, or else its place, is what reports call it.
---Trio's Lock, which also has an owner.
---@param name? string
---@return cosched.Lock
function cosched.lock(name) end

---It goes to those who wait in the order in which they came. A task that ends while
---it owns a lock breaks it: everybody else's acquire raises from then on.
---@class cosched.Lock
local Lock = {}

---Waits until the task owns the lock. Raises if it owns it already, and if the lock
---is broken. What it returns is the lock itself, for `local guard <close> =`: closing
---releases it, if the task still owns it. Rust's guards.
---@async
---@return cosched.Lock guard
function Lock:acquire() end

---The same without waiting.
---@return cosched.Lock? guard Or nil.
---@return string? message "busy"
---@return string? code "EBUSY"
function Lock:try_acquire() end

---The next of those who wait owns it from now on. Raises unless the task owns it.
function Lock:release() end

---@return cosched.Task? owner Or nil. As Trio's statistics say.
function Lock:owner() end

--}=== semaphores ===

---`count` permits, given to those who come, in their order. Dijkstra's.
---@param count integer
---@param options? cosched.SemaphoreOptions
---@return cosched.Semaphore
function cosched.semaphore(count, options) end

---@class cosched.SemaphoreOptions
---@field max? number Releasing beyond this many raises; default: the count. math.huge: never.
---@field name? string What a task waits for, in reports.

---@class cosched.Semaphore
local Semaphore = {}

---Waits for a permit. Asyncio's, as a guard.
---@async
---@return cosched.Permit guard
function Semaphore:acquire() end

---The same without waiting.
---@return cosched.Permit? guard Or nil.
---@return string? message "busy"
---@return string? code "EBUSY"
function Semaphore:try_acquire() end

---Gives a permit back, from anywhere: for an acquire whose guard is not used.
---Raises when there are `max` already. Python's BoundedSemaphore.
function Semaphore:release() end

---@return integer permits That are left.
function Semaphore:value() end

---One permit; for `local guard <close> =`.
---@class cosched.Permit
local Permit = {}

---Gives it back before it is closed. Nothing happens the second time.
function Permit:release() end

--}=== events ===

---Something that has happened, or not yet. Python's Event.
---@param name? string What a task waits for, in reports.
---@return cosched.Event
function cosched.event(name) end

---@class cosched.Event
local Event = {}

---Waits until it is set.
---@async
---@return true
function Event:wait() end

---It has happened: all who wait go on, even if it is cleared at once.
function Event:set() end

---It has not happened: tasks wait again.
function Event:clear() end

---@return boolean
function Event:is_set() end

--}=== conditions ===

---Waiting for a change of what a lock protects. POSIX's condition variable.
---@param lock? cosched.Lock Default: one of its own.
---@param name? string What a task waits for, in reports.
---@return cosched.Condition
function cosched.condition(lock, name) end

---All but acquire raise unless the task owns the lock.
---@class cosched.Condition
local Condition = {}

---Releases the lock, waits for a notification, and takes the lock again: the task
---owns it afterwards, whatever is returned or raised, a Cancelled included.
---@async
---@return true
function Condition:wait() end

---Wakes those who wait longest. One that is killed passes it on.
---@param n? integer Default: 1.
---@return integer count How many were woken.
function Condition:notify(n) end

---Wakes all who wait now.
---@return integer count How many were woken.
function Condition:notify_all() end

---`lock:acquire()` of its lock.
---@async
---@return cosched.Lock guard
function Condition:acquire() end

---`lock:release()` of its lock.
function Condition:release() end

--}=== waiting lists ===

---Where tasks wait for one another: for building other things. Trio's ParkingLot.
---@param name? string What a task waits for, in reports.
---@return cosched.WaitList
function cosched.waitlist(name) end

---@class cosched.WaitList
local WaitList = {}

---Waits until it is woken, or takes a permit that is there. The first to come is the
---first to be woken.
---@async
---@param lock? cosched.Lock Which the task owns: released when it waits.
---@return true
function WaitList:wait(lock) end

---Wakes those who wait longest. If one of them is killed before it runs, the next is
---woken in its place.
---@param n? integer Default: 1.
---@return integer count How many were woken.
function WaitList:wake(n) end

---Wakes all who wait now.
---@return integer count How many were woken.
function WaitList:wake_all() end

---Wakes all who wait, and nobody waits from now on. A gate.
function WaitList:open() end

---Tasks wait again.
function WaitList:shut() end

---@return boolean
function WaitList:is_open() end

---As wake, but what finds nobody is kept as permits. No permit is ever lost.
---@param n? integer Default: 1.
---@return integer count How many were woken.
function WaitList:give(n) end

---Takes n permits, all or none, without waiting.
---@param n? integer Default: 1.
---@return boolean taken
function WaitList:try(n) end

---@return integer permits That are kept.
function WaitList:count() end

---@return integer tasks That wait.
function WaitList:waiting() end

--}===

return cosched
