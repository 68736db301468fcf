#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What sctphb recorded on Linux 6.1 with bpftrace 0.17: a healthy association (port 5001, 20 ms) and one that
# /proc/net/sctp/assocs calls ESTABLISHED while everything from its peer is dropped (port 5004).

# shellcheck disable=SC2154 # run --separate-stderr sets stderr
load ../lib/common

@test "a recorded incident: ESTABLISHED against unanswered heartbeats, and check is critical" {
  "$NETVITALS" report rtt --format json --assocs="$FIXTURES/sctp-incident.assocs" "$FIXTURES/sctp-incident.ndjson" >"$OUT/report.json"
  jq -e '.rows | map({key: (.rport | tostring), value: .}) | from_entries |
    .["5001"].verdict == "ok" and .["5001"].sent == .["5001"].acked and .["5001"].p50_ns > 20000000 and
    .["5004"].verdict == "down" and .["5004"].acked < .["5004"].sent' "$OUT/report.json"
  jq -e '.contradictions | length == 1' "$OUT/report.json"
  run -2 --separate-stderr "$NETVITALS" check rtt "$FIXTURES/sctp-incident.ndjson"
}

@test "check rtt --assocs: ESTABLISHED for the kernel, and no heartbeat of it, is critical" {
  local list=$FIXTURES/sctp-incident.assocs healthy=$OUT/healthy
  grep -e '"type":"begin"' -e '"rport":5001' "$FIXTURES/sctp-incident.ndjson" >"$healthy"
  run -0 --separate-stderr "$NETVITALS" check rtt "$healthy"
  run -2 --separate-stderr "$NETVITALS" check rtt --assocs="$list" "$healthy"
  [[ $output == "RTT CRITICAL - 1 paths answer; 1 contradicted: 10.9.1.2:5004 of association 9: the kernel says ESTABLISHED, the heartbeats nothing: "*" contradictions=1" ]]
  run -2 --separate-stderr "$NETVITALS" check rtt --assocs="$list" "$FIXTURES/sctp-incident.ndjson"
  [[ $output == "RTT CRITICAL - 1 of 2 paths: 10.9.1.2:5004 down: "*"; 1 contradicted: 10.9.1.2:5004 of association 9: the kernel says ESTABLISHED, the heartbeats down: "* ]]
  # nobody listened: that is no silence of the path
  run -3 --separate-stderr "$NETVITALS" check rtt --assocs="$list" /dev/null
  run -3 --separate-stderr "$NETVITALS" check rtt --live --assocs="$list" /dev/null
}

@test "--assocs with a list that cannot be read: check does not know, and report fails" {
  local list
  grep -e '"type":"begin"' -e '"rport":5001' "$FIXTURES/sctp-incident.ndjson" >"$OUT/healthy"
  for list in /nonexistent "$OUT" /dev/null; do
    run -3 --separate-stderr "$NETVITALS" check rtt --assocs="$list" "$OUT/healthy"
    [[ $output == "RTT UNKNOWN - cannot read $list: "*"; 1 paths answer"* ]]
    run -1 --separate-stderr "$NETVITALS" report rtt --assocs="$list" "$FIXTURES/sctp-incident.ndjson"
    [[ $stderr == *"cannot read $list: "* && $output == *" down "* ]]
  done
  # what is critical by itself stays so
  run -2 --separate-stderr "$NETVITALS" check rtt --assocs=/nonexistent "$FIXTURES/sctp-incident.ndjson"
  [[ $output == "RTT CRITICAL - cannot read /nonexistent: No such file or directory; 1 of 2 paths: "* ]]
}

# plain: only a script runs
# bats test_tags=plain
@test "an address argument becomes what the kernel holds" {
  address() { echo "$1" | awk -f "$ROOT/scripts/peer_address.awk" -v little=1; }
  assert_equal "$(address 1.2.3.4)" "2 67305985 0 0 0"
  assert_equal "$(address 2001:db8::1)" "10 3087860000 0 0 16777216"
  assert_equal "$(address ::ffff:10.9.0.1)" "2 16779530 0 0 0"
  assert_equal "$(address 1:2:3:4:5:6:7::)" "10 33554688 67109632 100664576 1792"
  local wrong
  for wrong in 1::2::3 1:2:3 12345::1 1.2.3.400 1:2:3:4:5:6:7:8:9 '' :1 1: abc; do
    run -1 address "$wrong"
  done
}

# plain: only a script runs
# bats test_tags=plain
@test "a script's --help is the comment at its top" {
  run -0 "$ROOT/scripts/sctp/sctppath.bt" --help
  [[ ${lines[0]} == "sctppath.bt - "* ]]
}
