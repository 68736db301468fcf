#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# cgroup_lab.bats - the cgroup scripts on distribution kernels, which boot with v2 only; v1 hierarchies are mounted by
# hand. It changes what the root cgroup hands down, so it runs where nothing else does.
# where: lab

load ../lib/common

test_setup() {
  [ -n "${TESTS_GUEST-}" ] || skip "needs a machine of its own"
  V2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
}

# A cgroup that goes away with the test: make_cgroup PATH
make_cgroup() {
  mkdir -p "$1"
  at_exit remove_cgroup "$1"
}

remove_cgroup() { wait_until 30 rmdir "$1" 2>/dev/null; }

# mount_v1 CONTROLLERS: where they are then is $V1
mount_v1() {
  V1=$OUT/v1.$1
  mkdir "$V1"
  # a controller that v2 has just let go comes a moment later
  wait_until 20 mount -t cgroup -o "$1" none "$V1"
  at_exit umount "$V1"
}

# In a run of all suites each lab starts some of the scripts only: one takes up to 80 s where a kernel is emulated on a busy
# machine. `FILTER=cgroup tests/run lab:NAME` starts all.
costs_time() {
  local lab
  [[ ${FILTER-} != *cgroup* ]] || return 0
  for lab in "$@"; do [ "$lab" != "${LAB_NAME-}" ] || return 0; done
  skip "FILTER=cgroup runs it"
}

# hand_down CONTROLLER: v2 cgroups below the root have its files
hand_down() {
  echo "+$1" >"$V2/cgroup.subtree_control"
  at_exit eval "echo -$1 >$V2/cgroup.subtree_control"
}

report() { "$NETVITALS" report cgroup --format json "$@"; }

stat_of() { awk -v key="$1" '$1 == key { print $2 }' "$2/cpu.stat"; }

# The numbers of its cpu.stat do not change any more: the period's timer has found the cgroup idle.
throttling_is_over() {
  local before
  before=$(grep -v usec "$1/cpu.stat" || true)
  sleep 0.5
  [ "$(grep -v usec "$1/cpu.stat" || true)" = "$before" ]
}

# Two cgroups on v2 and on a v1 hierarchy, and a process in the first of each: $FROM, $TO below a mount, and $SLEEPER.
make_places() {
  mount_v1 freezer
  # beside / and 00, a newline is the one byte that the kernel refuses in such a name
  FROM=/$UNIQUE TO="/$UNIQUE/a \"b\" \\é"
  local at
  for at in "$V2$FROM" "$V1$FROM" "$V2$TO" "$V1$TO"; do make_cgroup "$at"; done
  sleep 300 3>&- &
  SLEEPER=$!
  at_exit kill "$SLEEPER"
}

move_to() {
  echo "$SLEEPER" >"$V2$1/cgroup.procs"
  echo "$SLEEPER" >"$V1$1/cgroup.procs"
}

@test "lab: cgtree: a task is in its cgroup on v2 and on a v1 hierarchy mounted by hand, whatever the names" {
  requires root bpftrace btf
  costs_time bookworm
  make_places
  move_to "$TO"
  "$ROOT/scripts/cgroup/cgtree.bt" >"$OUT/tree"
  assert_equal "$(grep -c "\"pid\":$SLEEPER,\"tgid\":$SLEEPER," "$OUT/tree")" "$(wc -l <"/proc/$SLEEPER/cgroup")"
  report --under "/$UNIQUE" "$OUT/tree" >"$OUT/report"
  # shellcheck disable=SC2016 # jq's
  assert_equal "$(jq -c --arg to "$TO" '[.rows[] | select(.processes == 1 and .path == $to) | .hierarchy]' "$OUT/report")" '["freezer","v2"]'
}

