-- A test of an hour, in no time. On the virtual clock time jumps to the next
-- deadline when all tasks wait. Run it with `lua5.4`, for it calls cosched.run
-- itself, as tests do.
local cosched = require "cosched"

-- What is tested: it tries again, and waits twice as long each time.
local function fetch_with_retries(fetch, attempts)
  local pause = 60
  for _ = 1, attempts - 1 do
    local ok, answer = cosched.pcall(fetch)
    if ok then return answer end
    cosched.sleep(pause)
    pause = pause * 2
  end
  return fetch()
end

local real = os.time()
cosched.run({ clock = "virtual" }, function()
  local calls = 0
  local function fetch()
    calls = calls + 1
    print(("call %d after %d s"):format(calls, cosched.now()))
    if calls < 6 then cosched.timeout(10, cosched.forever) end -- no answer
    return "page"
  end
  print(fetch_with_retries(fetch, 10))
  print("half an hour has passed:", cosched.now() > 1800)
end)
print("really:", os.time() - real < 10)

-- With `shuffle` what is ready at the same time runs in an order that the seed
-- decides: a test can try many orders, and repeat the one that failed.
local function last_one(seed)
  local last
  cosched.run({ clock = "virtual", shuffle = true, seed = seed }, function()
    for _, name in ipairs { "ann", "bob", "cat" } do
      cosched.spawn(function()
        cosched.sleep(1)
        last = name
      end)
    end
  end)
  return last
end

local seen = {}
for seed = 1, 100 do
  local name = last_one(seed)
  assert(name == last_one(seed), "the same seed gives the same order")
  seen[name] = true
end
print("last was:", seen.ann, seen.bob, seen.cat)

--[[ output by lua
call 1 after 0 s
call 2 after 70 s
call 3 after 200 s
call 4 after 450 s
call 5 after 940 s
call 6 after 1910 s
page
half an hour has passed:	true
really:	true
last was:	true	true	true
]]
