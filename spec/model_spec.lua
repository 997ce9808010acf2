-- docs/model: every example runs and prints what stands after its `-->`.

local docs = require "spec.support.docs"

-- The body of a main task on the virtual clock, unless it says how it is to be run.
local function run(example)
  if not example.interpreter then
    example.code = ("cosched.run({ clock = 'virtual' }, function() %s\nend)"):format(example.code)
    example.interpreter = "lua"
  end
  return docs.run(example)
end

describe("docs/model", function()
  local examples = docs.examples(docs.model_pages())

  it("has examples on each page", function()
    local seen = {}
    for _, example in ipairs(examples) do seen[example.page] = true end
    for path in pairs(docs.model_pages()) do assert.is_true(seen[path], path) end
  end)

  for _, example in ipairs(examples) do
    it(("runs the example at %s:%d"):format(example.page, example.line), function()
      assert.equal(example.expected, run(example))
    end)
  end

  it("links only to what is there, sections included", function()
    for path, text in pairs(docs.model_pages()) do
      for link, anchor in text:gmatch "%]%(([%w_./-]*)#?([^)]*)%)" do
        local target = link == "" and path or path:match "^(.*/)" .. link
        local page = docs.read(target)
        local found = anchor == "" or docs.anchors(page)[anchor]
        assert.truthy(found, ("%s: %s#%s"):format(path, link, anchor))
      end
    end
  end)

  it("numbers its sections without a gap", function()
    for path, text in pairs(docs.model_pages()) do
      local page = text:match "^# (%d+)%."
      local last = 0
      for number in text:gmatch "\n## ([%d.]+) " do
        last = last + 1
        assert.equal(("%s.%d"):format(page, last), number, path)
      end
    end
  end)
end)
