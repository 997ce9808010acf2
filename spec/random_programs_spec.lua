-- Random small programs, of which invariants must hold whatever they do.
--
-- COSCHED_SEEDS=first-last chooses others than the few hundred of the suite, and
-- `make fuzz` runs ten thousand. support/program.lua makes the programs,
-- program_run.lua runs them, program_books.lua and program_end.lua know what must hold.
local program = require "spec.support.program"
local program_run = require "spec.support.program_run"

local FIRST, LAST = (os.getenv "COSCHED_SEEDS" or "1-1000"):match "^(%d+)%-(%d+)$"
local PORTION = 100 -- seeds for one `it`
local MOST_KINDS = 3 -- failures that are made smaller, in one portion

-- The first place where two traces of the same program differ.
local function difference(first, second)
  for i = 1, math.max(#first, #second) do
    if first[i] ~= second[i] then
      return ("the second run differs: %s, then %s"):format(first[i], second[i])
    end
  end
end

-- Runs a program twice. Returns what is wrong, or nil, and the trace.
local function examine(tree)
  local ok, problems, trace = pcall(program_run.run, tree)
  if not ok then return { tostring(problems) }, {} end
  local _, again = program_run.run(tree)
  problems[#problems + 1] = difference(trace, again)
  if #problems > 0 then return problems, trace end
end

-- What kind of problem it is, for the numbers change when a program gets smaller.
local function kind_of(problem) return (problem:gsub("%d+", "")) end

local function report(tree, problems)
  local seed, kind = tree.seed, kind_of(problems[1])
  tree = program.shrink(tree, function(smaller)
    local found = examine(smaller)
    return found and kind_of(found[1]) == kind
  end)
  local found, trace = examine(tree)
  return table.concat({
    ("seed %d: %s"):format(seed, table.concat(problems, "; ")),
    "made smaller: " .. table.concat(found or { "(does not fail again)" }, "; "),
    program.show(tree),
    "its trace:\n  " .. table.concat(trace or {}, "\n  "),
    "to run it again:",
    ("  COSCHED_SEEDS=%d-%d SPECS=spec/random_programs_spec.lua tools/run-tests"):format(seed,
      seed),
  }, "\n")
end

local function check(first, last)
  local reports, kinds = {}, {}
  for seed = first, last do
    local tree = program.generate(seed)
    local problems = examine(tree)
    local kind = problems and kind_of(problems[1])
    if kind and not kinds[kind] and #reports < MOST_KINDS then
      kinds[kind] = true
      reports[#reports + 1] = report(tree, problems)
    end
  end
  if #reports > 0 then error("\n" .. table.concat(reports, "\n\n"), 0) end
end

describe("a random program", function()
  for first = FIRST // 1, LAST // 1, PORTION do
    local last = math.min(first + PORTION - 1, LAST // 1)
    it(("keeps the rules, seeds %d to %d"):format(first, last), function()
      check(first, last)
    end)
  end

  it("is the same for the same seed", function()
    local shown = program.show(program.generate(7))
    assert.are.equal(shown, program.show(program.generate(7)))
    assert.are_not.equal(shown, program.show(program.generate(8)))
  end)

  it("is made smaller as long as it fails", function()
    local tree = program.generate(2)
    local function has_raise(text) return text:find "raise kind" ~= nil end
    assert.is_true(has_raise(program.show(tree)), program.show(tree))
    local small = program.shrink(tree, function(each) return has_raise(program.show(each)) end)
    assert.are.equal(1, #small.body, program.show(small))
    assert.are.equal("raise", small.body[1].name)
  end)
end)
