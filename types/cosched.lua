---@meta cosched

-- The types of `require "cosched"`: tasks, time, errors, system calls. What else
-- it has is in files of its own in types/cosched/: nurseries, scopes and others;
-- sockets are in types/cosched/net.lua. An editor reads this; nothing loads it at run
-- time. docs/reference/ says the same at more length. `---@async`: it may wait,
-- so it must be called in a task. Times are seconds, fractions included.
--
-- An operation that fails returns `nil, message, code`, the code a name such as
-- "ECONNREFUSED". A mistake of the caller raises. So does a cancellation.

---@class cosched
---@field version string Of cosched, "MAJOR.MINOR.PATCH".
---@field uv_version string Of the libuv that is running.
---@field sys cosched.sys Makes objects of the calls, to be yielded.
local cosched = {}

--{=== tasks ===

---Runs the function as the main task, and returns its results when it and all
---tasks that were spawned have ended. The cosched command does it for a script.
---Raises Errors, Deadlock or Cancelled; an error if it is running already.
---From Trio's `run`: a program ends when its tasks have.
---@param options? cosched.RunOptions May be left out.
---@param fn async fun(...): ...
---@param ... any Arguments of fn.
---@return any ... Results of fn.
function cosched.run(options, fn, ...) end

---@class cosched.RunOptions
---@field clock? "real"|"virtual" Virtual: time jumps to the next deadline when all wait.
---@field seed? integer Of all random choices of the scheduler; a new one unless set.
---@field shuffle? boolean What is ready at the same time runs in a random order.
---@field name? string Of the main task.
---@field stuck_after? integer So many cancellations a task may swallow: 1000 unless set.
---@field slice? number Seconds after which a task that computes loses its turn.
---@field slice_instructions? integer The same, counted in instructions of Lua.
---@field watchdog? number Seconds after which a task that computes is reported.
---@field on_stuck? fun(task: cosched.Task, traceback: string, why: "cancelled"|"busy")
---@field cpu? boolean Measure the CPU time of each task.

---Makes a task, a child of the caller, which runs when the caller waits: it goes
---to the tail of the ready queue. A task does not end before its children. A child
---that fails cancels its parent and siblings, and the parent fails with its error.
---Go's `go`, in the nursery of Trio.
---@param fn async fun(...): ...
---@param ... any Arguments of fn.
---@return cosched.Task task
function cosched.spawn(fn, ...) end

---`spawn` that returns the number of the task. Beazley's course: NewTask.
---@param fn async fun(...): ...
---@param ... any Arguments of fn.
---@return integer tid
function cosched.new_task(fn, ...) end

---The task that is running; nil outside of all tasks. Python's `current_task`.
---@return cosched.Task?
function cosched.current() end

---The number of the task that is running; nil outside of all tasks. Numbers begin
---at 1 and are never used again. Beazley's course: GetTid.
---@return integer? tid
function cosched.get_tid() end

---The task with this number, unless it has ended. Erlang's pid, looked up.
---@param tid integer
---@return cosched.Task? task Or nil.
---@return string? message "no such task"
---@return string? code "ESRCH"
function cosched.task(tid) end

---`task(tid):join()`; nil, "no such task", "ESRCH" when there is none.
---Raises what Task.join raises. Trio's results, asked for by number.
---@async
---@param tid integer
---@return any ... Results of the task.
function cosched.join(tid) end

---Waits for the end of a task and says how it ended. Beazley's course: WaitTask.
---@async
---@param tid integer
---@return cosched.Outcome? outcome Or nil.
---@return string? message "no such task"
---@return string? code "ESRCH"
function cosched.wait_task(tid) end

---Ends a task by force, see Task.kill. Beazley's course: KillTask.
---@param tid integer
---@return boolean killed False if there is no such task.
function cosched.kill_task(tid) end

--}=== time, turns, descriptors ===

---Seconds on a clock that never goes back; only differences mean something.
---libuv's `hrtime`.
---@return number seconds
function cosched.now() end

