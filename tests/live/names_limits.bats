#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# where: host
# shellcheck disable=SC2154 # xdpacct.bash sets the namespaces
#
# What xdpacct --names leaves out, it counts: more of one subscriber than it looks at in a second, a reader that is
# too slow.

load ../lib/common
load ../lib/xdpacct

test_setup() {
  requires root netns jq python3
  cd "$OUT" || return 1
}

make_hellos() { "$ROOT/tests/lib/make-hellos" "$@"; }

@test "2000 copies of a subscriber in a second: the rest is counted, others are not kept out" {
  make_hellos greedy.pcap 2500 1
  make_hellos two.pcap 2 2
  # 10.0.0.1's hello is the last packet, in the same second
  { cat greedy.pcap; tail -c +25 two.pcap | python3 -c '
import struct, sys
data = sys.stdin.buffer.read()
length = struct.unpack_from("<I", data, 8)[0]
sys.stdout.buffer.write(data[16 + length:])'; } >both.pcap
  "$xdpacct" --read both.pcap --ours 10.0.0.0/8 --names all >events
  conserved events
  assert_jq events 'map(select(.type == "names_totals")) | (map(.copies_over_limit) | add) == 500 and (map(.copies) | add) == 2001'
  assert_jq events 'map(select(.type == "flow" and .name)) | length == 2001 and (map(select(.sub == "10.0.0.1")) | length == 1)'
  # bytes count all the same
  assert_jq events 'map(select(.type == "flow" and .sub == "10.0.0.0") | .packets_up) | add == 2500'
  "$NETVITALS" report traffic events --format json >summary
  assert_jq summary '.[0].rows | map(.packets_up) | add == 2501'
}

@test "a ring buffer that nobody empties: copies are lost, and said to be; packets are not" {
  requires tcpreplay
  make_pair
  make_hellos many.pcap 6000 6 0 1200
  start_xdpacct --ours 10.0.0.0/8 --names all --interval 1s
  kill -STOP "${PIDS[acct]}"
  ip netns exec "$sender" tcpreplay -q -t -i out many.pcap >replay.log 2>&1
  kill -CONT "${PIDS[acct]}"
  wait_until 20 has_event acct lost
  stop acct
  assert_equal "$status" 0
  conserved acct.out
  assert_equal "$(flows acct.out packets_up '.peer == "203.0.113.1"')" 6000
  local lost told
  lost=$(jq -s 'map(select(.type == "lost" and .where == "copies of packets with names") | .events) | add' acct.out)
  told=$(jq -s 'map(select(.type == "names_totals") | .copies + .copies_over_limit) | add' acct.out)
  [ "$lost" -gt 0 ]
  assert_equal "$((lost + told))" 6000
  # the report tells of it as well
  "$NETVITALS" report traffic acct.out --format json >summary
  assert_jq summary '.[0].loss.events_lost > 0'
}
