-- types/, docs/reference and the module itself know the same functions, methods
-- and rows, with the same parameters. Each disagrees with the others here.

local docs = require "spec.support.docs"
local cosched = require "cosched"
local core = require "cosched.core"
local net = require "cosched.net"

-- An object of each type, under the name that its methods have in the reference.
local function objects()
  local instrument, token = cosched.instrument {}, cosched.external()
  instrument:remove()
  token:release()
  local of = {
    scope = cosched.scope(), external = token, instrument = instrument,
    ["local"] = cosched.localvar(), channel = cosched.channel(),
    lock = cosched.lock(), waitlist = cosched.waitlist(), event = cosched.event(),
    condition = cosched.condition(),
    semaphore = cosched.semaphore(1), permit = cosched.semaphore(1):try_acquire(),
  }
  cosched.run(function()
    of.task = cosched.current()
    cosched.nursery(function(nursery) of.nursery = nursery end)
    cosched.syscall { name = "look", start = function(wait) of.wait = wait end }()
  end)
  return of
end

-- Where an object has fields as well, a function answers for each name; the methods
-- are a table behind it.
local function methods(object)
  local index = assert(debug.getmetatable(object).__index)
  if type(index) == "table" then return index end
  local _, by_name = debug.getupvalue(index, 2)
  return by_name
end

-- Every public function there is: name, as the reference has it -> function.
local function functions()
  local found = {}
  local function add(prefix, from)
    for name, value in pairs(from) do
      local public = type(value) == "function" and not name:find "^__"
      if public then found[prefix .. name] = value end
    end
  end
  add("cosched.", cosched)
  add("net.", net)
  add("sys.", cosched.sys)
  add("socket:", core.Socket)
  add("listener:", core.Listener)
  for name, object in pairs(objects()) do add(name .. ":", methods(object)) end
  return found
end

local function sorted(set)
  local names = {}
  for name in pairs(set) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- The reference: sections, and for sys the rows of its table.
local function documented()
  local found = {}
  for _, section in ipairs(docs.sections()) do
    local name, parameters = docs.parse(section.heading)
    found[name] = { parameters = parameters, waits = section.text:match "%*%*Waits%*%*: (%a+)" }
  end
  for signature in docs.read "docs/reference/sys.md":gmatch "\n| `(sys%.[^`]*)` |" do
    local name, parameters = docs.parse(signature)
    found[name] = { parameters = parameters }
  end
  return found
end

local module, types, pages = functions(), docs.types(), documented()
types["cosched"], pages["cosched"] = nil, nil

local RETURN_NOTHING = {
  ["wait:park"] = true, ["lock:release"] = true, ["condition:release"] = true,
  ["semaphore:release"] = true, ["permit:release"] = true,
  ["event:set"] = true, ["event:clear"] = true,
  ["waitlist:open"] = true, ["waitlist:shut"] = true,
}

-- A wait has no section of its own: the one of cosched.syscall describes it.
local PAGELESS = { ["wait:park"] = true, ["wait:wake"] = true }

-- Functions that look at their object first.
local OBJECTS = { ["scope:run"] = cosched.scope }

describe("the types", function()
  it("are loadable Lua", function()
    for _, path in ipairs(docs.TYPES) do
      assert.equal("table", type(assert(loadfile(path))()))
    end
  end)

  it("declare what the module has, and nothing else", function()
    assert.same(sorted(module), sorted(types))
  end)

  it("describe each parameter, in order", function()
    for name, declared in pairs(types) do
      local described = {}
      for parameter in declared.comment:gmatch "%-%-%-@param ([%w_.]+)" do
        described[#described + 1] = parameter
      end
      assert.same(declared.parameters, described, name)
    end
  end)

  it("describe what each function returns, but for those that return nothing", function()
    for name, declared in pairs(types) do
      if not RETURN_NOTHING[name] then
        assert.truthy(declared.comment:find "%-%-%-@return", name)
      end
    end
  end)

  it("name the parameters of functions written in Lua", function()
    for name, value in pairs(module) do
      local info = debug.getinfo(value, "Su")
      if info.what == "Lua" then
        local self = name:find(":", 1, true) and 1 or 0
        local rest = info.isvararg and 1 or 0
        assert.equal(info.nparams - self + rest, #types[name].parameters, name)
      end
    end
  end)

  -- outside of all tasks, a C function that may wait says so before it looks at more
  -- than its object
  it("mark with @async the functions that may wait, and no others", function()
    for name, value in pairs(module) do
      local in_c = debug.getinfo(value, "S").what == "C"
      if in_c and not name:find "^sys%." and name ~= "cosched.run" then
        local _, problem = pcall(value, OBJECTS[name] and OBJECTS[name]())
        local waits = tostring(problem):find("needs a task", 1, true) ~= nil
        local marked = types[name].comment:find("@async", 1, true) ~= nil
        assert.equal(waits, marked, name)
      end
    end
    collectgarbage() -- a token of cosched.external counts until it is gone
  end)
end)

describe("the reference", function()
  it("describes what the module has, and nothing else", function()
    local expected = {}
    for name in pairs(module) do expected[name] = not PAGELESS[name] or nil end
    assert.same(sorted(expected), sorted(pages))
  end)

  it("has the signatures of the types", function()
    for name, page in pairs(pages) do
      assert.same(types[name].parameters, page.parameters, name)
    end
  end)

  it("says of the same functions as the types that they may wait", function()
    for name, page in pairs(pages) do
      if page.waits then
        local marked = types[name].comment:find("@async", 1, true) ~= nil
        assert.equal(marked, page.waits == "yes" or page.waits == "only", name)
      end
    end
  end)
end)
