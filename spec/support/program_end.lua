--- What must hold of a random program when it waits, and when it is over.

local cosched = require "cosched"
local Books = require "spec.support.program_books"

-- {=== the end ===

function Books:check_task(task)
  local kind, first, second = task.task:result()
  self:expect(task.task:status() == "done", "%s is left: %s", task.label, task.task:status())
  self:outcome(task, kind)
  self:note(task.label, kind)
  local undone = task.raised == nil or self.deadlock
  local killed = task.killed or not task.returned and undone
  local expected = {}
  if not killed then
    expected = self:add_children(Books.leaves(task.raised), task.children)
  end
  -- in a deadlock they may be killed, and then the run raises what they have
  self:compare(task.label, expected, kind == "error" and first or nil, self.deadlock)
  if kind == "ok" then
    self:expect(task.returned, "%s is ok, but has not returned", task.label)
    self:expect(task.racer or first == task.label and second == nil, "%s gave %s, %s",
      task.label, first, second)
  elseif kind == "cancelled" then
    self:expect(cosched.is_cancelled(first), "%s has no Cancelled", task.label)
  end
  return task.killed or not task.returned and task.raised == nil
end

-- What is raised by run at the end: main, and the children of tasks that were killed.
function Books:check_run(ok, problem)
  local expected = {}
  if not ok and cosched.is_deadlock(problem) then
    problem = problem.errors
    self.deadlock = Books.leaves(problem)
  end
  for _, task in ipairs(self.tasks) do
    if task.task and self:check_task(task) then
      self:add_children(expected, task.children)
    end
  end
  for _, nursery in ipairs(self.nursery_list) do
    if not nursery.over then self:add_children(expected, nursery.children) end
  end
  self:add_children(expected, { self.by_label.main })
  self:compare("the run", expected, not ok and problem or nil)
end

function Books:check_end(ok, problem)
  self:check_run(ok, problem)
  self:check_channels()
  for i, resource in ipairs(self.resources) do
    self:expect(resource.closed == 1 or self:loose() and resource.open,
      "resource %d was closed %d times", i, resource.closed)
  end
  for i, semaphore in ipairs(self.semaphores) do
    local left = semaphore.object:value()
    self:expect(left == semaphore.most or self:loose(), "semaphore %d: %d permits left", i, left)
  end
  local stats = cosched.stats()
  for _, name in ipairs { "tasks", "timers", "waiting_outside" } do
    self:expect(stats[name] == 0, "%d %s left", stats[name], name)
  end
end

-- }===

-- {=== nobody waits in vain ===

local CAN_GO_ON = {
  recv = function(books, channel, me) -- a select does not receive what it sends
    if #channel.object > 0 or channel.reason then return true end
    for _, task in ipairs(books.tasks) do
      local pending = task ~= me and task.task and task.task:status() ~= "done" and task.pending
      for i = 1, pending and #pending or 0, 2 do
        if pending[i] == "send" and pending[i + 1] == channel then return true end
      end
    end
  end,
  send = function(_, channel) return #channel.object < channel.capacity end,
  lock = function(_, lock) return lock.object:owner() == nil end,
  semaphore = function(_, semaphore) return semaphore.object:value() > 0 end,
  event = function(_, event) return event.object:is_set() end,
  join = function(_, task) return task.task:status() == "done" end,
  sleep = function(_, time) return time < cosched.now() end,
}

--- When nothing is ready: whoever waits must have reason to.
function Books:check_waiting(except)
  for _, task in ipairs(self.tasks) do
    local pending = task.pending
    if pending and task.task and task.task ~= except and task.task:status() == "waiting" then
      for i = 1, #pending, 2 do
        local can = CAN_GO_ON[pending[i]]
        self:expect(not (can and can(self, pending[i + 1], task)), "%s waits in vain: %s",
          task.label, pending[i])
      end
    end
  end
end

function Books:check_deadlock()
  self:check_waiting()
  for _, task in ipairs(self.tasks) do
    local status = task.task and task.task:status() or "done"
    self:expect(status == "done" or status == "waiting", "deadlock, but %s is %s", task.label,
      status)
    local pending = status ~= "done" and task.pending
    for i = 1, pending and #pending or 0, 2 do
      self:expect(pending[i] ~= "sleep", "deadlock, but %s sleeps", task.label)
    end
  end
  self:expect(cosched.stats().timers == 0, "deadlock, but there are deadlines")
end

-- }===

return Books
