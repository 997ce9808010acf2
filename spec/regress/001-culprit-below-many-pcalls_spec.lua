-- The search for the culprit left a value on the stack for each pcall that it
-- passed: some seventy of them corrupted the heap.
local cosched = require "cosched"
local in_task = require("spec.support.task").in_task

describe("a wait that Lua cannot suspend", function()
  it("is refused below any number of pcalls", in_task(function()
    for depth = 10, 180, 10 do
      local call = {}
      for i = 1, depth do call[i] = pcall end
      call[depth + 1], call[depth + 2] = cosched.sleep, 1
      local results
      table.sort({ 1, 2 }, function()
        results = table.pack(pcall(table.unpack(call)))
        return false
      end)
      assert.matches("table.sort", results[results.n], 1, true)
    end
  end))
end)
