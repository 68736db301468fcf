#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# cgroup_lab.bats - the cgroup scripts on distribution kernels, which boot with v2 only; v1 hierarchies are mounted by
# hand. It changes what the root cgroup hands down, so it runs where nothing else does.
# where: lab
#
# Starting bpftrace takes long under emulation, so all scripts run at the same time, each scenario in a cgroup of its own, and
# leave a recording with the kernel's own numbers beside it. The tests look at it: what is of other scenarios they leave out by
# the cgroup's or the process's id.
# RECORDED=DIR bats tests/live/cgroup_lab.bats looks at an earlier recording instead of making one (on any machine).
#
# recorded: tests/lib/cgroup_scenarios
#
# shellcheck disable=SC2016 # $names in single quotes are jq's

load ../lib/common

setup_file() {
  [ -z "${RECORDED-}" ] && [ -n "${TESTS_GUEST-}" ] || return 0
  local need
  for need in root bpftrace btf socat jq; do have "$need" || return 0; done
  # A script of its own: bats traces every command of a test, which is slow under emulation.
  "$BATS_TEST_DIRNAME/../lib/cgroup_scenarios" "$BATS_FILE_TMPDIR" >&2
}

test_setup() {
  if [ -z "${RECORDED-}" ]; then
    [ -n "${TESTS_GUEST-}" ] || skip "needs a machine of its own"
    requires root bpftrace btf socat
  fi
  requires jq
  SEEN=${RECORDED:-$BATS_FILE_TMPDIR}
}

report() { "$NETVITALS" report cgroup --format json "$@"; }

# What the kernel or the recorder noted.
noted() { cat "$SEEN/$1"; }

value_of() { awk -v key="$1" '$1 == key { print $2 }' "$SEEN/$2"; }

# The report's rows of a scenario's cgroup are in $OUT/row.
row_of() { # NAME
  report "$SEEN/$1.ndjson" >"$OUT/report"
  jq "[.rows[] | select(.cgroup_id == $(noted "$1.id"))]" "$OUT/report" >"$OUT/row"
}

@test "lab: cgtree: a task is in its cgroup on v2 and on a v1 hierarchy mounted by hand, whatever the names" {
  local pid
  pid=$(noted tree.pid)
  assert_equal "$(grep -c "\"pid\":$pid,\"tgid\":$pid," "$SEEN/tree.ndjson")" "$(noted tree.hierarchies)"
  report --under "$(noted tree.from)" "$SEEN/tree.ndjson" >"$OUT/report"
  assert_equal "$(jq -c --arg to "$(noted tree.to)" '[.rows[] | select(.processes == 1 and .path == $to) | .hierarchy]' "$OUT/report")" \
    '["freezer","v2"]'
}

@test "lab: cgevents: moves on v2 and on a v1 hierarchy mounted by hand have source and destination, and no cgroup is missed" {
  report "$SEEN/events.ndjson" >"$OUT/report"
  local hierarchy
  for hierarchy in v2 freezer; do
    jq --arg h "$hierarchy" --argjson pid "$(noted moves.pid)" \
      '[.timeline[] | select(.hierarchy == $h and .pid == $pid)][1:]' "$OUT/report" >"$OUT/moves"
    assert_equal "$(jq -c --arg a "$(noted moves.from)" --arg b "$(noted moves.to)" \
      'map([.from_path, .path] == [$a, $b] or [.from_path, .path] == [$b, $a]) | [length, all]' "$OUT/moves")" '[7,true]'
  done
  assert_equal "$(jq -c '[.rows[] | select(.path | test("/loop/c[0-9]+$"))] | [length, all(.state == "gone")]' "$OUT/report")" '[101,true]'
}

# A busy loop under a 20 % quota, against KEY of cpu.stat, which counts in units of NS.
is_throttled_as_the_kernel_says() { # NAME KEY NS
  jq -c "select(.type == \"cgroup_state\" and .cgroup_id == $(noted "$1.id"))" "$SEEN/$1.ndjson" >"$OUT/readings"
  assert_equal "$(jq -s 'last | .periods, .throttled, .throttled_ns / '"$3"' | floor' "$OUT/readings" | paste -sd' ')" \
    "$(value_of nr_periods "$1.stat") $(value_of nr_throttled "$1.stat") $(value_of "$2" "$1.stat")"
  assert_jq "$OUT/readings" 'last.throttled > 0'
  jq -c "select(.type == \"cgroup_cpu\" and .cgroup_id == $(noted "$1.id"))" "$SEEN/$1.ndjson" >"$OUT/used"
}

@test "lab: cgcpu on v2: a busy loop under a 20 % quota is throttled as cpu.stat says" {
  is_throttled_as_the_kernel_says cpu_v2 throttled_usec 1000
  assert_jq "$OUT/used" "(map(.run_ns) | add) / $(value_of usage_usec cpu_v2.stat) / 1000 | . > 0.9 and . < 1.1"
  row_of cpu_v2
  # what the share of its periods is that it could not run in
  assert_jq "$OUT/row" '.[0][0] | .cpu_limit_ppm == 200000 and .throttled_ppm > 0'
}

@test "lab: cgcpu on v1: the same, from the cpu controller mounted by hand" {
  is_throttled_as_the_kernel_says cpu_v1 throttled_time 1
  assert_jq "$OUT/used" "(map(.run_ns) | add) / $(noted cpu_v1.usage) | . > 0.9 and . < 1.1"
}

@test "lab: cgnet: bytes of a program equal its own count; before Linux 6.3 a line says that they are not known, connects are" {
  local bytes=7654321
  row_of net
  if [ "$(noted net.lengths)" = no ]; then
    bytes=null
    assert_equal "$(grep -c 'no tracepoint sock:sock_recv_length sock:sock_send_length; .*not known are: bytes and packets' "$SEEN/net.err")" 1
  fi
  assert_jq "$OUT/row" ".[0][0] | .tx_bytes == $bytes and .connects == 1"
}

@test "lab: cgmem: an OOM kill on v2 names the process and the cgroup whose limit it was" {
  jq -c 'select(.type == "cgroup_oom")' "$SEEN/mem.ndjson" >"$OUT/oom"
  assert_equal "$(value_of oom_kill mem.events)" 1
  assert_jq "$OUT/oom" "length == 1 and .[0].cgroup_id == $(noted mem.id) and .[0].limit_bytes == 16777216"
}

@test "lab: cgio: bytes read with O_DIRECT are its cgroup's" {
  row_of io
  assert_jq "$OUT/row" '.[0][0] | .read_bytes >= 31 * 65536 and .reads >= 31 and .read_bytes < 40 * 65536 and .latency_ns > 0'
}
