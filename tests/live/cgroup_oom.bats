#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# cgroup_oom.bats - processes killed for want of memory are counted once, as the kernel's counters say. It changes what the
# root cgroup hands down, so it runs where nothing else does.
# where: lab

load ../lib/common

test_setup() {
  [ -n "${TESTS_GUEST-}" ] || skip "needs a machine of its own"
  V2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
}

remove_cgroup() { [ ! -d "$1" ] || wait_until 30 rmdir "$1" 2>/dev/null; }

@test "lab: a process killed for want of memory is its own cgroup's, and is not forgotten when that is gone" {
  requires root
  echo +memory >"$V2/cgroup.subtree_control"
  at_exit eval "echo -memory >$V2/cgroup.subtree_control"
  local top=$V2/$UNIQUE
  mkdir "$top"
  at_exit remove_cgroup "$top"
  echo +memory >"$top/cgroup.subtree_control"
  mkdir "$top/job"
  at_exit remove_cgroup "$top/job"
  echo 16M >"$top/job/memory.max"
  echo 0 >"$top/job/memory.swap.max" 2>/dev/null || true
  "$NETVITALS" report cgroup --snapshot --format ndjson >"$OUT/before" </dev/null
  # shellcheck disable=SC2016 # sh's
  sh -c 'echo $$ >"$1/cgroup.procs"; exec dd if=/dev/zero of=/dev/null bs=200M count=1' sh "$top/job" || true
  # the kernel counts it at both
  assert_equal "$(cat "$top/memory.events" "$top/job/memory.events" | awk '$1 == "oom_kill" { print $2 }' | xargs)" "1 1"
  "$NETVITALS" report cgroup --snapshot --format ndjson >"$OUT/behind" </dev/null
  rmdir "$top/job"
  "$NETVITALS" report cgroup --snapshot --format ndjson >"$OUT/gone" </dev/null
  "$NETVITALS" report cgroup --format json --under "/$UNIQUE" "$OUT/before" "$OUT/behind" >"$OUT/report"
  assert_jq "$OUT/report" '.[0].rows | map([.oom_kills, .oom_kills_below]) == [[0, 1], [1, null]]'
  local last
  for last in behind gone; do
    run -2 --separate-stderr "$NETVITALS" check cgroup --under "/$UNIQUE" "$OUT/before" "$OUT/$last"
    [[ $output == *" oom_kills=1 "* ]]
  done
}
