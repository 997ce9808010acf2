-- A supervisor raised an error that a joiner had already observed, when the report
-- itself had failed.
local cosched = require "cosched"

describe("a child's error under a supervisor whose report fails", function()
  local function supervised(observe)
    local function on_error() error "the report failed" end
    return pcall(cosched.run, cosched.supervisor, { on_error = on_error }, function(nursery)
      local child = nursery:spawn(error, "from the child", 0)
      observe(child)
    end)
  end

  it("is not raised again when a joiner has observed it", function()
    assert.is_true(supervised(function(child) pcall(child.join, child) end))
  end)

  it("is raised when nobody has", function()
    local ok, problem = supervised(function() end)
    assert.is_false(ok)
    assert.are.equal("from the child", cosched.cause(problem))
  end)
end)
