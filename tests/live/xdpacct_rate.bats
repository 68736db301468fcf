#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# where: host
# shellcheck disable=SC2154
#
# As many packets as this machine can make, while the flow tables change hands: nothing lost, nothing counted twice.

load ../lib/common
load ../lib/xdpacct

test_setup() {
  requires root netns jq ip ethtool
  cd "$OUT" || return 1
  blast_object=$BUILD/tests/bench/xdp_blast.bpf.o
  (cd "$ROOT" && make -s BUILD="$BUILD" "$blast_object" && tests/build-c plain tests/bench/xdp_blast.c "$BUILD/tests/bench/xdp_blast") >build.log
}

blast() { # PACKETS FLOWS
  ip netns exec "$sender" "$BUILD/tests/bench/xdp_blast" "$blast_object" out "$1" "$2"
}

# Packets that the driver handed to the program.
driver_packets() {
  ip netns exec "$receiver" ethtool -S in | awk '/rx_queue_[0-9]+_xdp_packets/ { sum += $2 } END { print sum }'
}

@test "10 million packets of 1009 flows, taken out every 200 ms" {
  make_pair
  start_xdpacct --interval 200ms --ours 10.0.0.0/8 --drop
  local rounds=0
  while [ "$(driver_packets)" -lt 10000000 ] && [ $((rounds += 1)) -le 20 ]; do
    blast 2000000 1009 >/dev/null
  done
  stop acct
  [ "$status" -eq 0 ]
  conserved acct.out
  local handed
  handed=$(driver_packets)
  [ "$handed" -ge 10000000 ]
  assert_equal "$(total acct.out seen_packets)" "$handed"
  assert_equal "$(total acct.out accounted_packets)" "$((handed - $(total acct.out not_ours_packets) - $(total acct.out non_ip_packets)))"
  [ "$(grep -c traffic_totals acct.out)" -ge 5 ]
}

@test "more flows than there is room for: the rest is overflow, to the packet" {
  make_pair
  start_xdpacct --interval 1h --ours 10.0.0.0/8 --drop --max-flows 1000
  blast 1000000 50021 >/dev/null
  stop acct
  conserved acct.out
  [ "$(total acct.out overflow_packets)" -gt 100000 ]
  assert_equal "$(total acct.out seen_packets)" "$(driver_packets)"
}

@test "flows of two CPUs that do not fit into the tables, taken out all the time: every interval adds up" {
  make_pair
  start_xdpacct --interval 100ms --by peer --ours 10.0.0.0/8 --drop --max-flows 4000
  local round
  for round in 1 2 3 4 5 6; do # a quick machine takes few intervals for each
    start "other$round" blast 1000000 20011
    blast 1000000 20011 >/dev/null
    wait "${PIDS[other$round]}"
  done
  stop acct
  [ "$status" -eq 0 ]
  conserved acct.out
  assert_equal "$(total acct.out seen_packets)" "$(driver_packets)"
  [ "$(total acct.out flows_spilled)" -gt 10000 ]
}

@test "a million flows fit into 256 MiB" {
  make_pair
  start_xdpacct --interval 1h --by peer --ours 10.0.0.0/8 --drop --max-flows 1048576
  local pid=${PIDS[acct]} bytes
  bytes=$(awk '/^memlock:/ { memory = $2 } /^map_id:/ { of[$2] = memory } END { for (id in of) sum += of[id]; print sum }' /proc/"$pid"/fdinfo/*)
  [ "$bytes" -le $((256 << 20)) ]
  blast 2000000 1000000 >/dev/null
  stop acct
  conserved acct.out
  assert_equal "$(total acct.out seen_packets)" "$(driver_packets)"
  assert_equal "$(total acct.out overflow_packets)" 0
  [ "$(total acct.out flows)" -gt 800000 ]
}

# Packets that a program told the driver to drop.
driver_drops() {
  ip netns exec "$receiver" ethtool -S in | awk '/rx_queue_[0-9]+_xdp_drops/ { sum += $2 } END { print sum }'
}

@test "stopped in the middle of traffic: what it dropped is what it tells" {
  make_pair
  start blast blast_on
  for _ in 1 2 3 4 5; do
    local before
    before=$(driver_drops)
    start_xdpacct --interval 1h --ours 10.0.0.0/8 --drop
    wait_until 30 drops_go_on "$before"
    stop acct
    [ "$status" -eq 0 ]
    conserved acct.out
    assert_equal "$(total acct.out seen_packets)" "$(($(driver_drops) - before))"
  done
  kill -0 "${PIDS[blast]}" # there was traffic all the time
}

drops_go_on() { [ "$(driver_drops)" -gt "$1" ]; }

blast_on() { while :; do blast 1000000 1009 || return; done; }
