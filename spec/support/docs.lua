-- docs - reads the reference and the types, and runs the examples of the reference.

local function list_files(patterns)
  local paths = {}
  local list = assert(io.popen("ls " .. patterns))
  for path in list:lines() do paths[#paths + 1] = path end
  list:close()
  return paths
end

local docs = { TYPES = list_files "types/*.lua types/cosched/*.lua" }

local PRELUDE = [[
local cosched = require "cosched"
local net = require "cosched.net"
local sys = cosched.sys
]]

function docs.read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

local function read_all(patterns)
  local pages = {}
  for _, path in ipairs(list_files(patterns)) do pages[path] = docs.read(path) end
  return pages
end

-- path -> text, of all pages of the reference
function docs.pages() return read_all "docs/reference/*.md" end

-- The same of the model, and of the pages beside it.
function docs.model_pages()
  return read_all "docs/model.md docs/model/*.md docs/recipes.md docs/coming-from.md"
end

-- The sections of a page, as links name them.
function docs.anchors(page)
  local anchors = {}
  for heading in page:gmatch "\n#+ ([^\n]+)" do
    anchors[heading:lower():gsub("[^%w%- _]", ""):gsub(" ", "-")] = true
  end
  return anchors
end

local function each_page(pages)
  local paths = {}
  for path in pairs(pages) do paths[#paths + 1] = path end
  table.sort(paths)
  local i = 0
  return function()
    i = i + 1
    return paths[i], pages[paths[i]]
  end
end

-- One for each heading of the form ### `signature`: what follows up to the next.
function docs.sections()
  local sections = {}
  for path, text in each_page(docs.pages()) do
    text = text:gsub("\n##[^\n]*", "\0%0")
    for heading, rest in text:gmatch "%z\n### `([^\n]*)`(%Z*)" do
      sections[#sections + 1] = { heading = heading, text = rest, page = path }
    end
  end
  return sections
end

-- "socket:read_until(delimiter, [max])" -> "socket:read_until", { "delimiter", "max" }
function docs.parse(signature)
  local name, list = signature:match "^([%w_.:]+)%((.*)%)$"
  assert(name, "not a signature: " .. signature)
  local parameters = {}
  for parameter in list:gsub("[%[%]]", ""):gmatch "[%w_.]+" do
    parameters[#parameters + 1] = parameter
  end
  return name, parameters
end

-- Every ```lua block of the pages, or of the reference, with what its `-->` say that it
-- prints.
function docs.examples(pages)
  local examples = {}
  for path, text in each_page(pages or docs.pages()) do
    local line, code, start, interpreter = 0, nil, nil, nil
    for each in (text .. "\n"):gmatch "(.-)\n" do
      line = line + 1
      if each == "```lua" then
        code, start = {}, line
      elseif each == "```" and code then
        local expected = {}
        for _, printed in ipairs(code) do
          local output = printed:match "%-%-> ?(.*)$"
          if output then expected[#expected + 1] = output .. "\n" end
        end
        examples[#examples + 1] = {
          page = path, line = start, interpreter = interpreter,
          code = table.concat(code, "\n"), expected = table.concat(expected),
        }
        code, interpreter = nil, nil
      elseif code then
        code[#code + 1] = each
      else
        interpreter = each:match "^<!%-%- run with: (%w+) %-%->$" or interpreter
      end
    end
  end
  return examples
end

local function quote(text) return "'" .. text:gsub("'", [['\'']]) .. "'" end

-- What the example prints, on stdout or stderr, as a script of its own.
function docs.run(example)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(PRELUDE, example.code, "\n")
  file:close()
  local cpath = os.getenv "COSCHED_CPATH" or "build/?.so"
  local pipe = assert(io.popen(("LUA_PATH_5_4='lua/?.lua;lua/?/init.lua;;' LUA_CPATH_5_4=%s "
    .. "timeout -k 1 20 %s %s %s 2>&1 </dev/null"):format(quote(cpath .. ";;"),
    os.getenv "LUA" or "lua5.4", example.interpreter == "lua" and "" or "bin/cosched", path)))
  local output = pipe:read "a"
  pipe:close()
  os.remove(path)
  return output
end

-- What types/ declares: name -> { parameters =, async = }, names as in the reference
-- ("cosched.sleep", "net.listen", "sys.sleep", "socket:read", "wait:park" ...).
function docs.types()
  local types = {}
  for _, path in ipairs(docs.TYPES) do
    local comment = {}
    for line in docs.read(path):gmatch "[^\n]*" do
      local signature = line:match "^function (.*) end$"
      if line:find "^%-%-%-" then
        comment[#comment + 1] = line
      elseif signature then
        local name, parameters = docs.parse(signature)
        name = name:gsub("^%u%w*:", string.lower)
        types[name] = { parameters = parameters, comment = table.concat(comment, "\n") }
      end
      if not line:find "^%-%-%-" then comment = {} end
    end
  end
  return types
end

return docs
