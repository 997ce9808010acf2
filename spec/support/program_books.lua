--- What a random program has done, and what must hold of it.
--
-- The operations (program_run.lua) write down what they do before they do it, and what
-- came of it; here that is compared. In programs with slices a task loses its turn between
-- any two instructions, so what several tasks write is written by one instruction. One
-- that is killed there, between a call and the line that notes its result, leaves an entry
-- open; only then some things are not known (see `loose`).

local cosched = require "cosched"

local Books = {}
Books.__index = Books

local ENOUGH = 5 -- problems of one program that are noted

function Books.new(program)
  local books = setmetatable({
    program = program, now = 0, killed = false,
    trace = {}, problems = {},
    tasks = {}, by_label = {}, nurseries = {}, nursery_list = {}, scopes = {},
    items = {}, raised = {}, resources = {}, doomed = {},
    channels = {}, locks = {}, semaphores = {}, events = {},
    variable = cosched.localvar "main",
  }, Books)
  for i, capacity in ipairs(program.channels) do
    books.channels[i] =
      { object = cosched.channel(capacity), capacity = capacity, index = i, order = {} }
  end
  for i = 1, program.locks do
    books.locks[i] = { object = cosched.lock("lock " .. i), queue = {}, most = 1, held = 0 }
  end
  for i, most in ipairs(program.semaphores) do
    books.semaphores[i] =
      { object = cosched.semaphore(most), queue = {}, most = most, held = 0 }
  end
  for i = 1, program.events do
    books.events[i] = { object = cosched.event("event " .. i), was_set = false }
  end
  books.locks[1].condition = cosched.condition(books.locks[1].object, "the condition")
  return books
end

function Books:complain(format, ...)
  if #self.problems < ENOUGH then self.problems[#self.problems + 1] = format:format(...) end
end

function Books:expect(holds, ...)
  if not holds then self:complain(...) end
end

function Books:note(...) table.insert(self.trace, table.concat({ ... }, " ")) end

-- Has a task been killed that may have been preempted?
function Books:loose() return self.program.slice and self.killed end

--- Each operation begins with this.
function Books:tick(me, what)
  local now = cosched.now()
  self:expect(now >= self.now, "the clock went back from %s to %s", self.now, now)
  self.now = now
  self:note(now, me.label, what)
  self:expect(cosched.current() == me.task, "%s is not the current task", me.label)
  for _, each in ipairs(self.doomed) do
    if each.killer ~= me and not me.killed and each.victim ~= me then
      self:expect(each.victim.task:status() == "done", "%s runs before %s is killed", me.label,
        each.victim.label)
    end
  end
end

-- {=== errors ===

--- The values of an error that are leaves, each as a key.
function Books.leaves(problem)
  local set = {}
  if cosched.is_errors(problem) then
    for _, leaf in ipairs(problem.errors) do set[leaf.error] = true end
  elseif problem ~= nil and not cosched.is_cancelled(problem) then
    set[problem] = true
  end
  return set
end

local OURS = { -- what the runtime itself may raise in these programs
  "channel is closed$", "' is broken: task %d+ ended holding it$",
  "cannot wait in a task that is being killed",
  "the nursery is closed", "a task cannot join i", "would close a cycle of joins$",
}

function Books:is_known(value)
  if self.raised[value] then return true end
  if cosched.is_timeout(value) or cosched.is_task_cancelled(value) then return true end
  for _, pattern in ipairs(OURS) do
    if type(value) == "string" and value:find(pattern) then return true end
  end
  return false
end

--- Complains unless an outcome has each of the leaves that it must have, and only such
-- as were raised.
function Books:compare(what, expected, problem, elsewhere)
  local found = Books.leaves(problem)
  for value in pairs(expected) do
    self:expect(found[value] or elsewhere and elsewhere[value], "%s has lost the error %s",
      what, value)
  end
  for value in pairs(found) do
    self:expect(self:is_known(value), "%s has an error that nobody raised: %s", what, value)
    self:expect(not cosched.is_cancelled(value), "%s has a Cancelled for an error", what)
  end
end

-- What failed children add to whoever owns them.
function Books:add_children(expected, children, is_excused)
  for _, child in ipairs(children) do
    if child.task and child.task:status() == "done" then
      local kind, problem = child.task:result()
      if kind == "error" and not (is_excused and is_excused(child)) then
        for value in pairs(Books.leaves(problem)) do expected[value] = true end
      end
    end
  end
  return expected
end

-- }===

