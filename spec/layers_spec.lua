-- The layer in Lua could have been written by a user: each of its files needs nothing
-- but the public functions of cosched.core, and its siblings.

local function files()
  local list = {}
  local pipe = assert(io.popen "find lua -name '*.lua' | sort")
  for path in pipe:lines() do list[#list + 1] = path end
  pipe:close()
  return list
end

local function path_of(name)
  for _, pattern in ipairs { "lua/%s.lua", "lua/%s/init.lua" } do
    local path = pattern:format((name:gsub("%.", "/")))
    local file = io.open(path)
    if file then
      file:close()
      return path
    end
  end
end

-- The standard library without what looks behind things.
local function environment(require)
  local env = {}
  for name, value in pairs(_G) do env[name] = value end
  env._G, env.debug, env.package, env.require = env, nil, nil, require
  return env
end

-- Loads a file of the layer, and what it requires, with nothing else in reach.
local function load_alone(path)
  local loaded, required = {}, {}
  local env
  local function load_file(from) return assert(loadfile(from, "t", env))() end
  env = environment(function(name)
    required[#required + 1] = name
    if name == "cosched.core" then return require(name) end
    assert(name:find "^cosched%.?", name .. " is no part of cosched")
    local from = assert(path_of(name), "no file for " .. name)
    loaded[name] = loaded[name] or load_file(from)
    return loaded[name]
  end)
  return load_file(path), required
end

describe("lua/cosched", function()
  it("has files", function() assert.is_true(#files() >= 5) end)

  for _, path in ipairs(files()) do
    it("has " .. path .. ", which needs cosched.core and its siblings only", function()
      local value, required = load_alone(path)
      assert.is_truthy(value)
      assert.is_true(#required > 0)
    end)
  end
end)
