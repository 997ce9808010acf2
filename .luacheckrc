std = "lua54"
max_line_length = 100
self = false

files["spec"] = { std = "+busted" }
-- signatures without bodies: nothing there is used
files["types"] = { unused = false, unused_args = false }

exclude_files = { "build", ".luarocks", "lua_modules" }
