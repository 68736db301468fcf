# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# common.bash - what every bats file loads:  load ../lib/common
#
#   requires root bpftrace netns …     skip, with the reason, unless all are there (an unknown word fails)
#   open_problem WHAT                  skip, unless OPEN_PROBLEMS=1: known to be wrong, not mended yet
#   start NAME COMMAND...              run in the background; stdout to $OUT/NAME.out, stderr to .err
#   wait_for_event NAME TYPE [SECONDS] until an event of that type stands in $OUT/NAME.out
#   wait_until SECONDS COMMAND...      until COMMAND succeeds
#   nap SECONDS                        sleep (nap.bash)
#   tool NAME                          path of tests/lib/NAME.c, compiled
#   stop NAME [SIGNAL]                 end it and wait; $status is its exit code
#   assert_jq FILE FILTER [WHAT]       jq -es FILTER must be true of the file's values
#   assert_equal ACTUAL EXPECTED
#   at_exit COMMAND...                 run by teardown, last first
#
# A file with set-up of its own defines test_setup (not setup). Names of namespaces, cgroups and pins
# contain $UNIQUE, so that runs do not meet.

bats_require_minimum_version 1.5.0

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$ROOT/$BUILD ;; esac
# shellcheck source-path=SCRIPTDIR source=nap.bash
. "$ROOT/tests/lib/nap.bash"
NETVITALS=${NETVITALS:-$BUILD/bin/netvitals}
# used by the test files
# shellcheck disable=SC2034
FIXTURES=$ROOT/tests/fixtures
# shellcheck disable=SC2034
UNIQUE=nv$BASHPID

setup() {
  OUT=$BATS_TEST_TMPDIR
  EXIT_COMMANDS=()
  declare -gA PIDS=()
  if declare -F test_setup >/dev/null; then test_setup; fi
}

