#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# cgroup.bats - the cgroup scripts and report against what the kernel itself says.
# where: host

load ../lib/common

test_setup() {
  V2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
  CPU=$(awk '$3 == "cgroup" && $4 ~ /(^|,)cpu(,|$)/ { print $2; exit }' /proc/mounts)
}

# A cgroup that goes away with the test: make_cgroup PATH
make_cgroup() {
  mkdir -p "$1"
  at_exit remove_cgroup "$1"
}

remove_cgroup() { wait_until 20 rmdir "$1" 2>/dev/null; }

# A process in no cgroup of ours, ended with the test; its id is in $SLEEPER. start_sleeper [PROGRAM]
start_sleeper() {
  "${1:-sleep}" 300 3>&- &
  SLEEPER=$!
  at_exit kill "$SLEEPER"
}

report() { "$NETVITALS" report cgroup --format json "$@"; }

@test "cgtree: a task is in its cgroup on v2 and on every v1 hierarchy, whatever bytes are in the path" {
  requires root bpftrace btf cgroup_v2
  make_cgroup "$V2/$UNIQUE"
  make_cgroup "$V2/$UNIQUE/a \"b\" \\é"
  start_sleeper
  echo "$SLEEPER" >"$V2/$UNIQUE/a \"b\" \\é/cgroup.procs"
  "$ROOT/scripts/cgroup/cgtree.bt" >"$OUT/tree"
  # as many lines as /proc/PID/cgroup has, and the same paths
  assert_equal "$(grep -c "\"pid\":$SLEEPER,\"tgid\":$SLEEPER," "$OUT/tree")" "$(wc -l <"/proc/$SLEEPER/cgroup")"
  report --hierarchy v2 --under "/$UNIQUE" "$OUT/tree" >"$OUT/report"
  assert_jq "$OUT/report" ".[0].rows | map(select(.processes == 1)) | length == 1 and .[0].path == \"/$UNIQUE/a \\\"b\\\" \\\\é\""
  assert_jq "$OUT/tree" '.[0].type == "begin" and .[-1].type == "end"'
}

@test "cgtree: without BTF the same is read from /proc, and a line says what cannot be seen" {
  requires root cgroup_v2
  make_cgroup "$V2/$UNIQUE"
  make_cgroup "$V2/$UNIQUE/a \"b\" \\é"
  # a process is called what its program's file is
  local odd=$OUT/$'x "y"\nz'
  ln -s "$(command -v sleep)" "$odd"
  start_sleeper "$odd"
  wait_until 30 grep -q 'x "y"' "/proc/$SLEEPER/comm"
  echo "$SLEEPER" >"$V2/$UNIQUE/a \"b\" \\é/cgroup.procs"
  NETVITALS_FALLBACK=1 "$ROOT/scripts/cgroup/cgtree.bt" >"$OUT/tree" 2>"$OUT/said"
  assert_equal "$(wc -l <"$OUT/said")" 1
  grep -q 'from /proc, without' "$OUT/said"
  grep "\"pid\":$SLEEPER,\"tgid\":$SLEEPER," "$OUT/tree" >"$OUT/lines"
  assert_equal "$(wc -l <"$OUT/lines")" "$(wc -l <"/proc/$SLEEPER/cgroup")"
  id=$(stat -c %i "$V2/$UNIQUE/a \"b\" \\é")
  assert_jq "$OUT/lines" "map(select(.hierarchy == \"v2\")) | .[0].cgroup_id == $id and .[0].comm_hex == \"78202279220a7a\""
  report --hierarchy v2 --under "/$UNIQUE" "$OUT/tree" >"$OUT/report"
  assert_jq "$OUT/report" ".[0].rows | map(select(.processes == 1)) | length == 1 and .[0].path == \"/$UNIQUE/a \\\"b\\\" \\\\é\""
  assert_jq "$OUT/tree" '.[0].type == "begin" and .[-1].type == "end"'
}