---Waits. 0 is a checkpoint, math.huge for ever. Raises for a negative number or
---NaN, and the Cancelled of a cancelled task. Every runtime's sleep.
---@async
---@param seconds number
---@return true
function cosched.sleep(seconds) end

---Waits until now() has reached a time; one that has passed is a checkpoint.
---POSIX clock_nanosleep with TIMER_ABSTIME; Trio's sleep_until.
---@async
---@param time number
---@return true
function cosched.sleep_until(time) end

---Waits until it is cancelled: it never returns. Trio's sleep_forever.
---@async
---@return nil
function cosched.forever() end

---Lets all others that are ready run first; tells a cancelled task. Trio's word.
---@async
---@return true
function cosched.checkpoint() end

---Waits until a descriptor, or a socket, can be read: data, the end of it, or an
---error is there. Fails with EBUSY if another task waits for that already.
---Beazley's course: ReadWait.
---@async
---@param descriptor integer|{fd: fun(self): integer?}
---@return true? ready Or nil.
---@return string? message
---@return string? code
function cosched.read_wait(descriptor) end

---Waits until a descriptor, or a socket, can be written. Fails as read_wait does.
---Beazley's course: WriteWait.
---@async
---@param descriptor integer|{fd: fun(self): integer?}
---@return true? ready Or nil.
---@return string? message
---@return string? code
function cosched.write_wait(descriptor) end

--}=== the program ===

---Ends the program: cancels all tasks, and kills those that are left when the grace
---is over. Returns at once. run then returns the results of the main task, or
---nothing if it was cut short. systemd's TimeoutStopSec, Trio's cancelled main.
---@param options? {grace?: number} Seconds, 5 unless set; math.huge: never kill.
---@return boolean # False if it was called before.
function cosched.shutdown(options) end

---Says that something outside of the scheduler will wake a task: as long as the
---token is held, that all tasks wait is no deadlock. Trio's TrioToken, Go's netpoll.
---@return cosched.External token `local t <close>` releases it.
function cosched.external() end

---@class cosched.External
local External = {}

---@return boolean # False if it was released before. As lock:release.
function External:release() end

---What the runtime has and has done, as integers.
---@return cosched.Stats # Trio's current_statistics.
function cosched.stats() end

---@class cosched.Stats
---@field tasks integer That have not ended.
---@field spawned integer Since the Lua state began.
---@field steps integer How often a task was resumed.
---@field polls integer How often the system was asked for events.
---@field timers integer Deadlines that run.
---@field waiting_outside integer Waits for descriptors and requests, and held tokens.
---@field pooled_threads integer Coroutines kept for the next tasks.

--}=== errors ===

---@param value any
---@return boolean # True for a Cancelled: let it pass. As Trio's class, asked for.
function cosched.is_cancelled(value) end

---@param value any
---@return boolean # True for an Errors, which join and run raise. Python's ExceptionGroup.
function cosched.is_errors(value) end

---@param value any
---@return boolean # True for a TaskCancelled, which join raises. Tokio's JoinError.
function cosched.is_task_cancelled(value) end

---@param value any
---@return boolean # True for a Deadlock, which run raises. Go's "all goroutines are asleep".
function cosched.is_deadlock(value) end

---@param value any
---@return boolean # True for a Timeout, which timeout raises. Python's TimeoutError.
function cosched.is_timeout(value) end

---What was raised first: the `error` of an Errors, any other value itself.
---After Go's `errors.Unwrap`.
---@param value any
---@return any
function cosched.cause(value) end

---What join and run raise when a task has failed. Values inside are what was
---raised, untouched. tostring: the first message, the others, a traceback.
---@class cosched.Errors
---@field error any What was raised first.
---@field errors cosched.Leaf[] In the order of occurrence; no Cancelled among them.

---@class cosched.Leaf
---@field error any What was raised.
---@field task cosched.Task Where.
---@field tid integer
---@field name string
---@field traceback string? Of the place where it was raised.

