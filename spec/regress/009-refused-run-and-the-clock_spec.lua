-- A run that was refused for its second option had set the clock by its first: from
-- then on it stood still.
local cosched = require "cosched"

describe("a run that is refused", function()
  it("leaves the clock as it is", function()
    assert.is_false((pcall(cosched.run, { clock = "virtual", seed = "x" }, print)))
    assert.is_true(cosched.now() > 0)
    assert.is_false((pcall(cosched.run, { clock = "virtual" }, 5)))
    assert.is_true(cosched.now() > 0)
  end)
end)
