--- Other programs: started, read, signalled, and always ended.
--
-- A program runs under `timeout`, so a spec that fails leaves nothing behind. Its
-- standard output is a pipe, its standard error a file, and its environment finds
-- the build that is under test.

local M = {}

local LIMIT = 120 -- seconds; under sanitizers some take a while

function M.quote(text) return "'" .. tostring(text):gsub("'", "'\\''") .. "'" end

local function found(name)
  return os.execute("command -v " .. name .. " >/dev/null 2>&1") == true
end

local known = {}

--- Whether there is such a program.
function M.has(name)
  if known[name] == nil then known[name] = found(name) end
  return known[name]
end

local function slurp(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

--- A file with this text, for the time of a `<close>` variable; its name is `path`.
function M.file(text)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  file:close()
  return setmetatable({ path = path }, {
    __close = function() os.remove(path) end,
  })
end

--- The words as a command line.
function M.words(...)
  local list = { ... }
  for i, word in ipairs(list) do
    list[i] = M.quote(word)
  end
  return table.concat(list, " ")
end

M.LUA = os.getenv "LUA" or "lua5.4"

--- The command line of bin/cosched with these arguments.
function M.cosched(...) return M.words(M.LUA, "bin/cosched", ...) end

--- The command line of a program that is no part of the project: a sanitizer that
-- was loaded for our own is not for it.
function M.foreign(...) return "env -u LD_PRELOAD " .. M.words(...) end

local Process = {}
Process.__index = Process

--- Starts `command`, a line for sh whose last program is the one that is meant.
-- Options: stdin, a file name; before, a line for sh such as `ulimit -n 24`.
function M.start(command, options)
  options = options or {}
  local errors = os.tmpname()
  local inner = ("%s\necho $$; LUA_PATH_5_4=%s LUA_CPATH_5_4=%s exec %s"):format(
    options.before or "", M.quote(package.path), M.quote(package.cpath), command)
  local limit = M.has "timeout" and ("timeout --foreground -s KILL %d "):format(LIMIT) or ""
  local line = ("exec %ssh -c %s <%s 2>%s"):format(
    limit, M.quote(inner), M.quote(options.stdin or "/dev/null"), errors)
  local pipe = assert(io.popen(line, "r"))
  local pid = assert(tonumber(pipe:read "l"), "the program did not start")
  return setmetatable({ pipe = pipe, pid = pid, errors = errors }, Process)
end

--- The next line of its output; waits for it.
function Process:line() return self.pipe:read "l" end

function Process:signal(name)
  return os.execute(("kill -%s %d 2>/dev/null"):format(name, self.pid)) == true
end

--- What is on its standard error so far.
function Process:stderr() return slurp(self.errors) end

--- Waits for its end: status (128 + n after a signal), rest of stdout, stderr.
function Process:finish()
  local out = self.pipe:read "a"
  local _, how, status = self.pipe:close()
  self.pipe = nil
  local errors = slurp(self.errors)
  os.remove(self.errors)
  return how == "signal" and 128 + status or status, out, errors
end

function Process:__close()
  if not self.pipe then return end
  self:signal "KILL"
  self:finish()
end

--- Runs it to its end: status, stdout, stderr.
function M.run(command, options) return M.start(command, options):finish() end

--- How many descriptors it has open; nil where that cannot be known.
function Process:descriptors()
  local list = io.popen(("ls /proc/%d/fd 2>/dev/null | wc -l"):format(self.pid))
  local n = list:read "n"
  list:close()
  return n and n > 0 and n or nil
end

--- Seconds of CPU time that it has used; nil where that cannot be known.
function Process:cpu_seconds()
  local file = io.open(("/proc/%d/stat"):format(self.pid))
  if not file then return nil end
  local fields = file:read("a"):match "%) (.*)"
  file:close()
  local i, ticks = 0, 0
  for field in fields:gmatch "%S+" do
    i = i + 1
    if i == 12 or i == 13 then ticks = ticks + tonumber(field) end -- utime, stime
  end
  return ticks / 100
end

--- Its resident memory in KiB; nil where that cannot be known.
function Process:rss_kib()
  local file = io.open(("/proc/%d/status"):format(self.pid))
  if not file then return nil end
  local rss = file:read("a"):match "VmRSS:%s*(%d+)"
  file:close()
  return tonumber(rss)
end

--- Waits, boundedly and without a runtime, until the condition holds.
function M.eventually(condition, what)
  for _ = 1, 500 do
    local value = condition()
    if value then return value end
    os.execute "sleep 0.01"
  end
  error(what .. " did not happen", 2)
end

return M
