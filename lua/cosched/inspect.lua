--- ps, tree, dump: what all tasks are doing, in words.

local core = require "cosched.core"

local M = {}

--- The tasks that are not done, the oldest first.
function M.tasks()
  local tasks, last = core.tasks(), 0
  for _, task in ipairs(tasks) do
    local tid = task.tid
    if tid < last then
      table.sort(tasks, function(a, b) return a.tid < b.tid end)
      break
    end
    last = tid
  end
  return tasks
end

local function seconds(value)
  if value == nil then return "-" end
  return ("%.3f"):format(value)
end

-- Numbers of tasks are never used again, so in the long run they are long.
local function row_format(tasks)
  local last = tasks[#tasks]
  local width = math.max(6, last and #tostring(last.tid) or 0)
  return ("%%%ds %%%ds %%-8s %%10s %%8s %%8s  %%-24s %%-28s %%s"):format(width, width)
end

--- A table of all tasks, as text, with a line for each.
function M.ps()
  local tasks = M.tasks()
  local row = row_format(tasks)
  local lines = {
    row:format("TID", "PPID", "STATE", "AGE", "STEPS", "CPU", "WAIT", "NAME", "WHERE"),
  }
  for _, task in ipairs(tasks) do
    local info = core.inspect(task)
    lines[#lines + 1] = row:format(info.tid, info.parent, info.state, seconds(info.age),
      info.steps, seconds(info.cpu), info.wait or "-", info.name, info.where or "-")
  end
  return table.concat(lines, "\n")
end

-- {=== tree ===

local function describe_scope(scope)
  local kind = scope.nursery and "nursery" or "scope"
  local words = { scope.name and ("%s '%s'"):format(kind, scope.name) or kind }
  if scope.shield then words[#words + 1] = "shielded" end
  if scope.cancelled then words[#words + 1] = "cancelled" end
  if scope.deadline then
    words[#words + 1] = ("deadline in %.3f s"):format(scope.deadline - core.now())
  end
  return table.concat(words, ", ")
end

local function describe_task(info)
  local words = { ("task %d (%s) %s"):format(info.tid, info.name, info.state) }
  if info.wait then words[#words + 1] = "on " .. info.wait end
  if info.daemon then words[#words + 1] = "daemon" end
  if info.cancelled then words[#words + 1] = "cancelled" end
  return table.concat(words, ", ")
end

-- What belongs to whom: tasks by their nursery, or by their parent.
local function group(infos)
  local groups = {}
  for _, info in ipairs(infos) do
    local owner = info.nursery or info.parent
    groups[owner] = groups[owner] or {}
    table.insert(groups[owner], info)
  end
  return groups
end

-- Lines are written with a list of what is left to do, for trees of any depth.
local function write_tree(groups)
  local lines, left = {}, {}
  local function put(depth, item) left[#left + 1] = { depth = depth, item = item } end
  local function put_group(depth, owner)
    local members = groups[owner] or {}
    for i = #members, 1, -1 do put(depth, members[i]) end
  end
  put_group(0, 0)
  while #left > 0 do
    local entry = table.remove(left)
    local depth, item = entry.depth, entry.item
    local line = item.tid and describe_task(item) or describe_scope(item)
    lines[#lines + 1] = ("  "):rep(math.min(depth, 40)) .. line
    if item.tid then
      local scopes = item.scopes or {}
      for i = 1, #scopes do -- the outermost is taken first
        put(depth + #scopes - i + 1, scopes[i])
      end
      put_group(depth + 1, item.tid)
    else
      put_group(depth + 1, item.id)
    end
  end
  return table.concat(lines, "\n")
end

--- The tasks as a tree: below each the scopes and nurseries that it has entered,
-- and the tasks that it owns. As text.
function M.tree()
  local infos = {}
  for i, task in ipairs(M.tasks()) do infos[i] = core.inspect(task) end
  return write_tree(group(infos))
end

-- === tree ===}

local function open_file(file)
  if file == nil then return io.stderr end
  if io.type(file) == "file" then return file end
  if type(file) ~= "string" then
    error("bad argument #1 to 'dump' (a file, or the name of one, expected)", 3)
  end
  return nil, file
end

local function describe_at_length(task)
  local info = core.inspect(task)
  local origin = info.parent == 0 and "the main task"
    or ("spawned at %s, parent %d"):format(info.spawned_at or "?", info.parent)
  local lines = { ("%s, %s, %d steps"):format(describe_task(info), origin, info.steps) }
  for _, scope in ipairs(info.scopes or {}) do
    lines[#lines + 1] = "  in a " .. describe_scope(scope)
  end
  lines[#lines + 1] = task:traceback()
  return table.concat(lines, "\n")
end

-- As the methods of files do: nil, message when something could not be written.
local function write_tasks(out)
  local tasks = M.tasks()
  local ok, message = out:write(("%d tasks\n"):format(#tasks))
  for _, task in ipairs(tasks) do
    if not ok then return nil, message end
    ok, message = out:write(describe_at_length(task), "\n")
  end
  if not ok then return nil, message end
  return out:flush()
end

--- Writes all tasks with their tracebacks to a file: an open one, or the name of
-- one that is appended to; stderr unless given. Returns true; or nil, message.
function M.dump(file)
  local out, path = open_file(file)
  if path then
    local message
    out, message = io.open(path, "a")
    if not out then return nil, message end
  end
  local ok, message = write_tasks(out)
  if path then out:close() end
  if not ok then return nil, message end
  return true
end

return M
