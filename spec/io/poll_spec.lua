-- read_wait and write_wait: for sockets, and for descriptors that others made.

local cosched = require "cosched"
local net = require "cosched.net"
local sockets = require "spec.support.sockets"
local support = require "spec.support.task"

local in_task, failure, settle = support.in_task, sockets.failure, sockets.settle

-- The number of the descriptor that `open` opens, and what it returns.
local function with_descriptor(open)
  local before = support.descriptors()
  local file = assert(open())
  for fd, target in pairs(support.descriptors()) do
    if before[fd] ~= target then return fd, file end
  end
  pending "descriptors cannot be listed here"
end

local function popen(command)
  return with_descriptor(function() return io.popen(command) end)
end

-- A pipe with both ends in one descriptor: it can be full and readable at once.
local CAPACITY = 65536
local function open_fifo()
  local path = os.tmpname()
  os.remove(path)
  assert(os.execute("mkfifo " .. path))
  local fd, file = with_descriptor(function() return io.open(path, "r+") end)
  os.remove(path)
  file:setvbuf "no"
  return fd, file
end

describe("read_wait", function()
  it("waits until a pipe made by others can be read", in_task(function()
    local fd, pipe <close> = popen "sleep 0.01; echo ready"
    local order = {}
    local waiter = cosched.spawn(function()
      assert.is_true(cosched.read_wait(fd))
      order[#order + 1] = "woken"
    end)
    settle()
    order[#order + 1] = "others ran"
    waiter:join()
    assert.are.same({ "others ran", "woken" }, order)
    assert.equal("ready", pipe:read "l")
  end))

  it("is woken by the end of the data", in_task(function()
    local fd, pipe <close> = popen "sleep 0.01"
    assert.is_true(cosched.read_wait(fd))
    assert.is_nil(pipe:read "l")
  end))

  it("takes a socket or its number", in_task(function()
    local a, b, _ <close> = sockets.pair()
    b:send "x"
    assert.is_true(cosched.read_wait(a))
    assert.is_true(cosched.read_wait(a:fd()))
    assert.equal("x", a:recv())
  end))

  it("does the same as a yielded object", in_task(function()
    local a, b, _ <close> = sockets.pair()
    local waiter = cosched.spawn(function() return coroutine.yield(cosched.sys.read_wait(a)) end)
    settle()
    assert.equal("waiting", waiter:status())
    b:send "x"
    assert.is_true(waiter:join())
  end))

  it("waits again after all that was sent has been taken", in_task(function()
    local a, b, _ <close> = sockets.pair()
    b:send "12345"
    assert.is_true(cosched.read_wait(a))
    assert.equal("12345", a:recv(5))
    local waiter = cosched.spawn(cosched.read_wait, a)
    settle()
    assert.equal("waiting", waiter:status())
    b:send "x"
    assert.is_true(waiter:join())
  end))

  it("does not wait for a socket whose buffer has data", in_task(function()
    local a, b, _ <close> = sockets.pair()
    b:send "line\nrest"
    assert.equal("line", a:read())
    local waiter = cosched.spawn(cosched.read_wait, a)
    cosched.sleep(0.01)
    local status = waiter:status()
    waiter:cancel()
    assert.equal("done", status)
    assert.equal("rest", a:recv())
  end))

  it("does not wait for a regular file", in_task(function()
    local fd, file <close> = with_descriptor(function() return io.open("Makefile") end)
    assert.is_true(cosched.read_wait(fd))
    assert.is_true(cosched.read_wait(fd))
    assert.is_string(file:read "l")
  end))

  it("answers busy to a second reader, in both forms", in_task(function()
    local a, b, _ <close> = sockets.pair()
    local first = cosched.spawn(cosched.read_wait, a)
    settle()
    assert.equal("busy EBUSY", failure(cosched.read_wait(a)))
    assert.equal("busy EBUSY", failure(cosched.read_wait(a:fd())))
    assert.equal("busy EBUSY", failure(a:recv()))
    b:send "x"
    assert.is_true(first:join())
  end))

  it("answers busy to a second reader of a foreign descriptor", in_task(function()
    local fd, file <close> = open_fifo()
    local first = cosched.spawn(cosched.read_wait, fd)
    settle()
    assert.equal("busy EBUSY", failure(cosched.read_wait(fd)))
    file:write "x"
    assert.is_true(first:join())
  end))

  it("reports a descriptor that is not open", in_task(function()
    local fd, file = with_descriptor(function() return io.open("/dev/null") end)
    file:close()
    assert.equal("bad file descriptor EBADF", failure(cosched.read_wait(fd)))
    assert.equal("bad file descriptor EBADF", failure(cosched.write_wait(fd)))
  end))

  it("can be cancelled, and the descriptor waited for again", in_task(function()
    local fd, file <close> = open_fifo()
    local waiter = cosched.spawn(cosched.read_wait, fd)
    settle()
    waiter:cancel()
    assert.equal("cancelled", waiter:wait())
    local second = cosched.spawn(cosched.read_wait, fd)
    settle()
    assert.equal("waiting", second:status())
    file:write "x"
    assert.is_true(second:join())
  end))

  it("finds data that came while only a writer waited", in_task(function()
    local fd, file <close> = open_fifo()
    file:write(("x"):rep(CAPACITY))
    local writer = cosched.spawn(cosched.write_wait, fd)
    settle()
    assert.is_true(cosched.read_wait(fd))
    local again = cosched.spawn(cosched.read_wait, fd) -- nothing new has come since
    cosched.sleep(0.01)
    assert.equal("done", again:status())
    assert.equal("waiting", writer:status())
    file:read(CAPACITY)
    assert.is_true(writer:join())
  end))
end)

describe("write_wait", function()
  it("waits until a full pipe has room", in_task(function()
    local fd, file <close> = open_fifo()
    file:write(("x"):rep(CAPACITY))
    local writer = cosched.spawn(cosched.write_wait, fd)
    settle()
    assert.equal("waiting", writer:status())
    file:read(CAPACITY)
    assert.is_true(writer:join())
  end))

  it("does not wait for a socket with room, in both forms", in_task(function()
    local a, b, _ <close> = sockets.pair()
    assert.is_true(cosched.write_wait(a))
    assert.is_true(cosched.write_wait(b:fd()))
  end))

  it("does not disturb a reader of the same descriptor", in_task(function()
    local a, b, _ <close> = sockets.pair()
    local reader = cosched.spawn(cosched.read_wait, a)
    settle()
    assert.is_true(cosched.write_wait(a))
    assert.equal("waiting", reader:status())
    b:send "x"
    assert.is_true(reader:join())
  end))
end)

describe("a descriptor number", function()
  it("that was closed answers its waiters when a socket gets it", in_task(function()
    local fd, file = open_fifo()
    local old = cosched.spawn(function() return failure(cosched.read_wait(fd)) end)
    settle()
    file:close()
    local a, b, _ <close> = sockets.pair()
    assert.is_true(a:fd() == fd or b:fd() == fd)
    a:send "x"
    b:send "x"
    assert.equal("closed ECLOSED", old:join())
  end))

  it("that a new socket got does not wake it for the old one's data", in_task(function()
    -- the child keeps the pipe's other end and what is in it
    local fd, pipe = popen "sleep 0.01; echo late; exec sleep 0.02"
    local old = cosched.spawn(function() return failure(cosched.read_wait(fd)) end)
    settle()
    local a, b, _ <close> = sockets.pair()
    assert.are_not.equal(fd, a:fd())
    pipe:close() -- waits for the child: the event is there, and not yet seen
    local c, d, _ <close> = sockets.pair()
    local new = c:fd() == fd and c or d
    assert.equal(fd, new:fd())
    local waiter = cosched.spawn(cosched.read_wait, new)
    cosched.sleep(0.01)
    assert.equal("waiting", waiter:status())
    assert.equal("closed ECLOSED", old:join())
    local other = new == c and d or c
    other:send "x"
    assert.is_true(waiter:join())
    assert.is_true(cosched.write_wait(a) and cosched.write_wait(b))
  end))

  it("reused in the turn in which its event came wakes nobody", in_task(function()
    local a, b, _ <close> = sockets.pair()
    local c, d, _ <close> = sockets.pair()
    local number, new, other = c:fd()
    -- both are woken by one turn of the loop; the first closes what the second waits for
    local first = cosched.spawn(function()
      cosched.read_wait(a)
      c:close()
      new, other = net.socketpair()
      if new:fd() ~= number then new, other = other, new end
    end)
    local second = cosched.spawn(function() return failure(cosched.read_wait(c)) end)
    settle()
    b:send "x"
    d:send "x"
    first:join()
    assert.equal("closed ECLOSED", second:join())
    assert.equal(number, new:fd())
    local third = cosched.spawn(cosched.read_wait, new)
    cosched.sleep(0.01)
    assert.equal("waiting", third:status())
    other:send "x"
    assert.is_true(third:join())
    new:close()
    other:close()
  end))
end)

describe("a closed socket", function()
  it("answers closed to both waits", in_task(function()
    local a, b, _ <close> = sockets.pair()
    a:close()
    assert.equal("closed ECLOSED", failure(cosched.read_wait(a)))
    assert.equal("closed ECLOSED", failure(cosched.write_wait(a)))
    assert.is_true(cosched.write_wait(b))
  end))

  it("answers closed to who waits already", in_task(function()
    local a, b, _ <close> = sockets.pair()
    sockets.fill(a)
    local reader = cosched.spawn(function() return failure(cosched.read_wait(a)) end)
    local writer = cosched.spawn(function() return failure(cosched.write_wait(a:fd())) end)
    settle()
    a:close()
    assert.equal("closed ECLOSED", reader:join())
    assert.equal("closed ECLOSED", writer:join())
    assert.is_true(cosched.write_wait(b))
  end))
end)

describe("what is no descriptor", function()
  local values = {
    ["a name"] = "stdin",
    ["a table"] = {},
    ["a fraction"] = 1.5,
    ["a negative number"] = -1,
    ["a huge number"] = 1 << 40,
    ["a boolean"] = true,
    ["a file"] = io.stderr,
  }

  local function check(wait, pattern)
    for name, value in pairs(values) do
      local ok, problem = pcall(wait, value)
      assert.is_false(ok, name)
      assert.matches(pattern, problem)
    end
    assert.is_false(pcall(wait))
  end

  it("is refused by read_wait, at the caller", in_task(function()
    check(function(...) cosched.read_wait(...) end,
      "poll_spec.lua:%d+: bad argument #1 to 'read_wait'")
  end))

  it("is refused by write_wait, at the caller", in_task(function()
    check(function(...) cosched.write_wait(...) end,
      "poll_spec.lua:%d+: bad argument #1 to 'write_wait'")
  end))
end)
