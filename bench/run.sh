#!/usr/bin/env bash
# The project's benchmark: cosched beside what epoll, libuv and Lua cost alone.
#
#   bench/run.sh [all]             everything below but syscalls, default sizes
#   bench/run.sh echo              CPU per message, throughput, latency
#   bench/run.sh churn             connect, one message, close
#   bench/run.sh idle              server memory per open connection
#   bench/run.sh micro             switch, task, timer, hand-over
#   bench/run.sh syscalls          system calls per message (needs strace)
#   bench/run.sh report FILE       the tables again, from a file made by -o
#
#   -s a,b     servers: epoll, libuv, cosched, cosched-objects, cosched-lines
#   -c 1,100   connections
#   -m 64,4096 bytes of a message
#   -d 1,16    messages in flight on each connection
#   -b a,b     micro benchmarks
#   -t S       seconds of each measurement (1.5)
#   -r N       repetitions (3)
#   -o FILE    the raw lines go there
#
# Repetitions are interleaved: every server runs once before any runs again. The
# server runs on core $SRV_CPU (0), the load on core $LOAD_CPU (0).
set -u
. "$(dirname "$0")/command.sh"
bench=$cosched_bench
out=${bench%/*}/build/bench
: "${SRV_CPU:=0}" "${LOAD_CPU:=0}" "${LUA:=lua5.4}"
server_pid=

usage() { sed -n '2,23s/^# \{0,1\}//p' "$0"; exit 2; }

# server_command NAME: fills the array `command` with how it is started.
server_command() {
  case $1 in
    epoll | libuv) command=("$out/$1") ;;
    cosched) command=("${cosched_command[@]}" "$bench/cosched_echo.lua") ;;
    cosched-*)
      command=("${cosched_command[@]}" "$bench/echo_${1#cosched-}.lua") ;;
    *) echo "no such server: $1" >&2; exit 2 ;;
  esac
}

# end_process PID: SIGTERM, and SIGKILL for what has not ended two seconds later.
end_process() {
  kill "$1" 2>/dev/null || return 0
  for _ in {1..100}; do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.02
  done
  echo "process $1 did not end on SIGTERM: $(tr '\0' ' ' <"/proc/$1/cmdline")" \
    >>"$log"
  kill -KILL "$1" 2>/dev/null
}

stop_server() {
  [ -n "$server_pid" ] || return 0
  end_process "$server_pid"
  wait "$server_pid" 2>/dev/null
  server_pid=
}

# start_server NAME: sets port and server_pid; false when it does not answer.
start_server() {
  local command
  server_command "$1"
  port=$((15000 + RANDOM % 16000))
  taskset -c "$SRV_CPU" "${command[@]}" "$port" >/dev/null 2>>"$log" &
  server_pid=$!
  "$out/load" wait 127.0.0.1 "$port" 5 >/dev/null 2>&1 &&
    kill -0 "$server_pid" 2>/dev/null
}

# load SERVER MODE NUMBERS...: the load's line about the running server.
load() {
  local lines='' server=$1 mode=$2
  shift 2
  [ "$server" = cosched-lines ] && lines=-l
  taskset -c "$LOAD_CPU" "$out/load" $lines "$mode" 127.0.0.1 "$port" "$@" \
    2>>"$log"
}

emit() { printf '%s\t%s\t%s\t%s\n' "$@" | tee -a "$raw" >&2; }

# measure SERVER SUITE CONNS SIZE DEPTH: one measurement, one raw line.
measure() {
  local server=$1 suite=$2 conns=$3 size=$4 depth=$5 result config
  case $suite in
    echo) config="$conns×$size" ;;
    churn) config="$conns×$size" ;;
    idle) config="$conns" ;;
  esac
  [ "$depth" -gt 1 ] && config+=", $depth deep"
  if start_server "$server"; then
    case $suite in
      echo) result=$(load "$server" echo "$conns" "$size" "$seconds" "$depth" \
        "$server_pid") ;;
      churn) result=$(load "$server" churn "$conns" "$size" "$seconds" \
        "$server_pid") ;;
      idle) result=$(load "$server" idle "$conns" "$server_pid") ;;
    esac || result+=" failed=1"
  else
    result="failed=1"
  fi
  stop_server
  emit "$suite" "$config" "$server" "$result"
}

# traced SERVER CONNS SIZE ROUNDS FILE: counts of a run go to FILE.
traced() {
  local command
  server_command "$1"
  port=$((15000 + RANDOM % 16000))
  rm -f "$5.pid"
  # shellcheck disable=SC2016 # the inner shell expands it
  taskset -c "$SRV_CPU" strace -c -f -o "$5" \
    sh -c 'echo $$ >"$0"; exec "$@"' "$5.pid" "${command[@]}" "$port" \
    >/dev/null 2>>"$log" &
  local tracer=$!
  for _ in {1..100}; do
    [ -s "$5.pid" ] && break
    sleep 0.05
  done
  server_pid=$(cat "$5.pid") || return 1
  "$out/load" wait 127.0.0.1 "$port" 10 >/dev/null 2>&1 &&
    load "$1" hold "$2" "$3" "$4" >/dev/null
  local status=$?
  end_process "$server_pid"
  wait "$tracer" 2>/dev/null
  server_pid=
  return $status
}

# Start and connections cancel out in the difference of a short and a long run.
syscalls() {
  local server=$1 conns=$2 size=$3 files rounds=$((20000 / $2)) result
  files=$(mktemp -d)
  if traced "$server" "$conns" "$size" 10 "$files/short" &&
    traced "$server" "$conns" "$size" $((10 + rounds)) "$files/long"; then
    result=$("$LUA" "$bench/report.lua" --syscalls "$files/short" \
      "$files/long" $((rounds * conns)))
  else
    result="failed=1"
  fi
  rm -rf "$files"
  emit syscalls "$conns×$size" "$server" "$result"
}

micro() {
  local name result who
  for name in $1; do
    for who in floor cosched; do
      local command=("$out/floor")
      [ $who = cosched ] && command=("${cosched_command[@]}" "$bench/cosched_micro.lua")
      "${command[@]}" list 2>>"$log" | grep -qx -- "$name" || continue
      result=$(timeout 120 taskset -c "$SRV_CPU" "${command[@]}" "$name" \
        2>>"$log") || result="failed=1"
      emit micro "$name" "$who" "$result"
    done
  done
}

# make_plan SUITE: lines of "suite conns size depth".
make_plan() {
  local c m d
  case $1 in
    all) make_plan echo; make_plan churn; make_plan idle ;;
    echo)
      if [ -z "$conns$sizes$depths" ]; then
        printf 'echo %s\n' "1 64 1" "100 64 1" "10000 64 1" "100 65536 1" \
          "100 64 16"
        return
      fi
      for c in ${conns:-100}; do for m in ${sizes:-64}; do
        for d in ${depths:-1}; do echo "echo $c $m $d"; done
      done; done ;;
    churn)
      for c in ${conns:-50}; do for m in ${sizes:-64}; do
        echo "churn $c $m 1"
      done; done ;;
    idle) for c in ${conns:-10000}; do echo "idle $c 1 1"; done ;;
  esac
}

run_loads() {
  local rep server plan entry words
  mapfile -t plan < <(make_plan "$1")
  for ((rep = 0; rep < repetitions; rep++)); do
    for entry in "${plan[@]}"; do
      read -ra words <<<"$entry"
      for server in $servers; do measure "$server" "${words[@]}"; done
    done
  done
}

run_micro() {
  local rep names=$benchmarks
  [ -n "$names" ] || names=$("${cosched_command[@]}" "$bench/cosched_micro.lua" list)
  for ((rep = 0; rep < repetitions; rep++)); do micro "$names"; done
}

run_syscalls() {
  local c m server
  command -v strace >/dev/null || { echo "strace is missing" >&2; exit 1; }
  for c in ${conns:-1 100}; do for m in ${sizes:-64}; do
    for server in $servers; do syscalls "$server" "$c" "$m"; done
  done; done
}

options() {
  local option
  while getopts hs:c:m:d:b:r:t:o: option; do
    case $option in
      s) servers=${OPTARG//,/ } ;;
      c) conns=${OPTARG//,/ } ;;
      m) sizes=${OPTARG//,/ } ;;
      d) depths=${OPTARG//,/ } ;;
      b) benchmarks=${OPTARG//,/ } ;;
      r) repetitions=$OPTARG ;;
      t) seconds=$OPTARG ;;
      o) raw=$OPTARG ;;
      *) usage ;;
    esac
  done
}

main() {
  local suite=all
  [ $# -gt 0 ] && [[ $1 != -* ]] && { suite=$1; shift; }
  [ "$suite" = report ] && exec "$LUA" "$bench/report.lua" "$@"
  servers="epoll libuv cosched cosched-objects"
  conns='' sizes='' depths='' benchmarks='' repetitions=3 seconds=1.5 raw=''
  options "$@"
  : "${raw:=$(mktemp)}"
  log=$raw.log
  make -s -C "$bench" OUT="$out" || exit 1
  ulimit -n "$(ulimit -Hn)"
  trap stop_server EXIT
  case $suite in
    all) run_loads all; run_micro ;;
    echo | churn | idle) run_loads "$suite" ;;
    micro) run_micro ;;
    syscalls) run_syscalls ;;
    *) usage ;;
  esac
  if [ -s "$log" ]; then
    echo "messages of servers and load: $log" >&2
  else
    rm -f "$log"
  fi
  "$LUA" "$bench/report.lua" "$raw"
}

main "$@"
