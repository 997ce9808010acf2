-- read_wait of a large number that is no descriptor allocated a table up to it.
local cosched = require "cosched"
local in_task = require("spec.support.task").in_task

local function resident() -- KiB
  local status <close> = io.open "/proc/self/status"
  return status and tonumber(status:read("a"):match "VmRSS:%s*(%d+)")
end

describe("read_wait of a number that is no descriptor", function()
  it("fails, and takes no memory", in_task(function()
    if not resident() then return pending "no /proc" end
    local before = resident()
    assert.are.same({ nil, "bad file descriptor", "EBADF" }, { cosched.read_wait(16000000) })
    assert.is_true(resident() - before < 10000)
  end))
end)
