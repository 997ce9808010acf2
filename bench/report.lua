-- Tables in Markdown from the raw lines of run.sh.
--
--   report.lua FILE
--   report.lua --syscalls SHORT LONG MESSAGES   two strace -c files, per message
--
-- A raw line is "suite <tab> config <tab> who <tab> key=value ...". A cell is the
-- median of the repetitions and, where it says so, (least to largest).

-- {=== figures ===

local function median(list)
  local middle = #list // 2
  if #list % 2 == 1 then return list[middle + 1] end
  return (list[middle] + list[middle + 1]) / 2
end

local function number(value)
  if not value then return "–" end
  local size = math.abs(value)
  if size >= 100 or value == math.floor(value) then return ("%.0f"):format(value) end
  return (size >= 10 and "%.1f" or size >= 1 and "%.2f" or "%.3f"):format(value)
end

-- A group is what one server did in one configuration: key -> sorted values.
local function middle(group, key)
  return group and group[key] and median(group[key])
end

local function spread(group, key)
  local list = group and group[key]
  if not list then return "–" end
  if #list == 1 then return number(list[1]) end
  return ("%s (%s–%s)"):format(number(median(list)), number(list[1]), number(list[#list]))
end

local function ratio(a, b)
  if not (a and b) or b == 0 then return "–" end
  return ("%.2f"):format(a / b)
end

local function row(...) print("| " .. table.concat({ ... }, " | ") .. " |") end

local function header(...)
  row(...)
  print(("|---"):rep(select("#", ...)) .. "|")
end

-- === figures ===}

-- {=== reading ===

-- An ordered list of named things: list[i] = name, list[name] = made by `make`.
local function entry(list, name, make)
  if not list[name] then
    list[name] = make()
    list[#list + 1] = name
  end
  return list[name]
end

local function new() return {} end

local function read(path)
  local suites = {}
  for line in io.lines(path) do
    local suite, config, who, pairs_text = line:match "^(%S+)\t([^\t]+)\t(%S+)\t(.*)$"
    if suite then
      local group = entry(entry(entry(suites, suite, new), config, new), who, new)
      for key, value in pairs_text:gmatch "([%w_]+)=(%S+)" do
        local list = entry(group, key, new)
        list[#list + 1] = tonumber(value)
      end
    end
  end
  return suites
end

local function sort_values(suites)
  for _, suite in ipairs(suites) do
    for _, config in ipairs(suites[suite]) do
      local groups = suites[suite][config]
      for _, who in ipairs(groups) do
        for _, key in ipairs(groups[who]) do table.sort(groups[who][key]) end
      end
    end
  end
end

-- === reading ===}

-- {=== tables ===

-- Failed measurements and errors of the load: never to be overlooked.
local function trouble(group)
  local failed, errors = group.failed and #group.failed or 0, 0
  for _, n in ipairs(group.errors or {}) do errors = errors + n end
  if failed == 0 and errors == 0 then return "0" end
  return ("**%d failed, %.0f errors**"):format(failed, errors)
end

local function load_table(suite, config, groups)
  local rate = suite == "churn" and "conns_s" or "msgs_s"
  local libuv, epoll = groups.libuv, groups.epoll
  print(("\n### %s %s\n"):format(suite, config))
  header("server", "CPU µs each (min–max)", "÷ libuv", "÷ epoll", "each/s (min–max)",
    "rate ÷ libuv", "p50 µs", "p99 µs", "p99 ÷ p50", "RSS KiB", "errors")
  for _, who in ipairs(groups) do
    local group = groups[who]
    local cpu, each = middle(group, "srv_us"), middle(group, rate)
    local p50, p99 = middle(group, "p50_us"), middle(group, "p99_us")
    row(who, spread(group, "srv_us"), ratio(cpu, middle(libuv, "srv_us")),
      ratio(cpu, middle(epoll, "srv_us")), spread(group, rate),
      ratio(each, middle(libuv, rate)), number(p50), number(p99), ratio(p99, p50),
      number(middle(group, "srv_rss_kib")), trouble(group))
  end
end

local function idle_table(config, groups)
  print(("\n### idle %s\n"):format(config))
  header("server", "bytes per connection (min–max)", "RSS before KiB", "RSS with all KiB",
    "set up in s", "errors")
  for _, who in ipairs(groups) do
    local group = groups[who]
    row(who, spread(group, "bytes_per_conn"), number(middle(group, "rss_before_kib")),
      number(middle(group, "rss_after_kib")), number(middle(group, "setup_s")), trouble(group))
  end
end

local function micro_table(configs)
  print "\n### micro\n"
  header("benchmark", "figure", "floor (min–max)", "cosched (min–max)", "÷ floor")
  for _, name in ipairs(configs) do
    local floor, own = configs[name].floor, configs[name].cosched
    -- a switch of any kind is held against the plain one
    local like = configs[name:match "^[^-]+"]
    floor = floor or (like and like.floor)
    for _, key in ipairs(own or {}) do
      row(name, key, spread(floor, key), spread(own, key),
        ratio(middle(own, key), middle(floor, key)))
    end
  end
end

local function syscalls_table(configs)
  print "\n### system calls per echoed message\n"
  header("connections×bytes", "server", "calls per message")
  for _, config in ipairs(configs) do
    for _, who in ipairs(configs[config]) do
      local group, cells = configs[config][who], {}
      for _, key in ipairs(group) do
        cells[#cells + 1] = ("%s %.3f"):format(key, middle(group, key))
      end
      row(config, who, table.concat(cells, ", "))
    end
  end
end

local function report(path)
  local suites = read(path)
  sort_values(suites)
  for _, suite in ipairs(suites) do
    local configs = suites[suite]
    if suite == "micro" then
      micro_table(configs)
    elseif suite == "syscalls" then
      syscalls_table(configs)
    else
      for _, config in ipairs(configs) do
        if suite == "idle" then
          idle_table(config, configs[config])
        else
          load_table(suite, config, configs[config])
        end
      end
    end
  end
end

-- === tables ===}

-- {=== strace ===

-- name -> calls, from the table of strace -c
local function counts(path)
  local calls = {}
  for line in io.lines(path) do
    local columns = {}
    for word in line:gmatch "%S+" do columns[#columns + 1] = word end
    local n, name = tonumber(columns[4]), columns[#columns]
    if n and name ~= "total" then calls[name] = n end
  end
  return calls
end

local function syscalls(short_path, long_path, messages)
  local short, long = counts(short_path), counts(long_path)
  local cells = {}
  for name, n in pairs(long) do
    local each = (n - (short[name] or 0)) / messages
    if each >= 0.0005 then cells[#cells + 1] = ("%s=%.4f"):format(name, each) end
  end
  table.sort(cells)
  print(table.concat(cells, " "))
end

-- === strace ===}

if arg[1] == "--syscalls" then
  syscalls(arg[2], arg[3], tonumber(arg[4]))
else
  report(assert(arg[1], "usage: report.lua FILE"))
end
