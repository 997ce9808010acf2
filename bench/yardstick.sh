# shellcheck shell=bash
# Lines for a harness that compares many runtimes, sourced by it: it defines
# peer NAME PROBE COMMAND and micro NAME PROBE COMMAND, where COMMAND is split at
# spaces and gets the port, or the benchmark's name, as its last argument.
#
#   EXTRA_PEERS=/path/to/bench/yardstick.sh run.sh echo -p epoll,libuv-try,cosched
. "$(dirname "${BASH_SOURCE[0]}")/command.sh"

# shellcheck disable=SC2034 # the arrays are the harness's
# A name that the harness knows already gets our command and keeps its place.
cosched_add() { # cosched_add peer|micro NAME SCRIPT
  local probe="test -e ${cosched_bench%/*}/build/cosched/core.so"
  local command="${cosched_command[*]} $cosched_bench/$3"
  if [ -z "${PROBE[$2]:-}" ]; then
    "$1" "$2" "$probe" "$command"
  elif [ "$1" = peer ]; then
    PROBE[$2]=$probe ECHO[$2]=$command
  else
    PROBE[$2]=$probe MICRO[$2]=$command
  fi
}

cosched_add peer cosched cosched_echo.lua
cosched_add peer cosched-objects echo_objects.lua
cosched_add micro m-cosched cosched_micro.lua