@test "cgevents: a shell that moves 23 times between two cgroups has source and destination each time" {
  requires root bpftrace btf cgroup_v2
  make_cgroup "$V2/$UNIQUE.a"
  make_cgroup "$V2/$UNIQUE.b"
  start_sleeper
  echo "$SLEEPER" >"$V2/$UNIQUE.a/cgroup.procs"
  "$ROOT/scripts/cgroup/cgtree.bt" >"$OUT/tree"
  start events "$ROOT/scripts/cgroup/cgevents.bt"
  wait_for_event events ready 60
  for ((i = 1; i <= 23; i++)); do
    if ((i % 2)); then echo "$SLEEPER" >"$V2/$UNIQUE.b/cgroup.procs"; else echo "$SLEEPER" >"$V2/$UNIQUE.a/cgroup.procs"; fi
  done
  stop events INT
  report --hierarchy v2 --under / "$OUT/tree" "$OUT/events.out" >"$OUT/report"
  jq ".timeline // .sections.timeline // [] | map(select(.pid == $SLEEPER))" "$OUT/report" >"$OUT/moves"
  assert_jq "$OUT/moves" '.[0] | length == 23'
  assert_jq "$OUT/moves" ".[0] | all((.path == \"/$UNIQUE.b\" and .from_path == \"/$UNIQUE.a\") or (.path == \"/$UNIQUE.a\" and .from_path == \"/$UNIQUE.b\"))"
  # the sums of the rows say the same
  jq "[.rows[] | select(.path == \"/$UNIQUE.a\" or .path == \"/$UNIQUE.b\")]" "$OUT/report" >"$OUT/rows"
  assert_jq "$OUT/rows" '.[0] | (map(.moved_in) | add) == 23 and (map(.moved_out) | add) == 23'
}

@test "cgevents: 2000 cgroups made and removed, none is missed" {
  requires root bpftrace btf cgroup_v2 python3
  make_cgroup "$V2/$UNIQUE"
  start events "$ROOT/scripts/cgroup/cgevents.bt"
  wait_for_event events ready 60
  # in one process: 4000 would take ten times as long, and the processors
  python3 - "$V2/$UNIQUE" <<'PYTHON'
import os, sys, time
os.chdir(sys.argv[1])
for i in range(2000):
    os.mkdir(f"c{i}")
    os.rmdir(f"c{i}")
    time.sleep(0.001)
PYTHON
  wait_until 30 sh -c "[ \$(grep -c '\"type\":\"cgroup_rmdir\"' '$OUT/events.out') -ge 2000 ]" || true
  stop events INT
  report --hierarchy v2 --under "/$UNIQUE" "$OUT/events.out" >"$OUT/report"
  # what is not a row was said to be lost
  # shellcheck disable=SC2016 # $n is jq's
  assert_jq "$OUT/report" '.[0] | ([.rows[] | select(.path | test("/c[0-9]+$"))] | length) as $n | $n == 2000 or ($n + .loss.events_lost >= 2000 and .loss.events_lost > 0)'
  assert_jq "$OUT/report" '.[0].rows | map(select(.path | test("/c[0-9]+$"))) | all(.state == "gone")'
}

