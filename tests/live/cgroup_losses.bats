#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# cgroup_losses.bats - what the cgroup scripts do where a request is split or joined, and what they say of what they could
# not count.
# where: host

load ../lib/common

test_setup() { V2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts); }

# A cgroup that goes away with the test: make_cgroup PATH
make_cgroup() {
  mkdir -p "$1"
  at_exit remove_cgroup "$1"
}

remove_cgroup() { wait_until 20 rmdir "$1" 2>/dev/null; }

report() { "$NETVITALS" report cgroup --format json "$@"; }

# A cgroup of the hierarchy that cgio counts by, and an empty disk of 8 MiB: $AT, $ID, $DISK
make_disk() {
  AT=$(awk '$3 == "cgroup" && $4 ~ /(^|,)blkio(,|$)/ { print $2; exit }' /proc/mounts)/$UNIQUE
  [ "$AT" != "/$UNIQUE" ] || AT=$V2/$UNIQUE
  make_cgroup "$AT"
  ID=$(stat -c %i "$AT")
  truncate -s 8M "$OUT/disk"
  DISK=$(losetup --show -f "$OUT/disk") || skip "needs a free loop device"
  at_exit losetup -d "$DISK"
}

# in_cgroup COMMAND...
in_cgroup() {
  # shellcheck disable=SC2016 # sh's
  sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' sh "$AT" "$@" 3>&-
}

@test "cgio: what the kernel splits or joins at the front is its cgroup's" {
  requires root bpftrace btf cgroup_v2 python3
  make_disk
  local queue=/sys/block/${DISK#/dev/}/queue calls=() block kib
  kib=$(cat "$queue/max_sectors_kb")
  at_exit eval "echo $kib >$queue/max_sectors_kb"
  echo 64 >"$queue/max_sectors_kb"
  # no larger than what the script leaves unused if it forgets none
  NETVITALS_MAP_KEYS=128 start io "$ROOT/scripts/cgroup/cgio.bt" 1
  wait_for_event io ready 60
  # block 4n + 3, then the three before it, each of which the kernel puts in front of the last
  for ((block = 0; block < 800; block += 4)); do calls+=("$((block + 3)),$((block + 2)),$((block + 1)),$block"); done
  in_cgroup "$ROOT/tests/lib/submit_together.py" "$DISK" "${calls[@]}"
  in_cgroup dd if=/dev/zero of="$DISK" bs=4M count=2 oflag=direct
  stop io INT
  report "$OUT/io.out" >"$OUT/report"
  jq "[.rows[] | select(.cgroup_id == $ID)]" "$OUT/report" >"$OUT/row"
  # 2 x 4 MiB in pieces of 64 KiB; 200 x 4 blocks, of which not all wait for one another when the CPU is taken away meanwhile
  # (the kernel runs no BPF program for a completion that interrupts another one on its CPU: a few may be missing)
  assert_jq "$OUT/row" "(8 * 1048576 + 800 * 4096) as \$all | .[0][0] | .write_bytes <= \$all and .write_bytes > \$all * 0.95 and .writes < 128 + 800"
  assert_jq "$OUT/report" '.[0].loss.events_lost == 0'
}

@test "cgio: requests for which its maps have no room are said to be lost" {
  requires root bpftrace btf cgroup_v2 python3
  make_disk
  NETVITALS_MAP_KEYS=8 start io "$ROOT/scripts/cgroup/cgio.bt" 1
  wait_for_event io ready 60
  # 32 requests wait together
  in_cgroup "$ROOT/tests/lib/submit_together.py" "$DISK" "$(seq -s, 0 2 62)"
  stop io INT
  jq -c 'select(.type == "lost")' "$OUT/io.out" >"$OUT/lost"
  assert_jq "$OUT/lost" '(map(.events) | add) >= 24'
}

# send_from CPU COUNT: a UDP datagram from each of COUNT cgroups, all by the same CPU
send_from() {
  # shellcheck disable=SC2016 # bash's
  taskset -c "$1" bash -c 'for ((i = 0; i < $3; i++)); do
    echo $BASHPID >"$1/c$2.$i/cgroup.procs"
    echo hello >/dev/udp/127.0.0.1/9
  done; echo $BASHPID >"$1/cgroup.procs"' bash "$AT" "$1" "$2" 3>&-
}

remove_below() { find "$1" -mindepth 1 -type d -exec rmdir {} +; }

@test "cgnet: what the end has no room for is lost, on every CPU" {
  requires root bpftrace btf cgroup_v2
  [ -e /sys/kernel/tracing/events/sock/sock_send_length ] || skip "needs the tracepoint sock_send_length (Linux 6.3)"
  [ "$(nproc)" -ge 2 ] || skip "needs two CPUs"
  AT=$V2/$UNIQUE
  make_cgroup "$AT"
  at_exit remove_below "$AT"
  mkdir "$AT"/c0.{0..339} "$AT"/c1.{0..99}
  start net "$ROOT/scripts/cgroup/cgnet.bt" 9999
  wait_for_event net ready 60
  send_from 0 340
  send_from 1 100
  stop net INT
  local printed lost
  printed=$(jq -n '[inputs | select(.type == "cgroup_net" and .tx_packets > 0)] | length' "$OUT/net.out")
  lost=$(jq -n '[inputs | select(.type == "lost") | .events] | add // 0' "$OUT/net.out")
  echo "printed $printed, lost $lost"
  # others may have sent something, too
  [ "$lost" -gt 0 ] && [ $((printed + lost)) -ge 440 ]
}

@test "cgnet: the last interval begins where the one before it ended" {
  requires root bpftrace btf cgroup_v2
  [ -e /sys/kernel/tracing/events/sock/sock_send_length ] || skip "needs the tracepoint sock_send_length (Linux 6.3)"
  AT=$V2/$UNIQUE
  make_cgroup "$AT"
  at_exit remove_below "$AT"
  mkdir "$AT/c0.0"
  local id
  id=$(stat -c %i "$AT/c0.0")
  start net "$ROOT/scripts/cgroup/cgnet.bt" 2
  wait_for_event net ready 60
  send_from 0 1
  wait_until 20 grep -q "\"cgroup_id\":$id," "$OUT/net.out"
  send_from 0 1
  stop net INT
  jq -c "select(.type == \"cgroup_net\" and .cgroup_id == $id)" "$OUT/net.out" >"$OUT/uses"
  # it is printed some milliseconds later
  assert_jq "$OUT/uses" 'length == 2 and .[1].ts_us - .[1].interval_us > .[0].ts_us - 100000'
}
