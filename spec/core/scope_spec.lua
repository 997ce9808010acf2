-- The cancel tree: what a cancellation reaches below, and in which order.
local cosched = require "cosched"
local support = require "spec.support.task"
local in_task, caught, closing = support.in_task, support.caught, support.closing

local LONG = 3600

describe("the cancellation of a parent", function()
  it("reaches all below it, the newest first", in_task(function()
    local log = {}
    local function waits(name, child)
      if child then cosched.spawn(table.unpack(child)) end
      local _ <close> = closing(function() log[#log + 1] = name end)
      cosched.sleep(LONG)
    end
    local parent = cosched.spawn(function()
      cosched.spawn(waits, "first", { waits, "grandchild" })
      cosched.spawn(waits, "second")
      cosched.spawn(waits, "third")
      waits "parent"
    end)
    cosched.sleep(0.001)
    parent:cancel "now"
    assert.are.equal("cancelled", parent:wait())
    assert.are.same({ "grandchild", "third", "second", "first", "parent" }, log)
  end))

  it("gives each of them the parent's reason", in_task(function()
    local seen
    local parent = cosched.spawn(function()
      cosched.spawn(function()
        seen = caught(cosched.sleep, LONG)
        error(seen, 0)
      end)
      cosched.sleep(LONG)
    end)
    cosched.sleep(0.001)
    parent:cancel "from above"
    parent:wait()
    assert.are.equal("from above", seen.reason)
  end))

  it("reaches children that it makes afterwards", in_task(function()
    local child
    local parent = cosched.spawn(function()
      pcall(cosched.sleep, LONG)
      child = cosched.spawn(cosched.sleep, LONG)
      cosched.sleep(LONG)
    end)
    cosched.checkpoint()
    parent:cancel "now"
    assert.are.equal("cancelled", parent:wait())
    assert.are.equal("cancelled", child:result())
  end))

  it("waits for the children: waiting for them is not a wait that ends early", in_task(function()
    local log = {}
    local parent = cosched.spawn(function()
      cosched.spawn(function()
        while #log < 3 do
          pcall(cosched.sleep, LONG)
          log[#log + 1] = "stubborn"
        end
      end)
    end)
    cosched.sleep(0.001)
    parent:cancel "now"
    parent:wait()
    assert.are.same({ "stubborn", "stubborn", "stubborn" }, log)
  end))

  it("makes it cancelled when a child was cut short, although its body has returned",
    in_task(function()
      local parent = cosched.spawn(function()
        cosched.spawn(cosched.sleep, LONG)
        return "results"
      end)
      cosched.sleep(0.001)
      parent:cancel "now"
      assert.are.equal("cancelled", parent:wait())
    end))

  it("leaves it ok when body and children finish all the same", in_task(function()
    local parent = cosched.spawn(function()
      cosched.spawn(function() pcall(cosched.sleep, LONG) end)
      return "results"
    end)
    cosched.sleep(0.001)
    parent:cancel "now"
    assert.are.equal("results", parent:join())
  end))

  it("unwinds a chain of thousands of nested tasks", function()
    local DEPTH, depth = 5000, 0
    local function nest()
      depth = depth + 1
      if depth < DEPTH then cosched.spawn(nest) end
      local _ <close> = closing(function() depth = depth - 1 end)
      cosched.sleep(LONG)
    end
    cosched.run(function()
      local top = cosched.spawn(nest)
      while depth < DEPTH do cosched.checkpoint() end
      top:cancel "now"
    end)
    assert.are.equal(0, depth)
  end)
end)