@test "lab: cgevents: moves on v2 and on a v1 hierarchy mounted by hand have source and destination, and no cgroup is missed" {
  requires root bpftrace btf
  costs_time
  make_places
  start events "$ROOT/scripts/cgroup/cgevents.bt"
  wait_for_event events ready 200
  # nobody has said where it was before its first move
  move_to "$FROM"
  local i
  for ((i = 1; i <= 7; i++)); do
    if ((i % 2)); then move_to "$TO"; else move_to "$FROM"; fi
  done
  mkdir "$V2$FROM/loop"
  for ((i = 0; i < 101; i++)); do mkdir "$V2$FROM/loop/c$i" && rmdir "$V2$FROM/loop/c$i"; done
  rmdir "$V2$FROM/loop"
  stop events INT
  report "$OUT/events.out" >"$OUT/report"
  local hierarchy
  for hierarchy in v2 freezer; do
    jq --arg h "$hierarchy" --argjson pid "$SLEEPER" '[.timeline[] | select(.hierarchy == $h and .pid == $pid)][1:]' "$OUT/report" >"$OUT/moves"
    # shellcheck disable=SC2016 # jq's
    assert_equal "$(jq -c --arg a "$FROM" --arg b "$TO" 'map([.from_path, .path] == [$a, $b] or [.from_path, .path] == [$b, $a]) | [length, all]' "$OUT/moves")" '[7,true]'
  done
  assert_equal "$(jq -c '[.rows[] | select(.path | test("/loop/c[0-9]+$"))] | [length, all(.state == "gone")]' "$OUT/report")" '[101,true]'
}

# quota_test CGROUP KEY NS: a busy loop under a 20 % quota, against KEY of cpu.stat, which counts in units of NS.
quota_test() {
  local id
  id=$(stat -c %i "$1")
  start cpu "$ROOT/scripts/cgroup/cgcpu.bt" 1
  wait_until 250 grep -q "\"type\":\"cgroup_state\".*\"cgroup_id\":$id,.*\"throttled\":0," "$OUT/cpu.out"
  # shellcheck disable=SC2016 # sh's
  sh -c 'echo $$ >"$1/cgroup.procs"; exec timeout 4 sh -c "while :; do :; done"' sh "$1" 3>&- || true
  wait_until 20 throttling_is_over "$1"
  stop cpu INT
  jq -c "select(.type == \"cgroup_state\" and .cgroup_id == $id)" "$OUT/cpu.out" >"$OUT/readings"
  assert_equal "$(jq -s 'last | .periods, .throttled, .throttled_ns / '"$3"' | floor' "$OUT/readings" | paste -sd' ')" \
    "$(stat_of nr_periods "$1") $(stat_of nr_throttled "$1") $(stat_of "$2" "$1")"
  assert_jq "$OUT/readings" 'last.throttled > 0'
  jq -c "select(.type == \"cgroup_cpu\" and .cgroup_id == $id)" "$OUT/cpu.out" >"$OUT/used"
}

@test "lab: cgcpu on v2: a busy loop under a 20 % quota is throttled as cpu.stat says" {
  requires root bpftrace btf
  costs_time
  hand_down cpu
  make_cgroup "$V2/$UNIQUE"
  echo "20000 100000" >"$V2/$UNIQUE/cpu.max"
  quota_test "$V2/$UNIQUE" throttled_usec 1000
  local used
  used=$(stat_of usage_usec "$V2/$UNIQUE")
  assert_jq "$OUT/used" "(map(.run_ns) | add) / $used / 1000 | . > 0.9 and . < 1.1"
  report "$OUT/cpu.out" >"$OUT/report"
  # what the share of its periods is that it could not run in
  jq "[.rows[] | select(.cgroup_id == $(stat -c %i "$V2/$UNIQUE"))][0]" "$OUT/report" >"$OUT/row"
  assert_jq "$OUT/row" '.[0] | .cpu_limit_ppm == 200000 and .throttled_ppm > 0'
}

@test "lab: cgcpu on v1: the same, from the cpu controller mounted by hand" {
  requires root bpftrace btf
  costs_time trixie
  mount_v1 cpu,cpuacct
  make_cgroup "$V1/$UNIQUE"
  echo 20000 >"$V1/$UNIQUE/cpu.cfs_quota_us"
  quota_test "$V1/$UNIQUE" throttled_time 1
  assert_jq "$OUT/used" "(map(.run_ns) | add) / $(cat "$V1/$UNIQUE/cpuacct.usage") | . > 0.9 and . < 1.1"
}

