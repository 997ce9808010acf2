-- A system call written in Lua: `receive` on a mailbox, which waits while the
-- mailbox is empty.
--
-- cosched.syscall makes one from a function `start`. It runs in the place of the
-- caller and must not wait. It returns the answer, or keeps `wait` somewhere and
-- returns wait:park(): then the task stops until somebody calls wait:wake(...),
-- whose arguments become the results of the call.
local cosched = require "cosched"

local receive, Receive = cosched.syscall {
  name = "receive",
  start = function(wait, mailbox)
    if #mailbox.letters > 0 then return table.remove(mailbox.letters, 1) end
    table.insert(mailbox.readers, wait)
    return wait:park()
  end,
}

local function send(mailbox, letter)
  -- wake is false if that reader was cancelled meanwhile: then the next one
  while #mailbox.readers > 0 do
    if table.remove(mailbox.readers, 1):wake(letter) then return end
  end
  table.insert(mailbox.letters, letter)
end

local mailbox = { letters = {}, readers = {} }

cosched.spawn(function()
  for _ = 1, 3 do print("reader got", receive(mailbox)) end
end)
local impatient = cosched.spawn(receive, mailbox)
cosched.checkpoint() -- both wait now

impatient:cancel "no time"
send(mailbox, "first")
send(mailbox, "second")
cosched.checkpoint()
send(mailbox, "third")
cosched.checkpoint()
print("impatient", impatient:wait())

send(mailbox, "fourth")
print("as an object", coroutine.yield(Receive(mailbox)))

--[[ output
reader got	first
reader got	second
reader got	third
impatient	cancelled
as an object	fourth
]]
