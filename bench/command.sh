# shellcheck shell=bash disable=SC2034
# Sourced: how this checkout's `cosched` is run, without installing anything.
# Sets cosched_bench (this folder) and cosched_command (an array), no other name.
cosched_bench=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cosched_command=(
  env
  "LUA_PATH_5_4=${cosched_bench%/*}/lua/?.lua;${cosched_bench%/*}/lua/?/init.lua;;"
  "LUA_CPATH_5_4=${cosched_bench%/*}/build/?.so;;"
  "${LUA:-lua5.4}" "${cosched_bench%/*}/bin/cosched"
)
