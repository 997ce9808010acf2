-- Every row of the table as an object that is yielded.
local cosched = require "cosched"
local core = require "cosched.core"
local net = require "cosched.net"

local sys, yield = cosched.sys, coroutine.yield

local function expect(wanted, value, message)
  if value == nil then error(message, 0) end
  assert(value == wanted)
end

local function tasks()
  local tid = yield(sys.get_tid())
  assert(yield(sys.current()).tid == tid)
  local child = yield(sys.spawn(function(...) return ... end, 1, nil, 3))
  local a, b, c = yield(sys.join(child))
  assert(a == 1 and b == nil and c == 3)
  local made = yield(sys.new_task(cosched.sleep, 10))
  assert(yield(sys.task(made)).tid == made)
  assert(yield(sys.kill_task(made)) == true)
  assert(yield(sys.wait_task(made)) == nil)
  local doomed = yield(sys.spawn(cosched.sleep, 10))
  assert(yield(sys.cancel(doomed, "enough")) == true)
  local outcome = yield(sys.wait(doomed))
  if outcome == "error" then error(select(2, doomed:result()), 0) end
  local other = yield(sys.spawn(cosched.sleep, 10))
  assert(yield(sys.kill(other)) == true)
end

local function times()
  assert(yield(sys.now()) > 0)
  expect(true, yield(sys.sleep(0.001)))
  expect(true, yield(sys.sleep_until(0)))
  yield(sys.external()):release()
  assert(yield(sys.stats()).tasks == #yield(sys.tasks()))
  assert(yield(sys.inspect(cosched.current())).tid > 0)
  yield(sys.checkpoint())
  yield()
  local ok, message = pcall(function()
    local _ = yield(sys.sleep("x"))
    return _
  end)
  if not message:find "number expected" then error(message, 0) end
  assert(not ok)
end

local function sockets()
  local a, b = yield(sys.socketpair())
  local left <close> = assert(a, b)
  local right <close> = b
  expect(13, yield(sys.send(left, "one\ntwo\nthree")))
  expect(true, yield(sys.read_wait(right)))
  expect(true, yield(sys.write_wait(right:fd())))
  expect("one", yield(sys.read(right, "l")))
  expect("two", yield(sys.read_until(right, "\n")))
  expect("th", yield(sys.recv(right, 2)))
  expect(left, yield(sys.write(left, 1, "x")))
  expect("ree1x", yield(sys.read(right, 5)))
  expect(left, yield(sys.shutdown(left, "write")))
  local data, message, code = yield(sys.recv(right))
  assert(data == nil and code == "EOF", message)
end

local function addresses()
  local server <close> = assert(yield(sys.listen("127.0.0.1", 0)))
  local _, port = server:getsockname()
  local client <close> = assert(yield(sys.connect("127.0.0.1", port)))
  local peer <close> = assert(yield(sys.accept(server)))
  assert(select(2, peer:getpeername()) == select(2, client:getsockname()))
  expect("inet", assert(yield(sys.resolve("127.0.0.1")))[1].family)
  expect("127.0.0.1", assert(yield(sys.resolve("localhost", "inet")))[1].host)
end

local known = {}
for _, name in ipairs {
  "get_tid", "current", "spawn", "join", "new_task", "task", "kill_task", "wait_task",
  "cancel", "wait", "kill", "now", "sleep", "checkpoint", "socketpair", "send",
  "read_wait", "write_wait", "read", "read_until", "recv", "write", "shutdown",
  "listen", "connect", "accept", "resolve",
  "sleep_until", "external", "stats", "tasks", "inspect",
  -- custom.lua, channel.lua, select.lua, lock.lua; local variables and instruments have
  -- scenarios of their own, forever waits for ever; and what only the command calls
  "syscall", "channel_send", "channel_recv", "select", "acquire", "wait_on",
  "locals", "set_locals", "add_instrument", "remove_instrument", "forever",
  "unwind_on_signals", "ended_by_signal", "raise_descriptor_limit", "dump_on_signal",
} do
  known[name] = true
end

return function()
  for name in pairs(sys) do assert(known[name], name) end
  for _, main in ipairs { tasks, times, sockets, addresses } do
    local ok, problem = pcall(cosched.run, main)
    if not ok then error(problem, 0) end
  end
  assert(net.resolve == core.resolve)
end
