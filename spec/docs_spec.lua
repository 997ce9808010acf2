-- docs/reference: every function has its section, in one form; every example runs
-- and prints what stands after its `-->`.

local docs = require "spec.support.docs"

local LABELS = { "Arguments", "Returns", "Errors", "Waits" }

describe("docs/reference", function()
  for _, section in ipairs(docs.sections()) do
    describe(section.heading, function()
      it("says what, arguments, returns, errors, and whether it waits", function()
        local found = {}
        for label in section.text:gmatch "\n%- %*%*(%a+)%*%*: " do
          found[#found + 1] = label
        end
        assert.same(LABELS, found)
        assert.truthy(section.text:match "^\n\n[A-Z][^\n]+", "no sentence at the start")
      end)

      it("has an example", function()
        assert.truthy(section.text:find("\n```lua\n", 1, true))
      end)
    end)
  end

  for _, example in ipairs(docs.examples()) do
    it(("runs the example at %s:%d"):format(example.page, example.line), function()
      assert.equal(example.expected, docs.run(example))
    end)
  end

  it("links only to pages that are there", function()
    for path, text in pairs(docs.pages()) do
      for link in text:gmatch "%]%(([%w_./-]+%.md)[)#]" do
        local target = path:match "^(.*/)" .. link
        local file = io.open(target)
        assert.truthy(file, path .. " links to " .. link)
        file:close()
      end
    end
  end)
end)

describe("the runner of examples in docs", function()
  it("tells an example that prints something else", function()
    local example = { code = 'print "one"\n', expected = "two\n" }
    assert.are_not.equal(example.expected, docs.run(example))
  end)

  it("tells an example that fails", function()
    assert.truthy(docs.run({ code = "error 'broken'" }):find("broken", 1, true))
  end)
end)

describe("docs/architecture.md", function()
  local text = docs.read "docs/architecture.md"

  it("names every file of the core", function()
    local list = assert(io.popen "ls runtime/*.c runtime/*/*.c lua/cosched/*.lua")
    for path in list:lines() do
      local file = path:match "[^/]*$"
      local named = function(name) return text:find("`" .. name .. "`", 1, true) end
      assert.truthy(named(file) or named(path), path .. " is not on the map")
    end
    list:close()
  end)

  it("names no file that is not there", function()
    for file in text:gmatch "`([%w_]+%.[ch])`" do
      local list = assert(io.popen("find runtime -name " .. file))
      assert.truthy(list:read(), file)
      list:close()
    end
    for path in text:gmatch "`(%l+/[%w_./-]+)`" do
      local file = io.open((path:gsub("/$", "/.")))
      assert.truthy(file or path:find "^io/", path)
      if file then file:close() end
    end
  end)
end)