teardown() {
  local i
  for ((i = ${#EXIT_COMMANDS[@]} - 1; i >= 0; i--)); do
    eval "${EXIT_COMMANDS[i]}" || true
  done
  for i in "${PIDS[@]}"; do
    kill -KILL "$i" 2>/dev/null || true
  done
}

at_exit() { EXIT_COMMANDS+=("$(printf '%q ' "$@")"); }

# 0 there, 1 not there, 2 nobody knows the word.
have() {
  case $1 in
  root) [ "$EUID" -eq 0 ] ;;
  netns) [ -e /proc/self/ns/net ] && command -v ip >/dev/null ;;
  bpffs) [ -d /sys/fs/bpf ] ;;
  vxlan | geneve | gre | gretap | erspan | ipip | sit | ip6tnl | vlan | bridge) has_device_type "$1" ;;
  kprobes) [ -e /sys/kernel/tracing/kprobe_events ] || [ -e /sys/kernel/debug/tracing/kprobe_events ] ;;
  sctp) modprobe -q sctp 2>/dev/null || [ -d /proc/net/sctp ] ;;
  btf) [ -r /sys/kernel/btf/vmlinux ] ;;
  wire) modprobe -q virtio_net 2>/dev/null && grep -qs 52:54:00:4e:56:02 /sys/class/net/*/address ;;
  cgroup_v1) grep -q '^[^ ]* [^ ]* cgroup ' /proc/mounts ;;
  cgroup_v2) grep -q '^[^ ]* [^ ]* cgroup2 ' /proc/mounts ;;
  cgroup_v2_cpu) grep -qw cpu "$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)/cgroup.controllers" ;;
  bpftrace | jq | curl | nginx | psql | tshark | tcpdump | socat | iperf3 | python3 | promtool | chromium | \
    redis-server | redis-benchmark | openssl | pgbench | tcpreplay | bpftool | dig | dnsmasq | ethtool | mandoc | zstd | \
    script | nft | iptables | tc | gtlsclient | gtlsserver | editcap | hackbench | strace | softflowd | sctp_darn | ip)
    command -v "$1" >/dev/null
    ;;
  *)
    echo "requires: unknown need '$1'" >&2
    return 2
    ;;
  esac
}

# Whether this kernel can make a network device of the type (modules are loaded by the try).
has_device_type() {
  local arguments=()
  case $1 in
  vxlan) arguments=(id 1 dstport 4789) ;;
  geneve) arguments=(id 1 remote 192.0.2.2) ;;
  erspan) arguments=(seq key 1 local 192.0.2.1 remote 192.0.2.2 erspan_ver 1 erspan 1) ;;
  gre | gretap | ipip | sit) arguments=(local 192.0.2.1 remote 192.0.2.2) ;;
  ip6tnl) arguments=(local 2001:db8::1 remote 2001:db8::2) ;;
  vlan)
    unshare -n sh -c 'ip link add name try0 type veth peer name try1 && ip link add link try0 name try2 type vlan id 5' >/dev/null 2>&1 || return 1
    return
    ;;
  esac
  unshare -n ip link add name try0 type "$1" "${arguments[@]}" >/dev/null 2>&1 || return 1
}

requires() {
  local need rc
  for need in "$@"; do
    rc=0
    have "$need" || rc=$?
    [ "$rc" -ne 2 ] || return 1
    [ "$rc" -eq 0 ] || skip "needs $need"
  done
}

# A test of something that is known to be wrong and not mended yet: skipped, with what is known, and run
# with OPEN_PROBLEMS=1.
open_problem() { [ -n "${OPEN_PROBLEMS-}" ] || skip "open problem: $1"; }

# The files are opened here, not by what runs beside: a test that starts two of one name never sees the first one's output.
start() {
  local name=$1
  shift
  { "$@" 3>&- & } >"$OUT/$name.out" 2>"$OUT/$name.err"
  PIDS[$name]=$!
}

# Soon at first, then less often: what is asked may take as much of a processor as what is waited for.
wait_until() {
  local deadline=$((SECONDS + $1)) asked=0
  shift
  until "$@"; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      echo "gave up waiting for: $*" >&2
      return 1
    fi
    if [ $((++asked)) -le 5 ]; then nap 0.05; else nap 0.2; fi
  done
}

tool() {
  local source=$ROOT/tests/lib/$1.c program=$BUILD/tests/$1
  if [ ! -e "$program" ] || [ "$source" -nt "$program" ]; then
    "$ROOT/tests/build-c" plain "$source" "$program.$$" >&2 && mv "$program.$$" "$program"
  fi
  echo "$program"
}

is_gone() { ! kill -0 "${PIDS[$1]}" 2>/dev/null; } # NAME of `start`
has_output() { [ -s "$OUT/$1" ]; }
has_event() { grep -q "\"type\":\"$2\"" "$OUT/$1.out" 2>/dev/null; }

# A producer that died has nothing to wait for.
has_event_or_died() { has_event "$1" "$2" || ! kill -0 "${PIDS[$1]}" 2>/dev/null; }

wait_for_event() {
  wait_until "${3:-20}" has_event_or_died "$1" "$2" && has_event "$1" "$2" && return
  echo "no event '$2' from $1; its stderr:" >&2
  tail -n 20 "$OUT/$1.err" >&2
  return 1
}

stop() {
  local pid=${PIDS[$1]}
  unset "PIDS[$1]"
  kill "-${2:-INT}" "$pid" 2>/dev/null || true
  status=0
  # shellcheck disable=SC2034 # the test looks at it
  wait "$pid" || status=$?
}

assert_jq() {
  jq -es "$2" "$1" >/dev/null && return
  echo "not so: ${3:-$2}" >&2
  echo "in:" >&2
  tail -c 4000 "$1" >&2
  return 1
}

assert_equal() {
  [ "$1" = "$2" ] && return
  printf 'expected: %s\n  actual: %s\n' "$2" "$1" >&2
  return 1
}