@test "lab: cgnet: bytes of a program equal its own count; before Linux 6.3 a line says that they are not known, connects are" {
  requires root bpftrace btf socat
  costs_time
  make_cgroup "$V2/$UNIQUE"
  start net "$ROOT/scripts/cgroup/cgnet.bt" 1
  wait_for_event net ready 200
  start sink socat -u TCP-LISTEN:2311,reuseaddr OPEN:/dev/null
  wait_until 20 grep -qi ':0907 00000000' /proc/net/tcp
  # shellcheck disable=SC2016 # sh's
  sh -c 'echo $$ >"$1/cgroup.procs"; head -c 7654321 /dev/zero | socat -u - TCP:127.0.0.1:2311' sh "$V2/$UNIQUE"
  stop net INT
  report "$OUT/net.out" >"$OUT/report"
  jq "[.rows[] | select(.cgroup_id == $(stat -c %i "$V2/$UNIQUE"))]" "$OUT/report" >"$OUT/row"
  local bytes=7654321
  if [ ! -e /sys/kernel/tracing/events/sock/sock_send_length ]; then
    bytes=null
    assert_equal "$(grep -c 'no tracepoint sock:sock_recv_length sock:sock_send_length; .*not known are: bytes and packets' "$OUT/net.err")" 1
  fi
  assert_jq "$OUT/row" ".[0][0] | .tx_bytes == $bytes and .connects == 1"
}

@test "lab: cgmem: an OOM kill on v2 names the process and the cgroup whose limit it was" {
  requires root bpftrace btf
  costs_time
  hand_down memory
  make_cgroup "$V2/$UNIQUE"
  echo 16M >"$V2/$UNIQUE/memory.max"
  echo 0 >"$V2/$UNIQUE/memory.swap.max" 2>/dev/null || true
  start mem "$ROOT/scripts/cgroup/cgmem.bt" 1
  wait_for_event mem ready 200
  # shellcheck disable=SC2016 # sh's; the pipe makes tail keep a line that does not end
  sh -c 'echo $$ >"$1/cgroup.procs"; exec tail -c 200M /dev/zero' sh "$V2/$UNIQUE" || true
  wait_for_event mem cgroup_oom 30
  stop mem INT
  jq -c 'select(.type == "cgroup_oom")' "$OUT/mem.out" >"$OUT/oom"
  assert_equal "$(awk '$1 == "oom_kill" { print $2 }' "$V2/$UNIQUE/memory.events")" 1
  assert_jq "$OUT/oom" "length == 1 and .[0].cgroup_id == $(stat -c %i "$V2/$UNIQUE") and .[0].limit_bytes == 16777216"
}

@test "lab: cgio: bytes read with O_DIRECT are its cgroup's" {
  requires root bpftrace btf
  costs_time
  make_cgroup "$V2/$UNIQUE"
  dd if=/dev/vda of=/dev/null bs=64k count=1 iflag=direct # its program is in memory then
  start io "$ROOT/scripts/cgroup/cgio.bt" 1
  wait_for_event io ready 200
  # shellcheck disable=SC2016 # sh's
  sh -c 'echo $$ >"$1/cgroup.procs"; exec dd if=/dev/vda of=/dev/null bs=64k count=31 iflag=direct' sh "$V2/$UNIQUE"
  stop io INT
  report "$OUT/io.out" >"$OUT/report"
  jq "[.rows[] | select(.cgroup_id == $(stat -c %i "$V2/$UNIQUE"))]" "$OUT/report" >"$OUT/row"
  assert_jq "$OUT/row" '.[0][0] | .read_bytes >= 31 * 65536 and .reads >= 31 and .read_bytes < 40 * 65536 and .latency_ns > 0'
}
