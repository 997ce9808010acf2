-- runner - busted as a script, for the interpreter that runs this file.
--
-- The `busted` command runs under whatever `lua` is first on PATH and then starts
-- a second process; under valgrind or a preloaded sanitizer there must be only one.

require "busted.runner" { standalone = false }