---What a call raises in a task that was cancelled. Do not swallow it.
---@class cosched.Cancelled
---@field source cosched.CancelSource
---@field reason any What was given to cancel.

---@alias cosched.CancelSource
---| "explicit" # Task.cancel, Scope.cancel, Nursery.cancel
---| "deadline" # timeout, move_on, shield, a scope's deadline
---| "nursery" # a task of the same nursery has failed
---| "daemon" # the others of the nursery have ended
---| "deadlock" # nothing could wake anybody any more
---| "signal" # SIGINT or SIGTERM, under the command
---| "shutdown" # cosched.shutdown
---| "kill" # the task above was killed

---What join raises for a task that was cancelled or killed.
---@class cosched.TaskCancelled
---@field task cosched.Task
---@field cancelled cosched.Cancelled

---What timeout raises.
---@class cosched.Timeout
---@field seconds number
---@field scope cosched.Scope

---What run raises when nothing can wake the tasks that are left.
---@class cosched.Deadlock
---@field report string A line for each: number, name, what it waits for, where.
---@field tasks cosched.Task[]
---@field errors? cosched.Errors What failed while the tasks unwound.

--}=== Task ===

---@alias cosched.Outcome "ok"|"error"|"cancelled"

---@class cosched.Task
---@field tid integer From 1 on, never used again.
---@field name string "file:line" of its function; may be set.
local Task = {}

---Waits for its end and returns its results, any number of times, to any number of
---tasks. Raises Errors if it failed, TaskCancelled if it was cancelled or killed;
---an error if it would never return: itself, an ancestor, a cycle. Trio and Rust.
---@async
---@return any ... Results of its function.
function Task:join() end

---Waits for its end; raises nothing that happened to it. Erlang's monitor.
---@async
---@return cosched.Outcome
function Task:wait() end

---Marks it, and the tasks below it, as cancelled: the call it waits in raises a
---Cancelled, and so does each later one. Never waits. Trio's cancel scopes.
---@param reason? any Becomes Cancelled.reason.
---@return boolean # False if it has ended or was cancelled before.
function Task:cancel(reason) end

---Ends it by force, before anything else runs. Its `<close>` variables run, but
---cannot wait; no pcall sees it. Its children are cancelled. Erlang's `kill`.
---@return boolean # False if it has ended.
function Task:kill() end

---@return "ready"|"running"|"waiting"|"done" # As coroutine.status.
function Task:status() end

---What came of it; nothing while it has not ended. Never waits. Python's Future.
---@return cosched.Outcome?
---@return any ... Results, or the Errors, or the Cancelled.
function Task:result() end

---Where it is, or where it failed; nothing if it ended well. debug.traceback.
---@return string?
function Task:traceback() end

--}=== calls of your own ===

---Makes a call that waits, out of a function that does not. `start` runs in the
---caller's place: it returns results, or keeps `wait` and returns `wait:park()`.
---`cancel` is told when a wait was given up. The traps of curio, open to users.
---@param definition cosched.SyscallDefinition
---@return async fun(...): ... call Makes the call.
---@return fun(...): cosched.Call constructor Makes objects of it, to be yielded.
function cosched.syscall(definition) end

---@class cosched.SyscallDefinition
---@field name string For reports and error messages.
---@field start fun(wait: cosched.Wait, ...): ...
---@field cancel? fun(wait: cosched.Wait)

---@class cosched.Wait
local Wait = {}

---For start to return: the task stops until it is woken.
function Wait:park() end

---Ends the wait. Any task may call it, once; start, too.
---@param ... any Results of the call.
---@return boolean woken False if nobody waits (any more).
function Wait:wake(...) end

---A call that has not been made; `coroutine.yield(call)` makes it, in a task, and
---returns its results. It never changes, and may be yielded again. The SystemCall
---objects of Beazley's course.
---@class cosched.Call

return cosched