@test "cgcpu: a busy loop under a 20 % quota is throttled for as long as cpu.stat says" {
  requires root bpftrace btf cgroup_v1
  [ -n "$CPU" ] || skip "needs the cpu controller on v1"
  make_cgroup "$CPU/$UNIQUE"
  echo 20000 >"$CPU/$UNIQUE/cpu.cfs_quota_us"
  id=$(stat -c %i "$CPU/$UNIQUE")
  # what the kernel says of the time that it ran, on the hierarchy that counts it
  cpuacct=$(awk '$3 == "cgroup" && $4 ~ /(^|,)cpuacct(,|$)/ { print $2; exit }' /proc/mounts)
  make_cgroup "$cpuacct/$UNIQUE"
  start cpu "$ROOT/scripts/cgroup/cgcpu.bt" 1
  # the first reading is of the time before the loop
  wait_until 60 grep -q "\"type\":\"cgroup_state\".*\"cgroup_id\":$id,.*\"throttled\":0," "$OUT/cpu.out"
  periods=$(awk '$1 == "nr_periods" { print $2 }' "$CPU/$UNIQUE/cpu.stat")
  sh -c 'echo $$ >"$1/cgroup.procs"; echo $$ >"$2/cgroup.procs"; exec timeout 6 sh -c "while :; do :; done"' sh "$CPU/$UNIQUE" "$cpuacct/$UNIQUE" 3>&- || true
  # the period's timer runs until it finds the cgroup idle, and counts what was still being held back
  wait_until 20 throttling_is_over "$CPU/$UNIQUE"
  stop cpu INT
  jq -c "select(.type == \"cgroup_state\" and .cgroup_id == $id)" "$OUT/cpu.out" >"$OUT/readings"
  # the last reading is the kernel's last word
  for pair in nr_periods:periods nr_throttled:throttled throttled_time:throttled_ns; do
    assert_equal "$(jq -s "last.${pair#*:}" "$OUT/readings")" "$(awk -v k="${pair%:*}" '$1 == k { print $2 }' "$CPU/$UNIQUE/cpu.stat")"
  done
  assert_jq "$OUT/readings" 'last.throttled_ns > 0'
  used_ns=$(cat "$cpuacct/$UNIQUE/cpuacct.usage")
  assert_jq "$OUT/cpu.out" "([.[] | select(.type == \"cgroup_cpu\" and .cgroup_id == $id) | .run_ns] | add) / $used_ns | . > 0.95 and . < 1.05" "time that it ran"
  # and the report's share is cpu.stat's, of the time that the periods took
  report "$OUT/cpu.out" >"$OUT/report"
  jq "[.rows[] | select(.cgroup_id == $id)]" "$OUT/report" >"$OUT/row"
  share=$(awk -v before="$periods" '{ v[$1] = $2 } END { print int(v["throttled_time"] / 100 / (v["nr_periods"] - before)) }' "$CPU/$UNIQUE/cpu.stat")
  assert_jq "$OUT/row" ".[0][0] | .cpu_limit_ppm == 200000 and .throttled_ppm == $share"
}

@test "cgcpu: the same script for all bpftrace: a tracepoint for 0.17, a raw one, half the cost, for those that can" {
  requires root btf
  local version
  mkdir "$OUT/bin"
  for version in 17 18; do
    # shellcheck disable=SC2016 # expanded by that script: what it is given, a text or a file, is what it prints
    printf '#!/bin/sh\n[ "$1" = --version ] && echo bpftrace v0.%s.0 || for given; do cat "$given" 2>/dev/null || echo "$given"; done\n' "$version" >"$OUT/bin/bpftrace"
    chmod +x "$OUT/bin/bpftrace"
    PATH=$OUT/bin:$PATH "$ROOT/scripts/cgroup/cgcpu.bt" | grep -o '^[a-z]*tracepoint:.*' >"$OUT/probes.$version"
  done
  assert_equal "$(cat "$OUT/probes.17")" tracepoint:sched:sched_switch
  assert_equal "$(cat "$OUT/probes.18")" rawtracepoint:sched_switch
}

# The numbers of its cpu.stat do not change any more.
throttling_is_over() {
  local before
  before=$(cat "$1/cpu.stat")
  sleep 0.5
  [ "$(cat "$1/cpu.stat")" = "$before" ]
}

@test "cgnet: bytes of a program equal its own count" {
  requires root bpftrace btf cgroup_v2 socat
  [ -e /sys/kernel/tracing/events/sock/sock_send_length ] || skip "needs the tracepoint sock_send_length (Linux 6.3)"
  make_cgroup "$V2/$UNIQUE"
  start net "$ROOT/scripts/cgroup/cgnet.bt" 1
  wait_for_event net ready 60
  port=$((20000 + RANDOM % 10000))
  start sink socat -u "TCP-LISTEN:$port,reuseaddr" OPEN:/dev/null
  wait_until 30 sh -c "grep -qi ':$(printf %04X "$port") 00000000' /proc/net/tcp"
  sh -c 'echo $$ >"$1/cgroup.procs"; head -c 7654321 /dev/zero | socat -u - "TCP:127.0.0.1:$2"' sh "$V2/$UNIQUE" "$port"
  id=$(stat -c %i "$V2/$UNIQUE")
  wait_until 30 grep -q "\"cgroup_id\":$id," "$OUT/net.out" || { tail -n 5 "$OUT/net.out" "$OUT/net.err" "$OUT/sink.err" >&2; false; }
  stop net INT
  report "$OUT/net.out" >"$OUT/report"
  jq "[.rows[] | select(.cgroup_id == $id)]" "$OUT/report" >"$OUT/row"
  assert_jq "$OUT/row" '.[0][0] | .tx_bytes == 7654321 and .connects == 1'
}

@test "cgnet: without the tracepoints of Linux 6.3 a line says what is not known, connects are" {
  requires root bpftrace btf cgroup_v2 socat
  make_cgroup "$V2/$UNIQUE"
  # the same script, for tracepoints that no kernel has
  mkdir -p "$OUT/scripts/cgroup"
  cp "$ROOT/scripts/run" "$OUT/scripts/"
  sed 's/sock:sock_\(send\|recv\)_length/sock:none_\1/' "$ROOT/scripts/cgroup/cgnet.bt" >"$OUT/scripts/cgroup/cgnet.bt"
  chmod +x "$OUT/scripts/cgroup/cgnet.bt"
  start net "$OUT/scripts/cgroup/cgnet.bt" 1
  wait_for_event net ready 60
  assert_equal "$(grep -c 'cgnet: this kernel has no tracepoint' "$OUT/net.err")" 1
  grep -q 'no tracepoint sock:none_recv sock:none_send; the rest works, not known are: bytes and packets received' "$OUT/net.err"
  port=$((20000 + RANDOM % 10000))
  start sink socat -u "TCP-LISTEN:$port,reuseaddr" OPEN:/dev/null
  wait_until 30 sh -c "grep -qi ':$(printf %04X "$port") 00000000' /proc/net/tcp"
  sh -c 'echo $$ >"$1/cgroup.procs"; echo hello | socat -u - "TCP:127.0.0.1:$2"' sh "$V2/$UNIQUE" "$port"
  stop net INT
  id=$(stat -c %i "$V2/$UNIQUE")
  jq -c "select(.type == \"cgroup_net\" and .cgroup_id == $id)" "$OUT/net.out" >"$OUT/uses"
  assert_jq "$OUT/uses" '(map(.connects) | add) == 1 and all(has("tx_bytes") or has("rx_bytes") | not)'
}

@test "cgmem: an OOM kill names the process and the cgroup whose limit it was" {
  requires root bpftrace btf cgroup_v1 python3
  memory=$(awk '$3 == "cgroup" && $4 ~ /(^|,)memory(,|$)/ { print $2; exit }' /proc/mounts)
  [ -n "$memory" ] || skip "needs the memory controller on v1"
  make_cgroup "$memory/$UNIQUE"
  echo 16M >"$memory/$UNIQUE/memory.limit_in_bytes"
  start mem "$ROOT/scripts/cgroup/cgmem.bt" 1
  wait_for_event mem ready 60
  sh -c 'echo $$ >"$1/cgroup.procs"; exec python3 -c "x = [bytearray(1 << 20) for i in range(200)]"' sh "$memory/$UNIQUE" || true
  wait_for_event mem cgroup_oom 20
  stop mem INT
  id=$(stat -c %i "$memory/$UNIQUE")
  assert_equal "$(awk '$1 == "oom_kill" { print $2 }' "$memory/$UNIQUE/memory.oom_control")" 1
  jq -c 'select(.type == "cgroup_oom")' "$OUT/mem.out" >"$OUT/oom"
  assert_jq "$OUT/oom" "length == 1 and .[0].cgroup_id == $id and .[0].limit_bytes == 16777216 and (.[0].comm_hex | startswith(\"70 79 74 68 6f 6e\"))"
}

# What all disks have read so far, as the kernel counts.
disks_read_bytes() { awk '{ sectors += $6 } END { printf "%.0f\n", sectors * 512 }' /proc/diskstats; }

@test "cgio: bytes written and read with O_DIRECT are its cgroup's, exactly" {
  requires root bpftrace btf cgroup_v1
  blkio=$(awk '$3 == "cgroup" && $4 ~ /(^|,)blkio(,|$)/ { print $2; exit }' /proc/mounts)
  [ -n "$blkio" ] || skip "needs the blkio controller on v1"
  make_cgroup "$blkio/$UNIQUE"
  truncate -s 8M "$OUT/disk"
  device=$(losetup --show -f "$OUT/disk") || skip "needs a free loop device"
  at_exit losetup -d "$device"
  start io "$ROOT/scripts/cgroup/cgio.bt" 1
  wait_for_event io ready 60
  local read_before others
  read_before=$(disks_read_bytes)
  sh -c 'echo $$ >"$1/cgroup.procs"; exec dd if=/dev/zero of="$2" bs=64k count=64 oflag=direct' sh "$blkio/$UNIQUE" "$device"
  sh -c 'echo $$ >"$1/cgroup.procs"; exec dd if="$2" of=/dev/null bs=64k count=31 iflag=direct' sh "$blkio/$UNIQUE" "$device"
  # dd's own program may have to come from a disk, too: no more than was read beside the 31 blocks
  others=$(($(disks_read_bytes) - read_before - 31 * 65536))
  id=$(stat -c %i "$blkio/$UNIQUE")
  stop io INT
  report "$OUT/io.out" >"$OUT/report"
  jq "[.rows[] | select(.cgroup_id == $id)]" "$OUT/report" >"$OUT/row"
  assert_jq "$OUT/row" ".[0][0] | .write_bytes == 64 * 65536 and .writes >= 64 and .reads >= 31 and
    .read_bytes >= 31 * 65536 and .read_bytes <= 31 * 65536 + $others"
  assert_jq "$OUT/row" '.[0][0] | .latency_ns > 0 and .max_latency_ns <= .latency_ns'
}

@test "report cgroup --snapshot: without any input, and limits that are not set are none" {
  requires root cgroup_v1 cgroup_v2
  [ -n "$CPU" ] || skip "needs the cpu controller on v1"
  make_cgroup "$CPU/$UNIQUE"
  report --snapshot --under "/$UNIQUE" --hierarchy cpu >"$OUT/report" </dev/null
  assert_jq "$OUT/report" '.[0].rows[0] | .cpu_limit_ppm == "none" and .processes == 0 and .state == "live"'
  echo 30000 >"$CPU/$UNIQUE/cpu.cfs_quota_us"
  report --snapshot --under "/$UNIQUE" --hierarchy cpu >"$OUT/report" </dev/null
  assert_jq "$OUT/report" '.[0].rows[0].cpu_limit_ppm == 300000'
}

@test "two snapshots show a limit that changed in between" {
  requires root cgroup_v1
  [ -n "$CPU" ] || skip "needs the cpu controller on v1"
  make_cgroup "$CPU/$UNIQUE"
  "$NETVITALS" report cgroup --snapshot --format ndjson >"$OUT/a" </dev/null
  echo 50000 >"$CPU/$UNIQUE/cpu.cfs_quota_us"
  "$NETVITALS" report cgroup --snapshot --format ndjson >"$OUT/b" </dev/null
  for order in "a b" "b a"; do
    read -r first second <<<"$order"
    report --under "/$UNIQUE" "$OUT/$first" "$OUT/$second" >"$OUT/report"
    assert_jq "$OUT/report" '.[0].rows | any(.cpu_limit_ppm == 500000)'
    assert_jq "$OUT/report" ".[0].timeline | length == 1 and .[0].change == \"cpu_quota_ns\" and .[0].path == \"/$UNIQUE\" and .[0].was == \"none\" and .[0].now == 50000000"
  done
}

# Runs a command where only the cgroup filesystems of a type are mounted: with_only cgroup|cgroup2|none COMMAND...
with_only() {
  # shellcheck disable=SC2016 # expanded by the inner shell
  unshare --mount sh -ec 'keep=$1; shift
    for type in cgroup cgroup2; do
      [ "$type" = "$keep" ] || awk -v t="$type" "\$3 == t { print \$2 }" /proc/mounts | sort -r | while read -r at; do umount "$at"; done
    done
    exec "$@"' sh "$@"
}

@test "report cgroup --snapshot: without cgroup mounts one line says what is missing, and it ends with 4" {
  requires root cgroup_v2
  status=0
  with_only none "$NETVITALS" report cgroup --snapshot </dev/null >"$OUT/report" 2>"$OUT/said" || status=$?
  assert_equal "$status" 4
  assert_equal "$(wc -l <"$OUT/said")" 1
  grep -q 'no cgroup filesystem is mounted' "$OUT/said"
}

@test "report cgroup --snapshot: what is mounted is shown, v1 or v2 alone" {
  requires root cgroup_v1 cgroup_v2
  with_only cgroup "$NETVITALS" report cgroup --snapshot --format json </dev/null >"$OUT/v1"
  assert_jq "$OUT/v1" '.[0].rows | length > 0 and all(.hierarchy != "v2")'
  with_only cgroup2 "$NETVITALS" report cgroup --snapshot --format json </dev/null >"$OUT/v2"
  assert_jq "$OUT/v2" '.[0].rows | length > 0 and all(.hierarchy == "v2")'
}

@test "report cgroup --snapshot --follow: a view that is drawn again, and ends when its reader does" {
  requires root cgroup_v2 script
  make_cgroup "$V2/$UNIQUE"
  start top timeout 20 script -qec "'$NETVITALS' report cgroup --snapshot --follow 1s --hierarchy v2 --under /$UNIQUE" /dev/null
  # cursor home, and a second look has what was made meanwhile
  wait_until 30 grep -q $'\033\[H' "$OUT/top.out"
  mkdir "$V2/$UNIQUE/later"
  at_exit remove_cgroup "$V2/$UNIQUE/later"
  wait_until 30 grep -q "  later" "$OUT/top.out"
  stop top TERM
}
