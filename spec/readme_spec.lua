-- README.md: what it shows is what is there.

local docs = require "spec.support.docs"

local readme = docs.read "README.md"

-- Every block of the language: the comment before it, and what it holds.
local function blocks(language)
  local found = {}
  for comment, code in readme:gmatch("([^\n]*)\n```" .. language .. "\n(.-)```\n") do
    found[#found + 1] = { comment = comment:match "^<!%-%- (.*) %-%->$", code = code }
  end
  return found
end

-- A file without the comment at its end that says what it prints.
local function example(path)
  return (docs.read(path):gsub("\n%-%-%[%[ %l+.*$", ""))
end

describe("the README", function()
  it("shows Lua as it stands in examples/, byte for byte", function()
    local lua = blocks "lua"
    assert.is_true(#lua > 0)
    for _, block in ipairs(lua) do assert.equal(example(block.comment), block.code) end
  end)

  it("has an echo server of at most 15 lines", function()
    local _, lines = example("examples/echo.lua"):gsub("\n", "\n")
    assert.is_true(lines <= 15)
  end)

  it("shows no other code than Lua and shell commands", function()
    for language in readme:gmatch "\n```(%l+)\n" do
      assert.truthy(language == "lua" or language == "sh", language)
    end
  end)

  it("says of each shell block whether a fresh machine is to run it", function()
    for _, block in ipairs(blocks "sh") do
      assert.truthy(block.comment, "no comment before: " .. block.code)
    end
  end)

  it("names only targets that the Makefile has", function()
    local makefile = docs.read "Makefile"
    for target in readme:gmatch "make (%l+)[\n`]" do
      assert.truthy(makefile:find("\n" .. target .. ":", 1, true), target)
    end
  end)

  it("links only to what is there", function()
    for _, path in ipairs { "README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md",
      "docs/architecture.md" } do
      local text = docs.read(path):gsub("\n *```.-\n *```", "") -- code is no link
      for link in text:gmatch "%]%(([^)#]+)%)" do
        if not link:find "^https?:" then
          local target = (path:match "^.*/" or "") .. link
          local file = io.open(target)
          assert.truthy(file, path .. " links to " .. link)
          file:close()
        end
      end
    end
  end)

  it("is right that each example shows at its end what it does", function()
    local list = assert(io.popen "ls examples/*.lua")
    local seen = 0
    for path in list:lines() do
      assert.truthy(docs.read(path):find "\n%-%-%[%[ %l+", path .. " does not say what it does")
      seen = seen + 1
    end
    list:close()
    assert.is_true(seen >= 9)
  end)
end)
