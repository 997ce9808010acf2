--- nursery:start and cosched.started: a task that says when it is ready.
-- The idea is Trio's: a server is started, and who has started it goes on once it
-- listens, with the port.

local check = require "cosched.check"
local core = require "cosched.core"

local M = {}

local Nursery = core.Nursery

-- Tasks that have not said yet that they are ready; each is in a private nursery
-- of whoever waits for it.
local starting = setmetatable({}, { __mode = "k" })

--- Runs fn(...) in a task of this nursery, and waits until it calls
-- cosched.started(...). Returns what it gave. An error before that is raised
-- here, and the nursery does not see it.
function Nursery:start(fn, ...)
  check.self(getmetatable(self) == "cosched.Nursery", "cosched.Nursery", "start")
  check.argument(fn, "function", 2, "start")
  if self.closed then
    error("the nursery is closed: start a task inside its function, or in one that is open", 2)
  end
  local record = { nursery = self }
  core.nursery(function(private, ...)
    starting[private:spawn(fn, ...)] = record
  end, ...)
  if not record.values then
    error("the task that was started has ended without calling cosched.started", 2)
  end
  return table.unpack(record.values, 1, record.values.n)
end

--- Called by a task that nursery:start runs, once: it is ready, and goes on in the
-- nursery; the values are given to who has started it. If that one was cancelled
-- meanwhile, the task stays cancelled where it is.
function M.started(...)
  local task = core.current()
  local record = task and starting[task]
  if not record then
    error("only a task that nursery:start runs may call 'started', and only once", 2)
  end
  local ok, moved = pcall(core.adopt, record.nursery)
  if not ok and record.nursery.closed then
    error("the nursery is closed: it has ended before the task was ready", 2)
  end
  if not ok then error(moved, 0) end
  starting[task] = nil
  if moved then record.values = table.pack(...) end
end

return M
