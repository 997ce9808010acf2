-- While libuv had a request out, the loop took the signal and then slept until the
-- request was back. A slow getaddrinfo is put before the system's.
local SLOW = [[
#include <netdb.h>
#include <unistd.h>
int getaddrinfo(const char *n, const char *s, const struct addrinfo *h,
                struct addrinfo **r) {
  (void)n; (void)s; (void)h; (void)r;
  sleep(3);
  return EAI_NONAME;
}
]]

local SCRIPT = [[
local cosched, net = require "cosched", require "cosched.net"
cosched.spawn(function() net.resolve "slow.invalid" end)
local start = cosched.now()
local _ <close> = setmetatable({}, { __close = function()
  print(cosched.now() - start < 2 and "at once" or "too late")
end })
io.stdout:setvbuf "no"
print "ready"
cosched.sleep(100)
]]

local function build(folder)
  local source = assert(io.open(folder .. "/slow.c", "w"))
  source:write(SLOW)
  source:close()
  return os.execute(("cc -shared -fPIC -o %s/slow.so %s/slow.c 2>/dev/null"):format(folder, folder))
end

describe("SIGTERM while a name is being resolved", function()
  it("unwinds the other tasks at once", function()
    local folder = os.tmpname()
    os.remove(folder)
    assert(os.execute("mkdir " .. folder))
    if not build(folder) then
      os.execute("rm -r " .. folder)
      return pending "no C compiler"
    end
    local script = assert(io.open(folder .. "/script.lua", "w"))
    script:write(SCRIPT)
    script:close()
    local command = ("LD_PRELOAD=%s/slow.so %s bin/cosched %s/script.lua & pid=$!; "
      .. "sleep 0.3; kill -TERM $pid; wait $pid; echo status $?"):format(folder,
      os.getenv "LUA" or "lua5.4", folder)
    local pipe = assert(io.popen(command))
    local output = pipe:read "a"
    pipe:close()
    os.execute("rm -r " .. folder)
    assert.matches("ready\nat once\n", output, 1, true)
    assert.matches("status 143", output, 1, true)
  end)
end)