--- A task's outcome, as somebody has seen it.
function Books:outcome(task, kind)
  self:expect(task.task:status() == "done", "%s is joined, but not done", task.label)
  self:expect(kind == "ok" or kind == "error" or kind == "cancelled",
    "%s ended as %s", task.label, kind)
  self:expect((task.outcome or kind) == kind, "%s ended as %s, and as %s", task.label,
    task.outcome, kind)
  task.outcome = kind
end

--- A nursery has ended: all its tasks have, and no error is lost.
function Books:nursery_over(nursery, ok, problem)
  local label = "nursery " .. nursery.label
  nursery.over = true
  for _, child in ipairs(nursery.children) do
    self:expect(not child.task or child.task:status() == "done",
      "%s has ended before %s", label, child.label)
  end
  local expected = Books.leaves(nursery.raised)
  self:add_children(expected, nursery.children, nursery.supervisor and function(child)
    return child.observed
  end)
  self:compare(label, expected, not ok and problem or nil)
  if ok then
    self:expect(nursery.returned or cosched.is_cancelled(nursery.raised),
      "%s returned, but its function did not", label)
  end
end

-- {=== channels ===

function Books:send(me, channel)
  local item = { channel = channel, by = me, state = "open", received = 0,
    closed = channel.reason ~= nil and not self.program.slice }
  me.sends = (me.sends or 0) + 1
  item.id = me.number * 10000 + me.sends
  self.items[item.id] = item
  return item
end

function Books:sent(item)
  item.state = "sent"
  self:expect(not item.closed, "item %d was sent into a closed channel", item.id)
end

function Books:refused(item, problem)
  item.state = "refused"
  self:expect(cosched.is_cancelled(problem) or not problem:find "is closed"
    or item.channel.reason, "item %d: the channel was open", item.id)
end

function Books:received(me, channel, id, reason)
  if id == nil then
    self:expect(reason and reason == channel.reason, "channel %d ended: %s, closed: %s",
      channel.index, reason, channel.reason)
    return
  end
  local item = self.items[id]
  if not item then return self:complain("received %s, which nobody has sent", id) end
  item.received = item.received + 1
  self:expect(item.channel == channel, "item %d comes out of channel %d", id, channel.index)
  local key = item.by.number .. ">" .. me.number
  self:expect((channel.order[key] or 0) < id or channel.disturbed,
    "channel %d: item %d after %d, from the same sender", channel.index, id,
    channel.order[key])
  channel.order[key] = id
end

--- Somebody is about to be killed: what was given to it goes to another, out of order.
function Books:disturb(target)
  local pending = target.pending
  for _, channel in ipairs(self.channels) do
    channel.disturbed = channel.disturbed or not pending
    for i = 2, pending and #pending or 0, 2 do
      if pending[i] == channel then channel.disturbed = true end
    end
  end
end

function Books:check_channels()
  for _, channel in ipairs(self.channels) do
    repeat
      local id = channel.object:try_recv()
      if id then self:received({ number = 0 }, channel, id) end
    until id == nil
  end
  for id, item in pairs(self.items) do
    self:expect(item.received <= 1, "item %d was received %d times", id, item.received)
    if item.state == "sent" and not self:loose() then
      self:expect(item.received == 1, "item %d is lost", id)
    elseif item.state == "refused" then
      self:expect(item.received == 0, "item %d was refused, and received", id)
    end
  end
end

-- }===

-- {=== locks and semaphores ===

function Books:enter(me, lock)
  local unknown = self.program.slice and (lock.most > 1 or self.killed)
  self:expect(unknown or lock.held < lock.most, "%s is one owner too many", me.label)
  lock.held = lock.held + 1
end

--- A task comes to stand in line; `over` when it does not any more.
function Books.line_up(_, lock)
  local ticket = {}
  table.insert(lock.queue, ticket)
  return ticket
end

--- It is its turn: nobody may have been passed over. (A loop of calls that need no wait
-- gives its turn now and then, between the line above and the call.)
function Books:serve(me, lock, ticket)
  ticket.over = true
  self:expect(not ticket.overtaken or lock.most > 1 or self.program.slice
    or self.program.looped,
    "%s gets a lock after one that came later", me.label)
  for i = #lock.queue, 1, -1 do
    local other = lock.queue[i]
    if other == ticket then
      for j = 1, i - 1 do lock.queue[j].overtaken = not lock.queue[j].over end
      table.move(lock.queue, i + 1, #lock.queue + i, 1)
      break
    end
  end
end

-- }===

return Books
