-- Debug hooks of the program, under slices and without.
local cosched = require "cosched"

local SLICE = { slice = 0.001 }

describe("hooks of the program", function()
  local function spin_lines()
    local deadline = os.clock() + 0.01
    local n = 0
    repeat
      n = n + 1
    until os.clock() > deadline
    return n
  end

  local first = debug.getinfo(spin_lines, "S").linedefined

  for what, options in pairs {
    ["slices of time"] = SLICE, ["slices of instructions"] = { slice_instructions = 20 },
  } do
    it("that count lines go on counting under " .. what, function()
      local lines = {}
      local function hook(_, line)
        if debug.getinfo(2, "f").func == spin_lines then lines[line] = true end
      end
      debug.sethook(hook, "l")
      local ok, problem = pcall(cosched.run, options, function()
        for _ = 1, 3 do
          cosched.spawn(function()
            spin_lines()
            -- the first look may be at the very moment when a slice is to end
            assert(debug.gethook() == hook or debug.gethook() == hook, "another hook")
          end)
        end
      end)
      debug.sethook()
      assert(ok, problem)
      for _, i in ipairs { 1, 2, 4, 5, 6 } do assert.is_true(lines[first + i], "line " .. i) end
    end)
  end

  it("are inherited by a task that is spawned while a slice ends", function()
    local function hook() end
    debug.sethook(hook, "", 1000000)
    local ok, problem = pcall(cosched.run, SLICE, function()
      local deadline = os.clock() + 0.02
      repeat
        local task = cosched.spawn(function() return (debug.gethook()) end)
        local found = task:join()
        assert(found == hook, "another hook: " .. tostring(found))
      until os.clock() > deadline
    end)
    debug.sethook()
    assert(ok, problem)
  end)

  it("of slices are not inherited by a task that is spawned", function()
    cosched.run({ slice_instructions = 1000 }, function()
      local thread = cosched.spawn(coroutine.running):join()
      local task = cosched.spawn(coroutine.running) -- on the same thread, which is used again
      assert.truthy((debug.gethook()))
      assert.is_nil((debug.gethook(thread)))
      assert.equal(thread, task:join())
    end)
  end)
end)
