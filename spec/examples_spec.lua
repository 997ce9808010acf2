-- tools/run-examples notices an example that does not do what its end says.
-- (make examples runs the examples themselves.)

-- Runs the text as an example; true if the runner was content, and what it said.
local function run(text)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  local pipe = assert(io.popen("tools/run-examples " .. path .. " 2>&1"))
  local output = pipe:read "a"
  local ok = pipe:close()
  os.remove(path)
  return ok == true, output
end

local SERVER = [[
local server = require "cosched.net".listen("127.0.0.1", 0)
print(("listening on %s:%d"):format(server:getsockname()))
server:serve(function(client)
  for line in client:lines() do
    if line == "bye" then return end
    client:write(line, "\n")
  end
end)

]]

local function session(lines) return run(SERVER .. "--[[ session\n" .. lines .. "]]\n") end

describe("tools/run-examples", function()
  it("accepts what prints as expected", function()
    assert.is_true(run 'print "one"\n\n--[[ output\none\n]]\n')
  end)

  it("runs by Lua alone what calls cosched.run itself", function()
    assert.is_true(run 'require "cosched".run(print, "one")\n\n--[[ output by lua\none\n]]\n')
  end)

  it("refuses another output, and shows both", function()
    local ok, output = run 'print "one"\n\n--[[ output\ntwo\n]]\n'
    assert.is_false(ok)
    assert.truthy(output:find "two\n.*one")
  end)

  it("refuses an example that fails after it has printed everything", function()
    assert.is_false((run 'print "one" io.stdout:flush() os.exit(3)\n\n--[[ output\none\n]]\n'))
  end)

  it("refuses an example that does not say what it does", function()
    assert.is_false((run 'print "one"\n'))
  end)

  it("accepts a session that goes as written", function()
    assert.is_true(session "a> x\na< x\nb> bye\nb<<\na.\nkill TERM\nexit 143\n")
  end)

  it("refuses another answer", function()
    assert.is_false((session "a> x\na< y\n"))
  end)

  it("refuses a line that it does not understand", function()
    assert.is_false((session "a says x\n"))
  end)

  it("refuses another exit status", function()
    assert.is_false((session "a> x\na< x\nkill TERM\nexit 0\n"))
  end)
end)
