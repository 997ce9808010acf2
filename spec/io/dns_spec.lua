-- resolve: names to addresses, on threads.

local cosched = require "cosched"
local net = require "cosched.net"
local sockets = require "spec.support.sockets"

local in_task = require("spec.support.task").in_task
local failure = sockets.failure

-- A name that no resolver asks anybody for: it has an empty part.
local UNKNOWN = "no..such..host"

describe("resolve", function()
  it("finds the addresses of localhost", in_task(function()
    local list = assert(net.resolve "localhost")
    assert.is_true(#list >= 1)
    for _, address in ipairs(list) do
      assert.is_true(address.host == "127.0.0.1" or address.host == "::1", address.host)
      assert.equal(address.host:find ":" and "inet6" or "inet", address.family)
    end
  end))

  it("finds those of one family alone", in_task(function()
    local list = assert(net.resolve("localhost", "inet"))
    assert.are.same({ { host = "127.0.0.1", family = "inet" } }, { list[1] })
    for _, address in ipairs(list) do
      assert.equal("inet", address.family)
    end
  end))

  it("gives back numbers at once", in_task(function()
    assert.are.same({ { host = "127.0.0.1", family = "inet" } }, net.resolve "127.0.0.1")
    assert.are.same({ { host = "::1", family = "inet6" } }, net.resolve "::1")
    assert.are.same({ { host = "::1", family = "inet6" } }, net.resolve("0:0:0:0:0:0:0:1", "inet6"))
  end))

  it("fails for numbers of the other family", in_task(function()
    assert.matches("EAI_", failure(net.resolve("127.0.0.1", "inet6")))
    assert.matches("EAI_", failure(net.resolve("::1", "inet")))
  end))

  it("lets others run", in_task(function()
    local order = {}
    local resolver = cosched.spawn(function()
      net.resolve "localhost"
      order[#order + 1] = "resolved"
    end)
    cosched.checkpoint()
    order[#order + 1] = "others"
    resolver:join()
    assert.are.same({ "others", "resolved" }, order)
  end))

  it("does many at once", in_task(function()
    local tasks = {}
    for i = 1, 50 do
      tasks[i] = cosched.spawn(net.resolve, "localhost", "inet")
    end
    for _, task in ipairs(tasks) do
      assert.equal("127.0.0.1", task:join()[1].host)
    end
  end))

  it("fails for a name that there is not", in_task(function()
    for _, name in ipairs { UNKNOWN, "two words", "-", "300.300.300.300" } do
      local text = failure(net.resolve(name, "any", 5))
      assert.is_true(text:find " EAI_" ~= nil or text:find " EINVAL$" ~= nil, name .. ": " .. text)
    end
  end))

  it("can be cancelled while it runs", in_task(function()
    local order = {}
    local resolver = cosched.spawn(function()
      net.resolve "localhost"
      order[#order + 1] = "resolved"
    end)
    cosched.checkpoint()
    assert.equal("waiting", resolver:status())
    assert.is_true(resolver:cancel())
    assert.equal("cancelled", resolver:wait())
    assert.are.same({}, order)
    assert.equal("127.0.0.1", net.resolve("localhost", "inet")[1].host)
  end))

  it("can be cancelled many times over, started and not started", in_task(function()
    local tasks = {}
    for i = 1, 100 do
      tasks[i] = cosched.spawn(net.resolve, "localhost")
    end
    cosched.checkpoint()
    local was = {}
    for i, task in ipairs(tasks) do
      was[i] = task:status()
      if i % 2 == 0 then task:cancel() else task:kill() end
    end
    for i, task in ipairs(tasks) do
      if was[i] == "waiting" then assert.equal("cancelled", task:wait()) end
    end
    assert.equal("waiting", was[100]) -- a pool has not that many threads
    assert.is_table(net.resolve "localhost")
  end))

  it("has a limit of time", in_task(function()
    local text
    for _ = 1, 200 do -- a thread may be faster than the limit, but not each time
      local list, message, code = net.resolve("localhost", "any", 0)
      if not list then text = message .. " " .. code break end
    end
    assert.equal("timeout ETIMEDOUT", text)
    assert.equal("127.0.0.1", net.resolve("localhost", "inet", 5)[1].host)
  end))

  it("does the same as a yielded object", in_task(function()
    local list = coroutine.yield(cosched.sys.resolve("localhost", "inet"))
    assert.equal("127.0.0.1", list[1].host)
    assert.matches("E%u+", failure(coroutine.yield(cosched.sys.resolve(UNKNOWN))))
  end))

  it("refuses what is no name", in_task(function()
    for _, bad in ipairs { "", ("x"):rep(300), "a\0b", {}, true } do
      local ok, problem = pcall(function() net.resolve(bad) end)
      assert.is_false(ok)
      assert.matches("dns_spec.lua:%d+: bad argument #1 to 'resolve'", problem)
    end
    for _, bad in ipairs { { "x", "ipx" }, { "x", 4 }, { "x", "any", -1 }, { "x", "any", {} } } do
      local ok, problem = pcall(function() net.resolve(table.unpack(bad)) end)
      assert.is_false(ok)
      assert.matches("bad argument #[23] to 'resolve'", problem)
    end
    assert.is_false(pcall(net.resolve))
  end))
end)
