-- docs/reference/embedding.md: the host that it shows compiles, and runs.

local docs = require "spec.support.docs"
local process = require "spec.support.process"

local BUILD = os.getenv "B" or "build"
local CC = os.getenv "CC" or "cc"
-- a library that was built with sanitizers is linked with them, too
local SANITIZE = os.getenv "ASAN_OPTIONS" and "-fsanitize=address,undefined" or ""

local host = assert(docs.read "docs/reference/embedding.md":match "\n```c\n(.-)```\n")

-- What a command line prints, on stdout and stderr, and whether it succeeded.
local function run(command)
  local pipe = assert(io.popen("env -u LD_PRELOAD timeout -k 1 30 " .. command
    .. " 2>&1 </dev/null"))
  local output = pipe:read "a"
  return output, pipe:close() == true
end

-- The flags of Lua and libuv; nil and what is missing.
local function flags()
  if not process.has(CC) then return nil, "there is no " .. CC end
  local library = io.open(BUILD .. "/libcosched.a")
  if not library then return nil, "there is no " .. BUILD .. "/libcosched.a" end
  library:close()
  for _, lua in ipairs { "lua5.4", "lua-5.4", "lua54", "lua" } do
    local found, ok = run("pkg-config --cflags --libs '" .. lua .. " >= 5.4' libuv")
    if ok then return (found:gsub("\n", " ")) end
  end
  return nil, "pkg-config does not know Lua and libuv"
end

local FLAGS, missing = flags()

-- Compiles the host and runs it: what it printed, and whether it succeeded.
local function host_run(text)
  local source <close> = process.file(text)
  local program <close> = process.file ""
  local messages, compiled = run(("%s -Wall -Wextra -Werror %s -Iruntime -o %s -x c %s "
    .. "-x none %s/libcosched.a %s -lm")
    :format(CC, SANITIZE, program.path, source.path, BUILD, FLAGS))
  assert.is_true(compiled, messages)
  return run(program.path)
end

-- The host, with another script.
local function with_script(script)
  local text, count = host:gsub("script%[%] =.-;\n", function()
    return ("script[] = %q;\n"):format(script)
  end, 1)
  assert.equal(1, count)
  return text
end

describe("the host in docs/reference/embedding.md", function()
  local compiles = FLAGS and it or function(name) pending(name .. ": " .. missing) end

  compiles("prints what the page says", function()
    local output, ok = host_run(host)
    assert.are.same({ "soon\nlater\n", true }, { output, ok })
  end)

  compiles("shows an error of its script, and fails", function()
    local output, ok = host_run(with_script
      "require 'cosched.core'.run(function() error('boom', 0) end)")
    assert.matches("^boom\n", output)
    assert.is_false(ok)
  end)

  compiles("ends well with a socket that is still open", function()
    local output, ok = host_run(with_script([[local core = require 'cosched.core']]
      .. [[ core.run(function() kept = core.socketpair() end) print 'open']]))
    assert.are.same({ "open\n", true }, { output, ok })
  end)
end)
