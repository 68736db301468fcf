#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# where: host lab
# shellcheck disable=SC2154
#
# xdpacct --read: the XDP program over captures. No interface is needed; every count is known beforehand.

load ../lib/common
load ../lib/xdpacct

test_setup() {
  requires root python3 jq
  cd "$OUT" || return 1
}

@test "every encapsulation is opened and counts its innermost IP bytes" {
  python3 "$frames" encaps encaps.pcap
  python3 "$frames" list expected
  "$xdpacct" --read encaps.pcap >out
  conserved out
  [ "$(total out seen_packets)" -eq "$(wc -l <expected)" ]
  [ "$(total out accounted_packets)" -eq "$(wc -l <expected)" ]
  local tunnels sum count
  while read -r tunnels sum count; do
    [ "$tunnels" != - ] || tunnels=
    run -0 flows out bytes_up "(.encap // \"\") == \"$tunnels\""
    [ "$output" -eq "$sum" ]
    run -0 flows out packets_up "(.encap // \"\") == \"$tunnels\""
    [ "$output" -eq "$count" ]
  done < <(awk '{ bytes[$2] += $3; count[$2]++ } END { for (t in bytes) print t, bytes[t], count[t] }' expected)
  [ "$(flows out bytes_down)" -eq 0 ] # without --ours everything is its source's
}

# bats test_tags=host
@test "tshark finds the same innermost bytes in every encapsulation, and in what curl and its like sent" {
  requires tshark
  python3 "$frames" encaps encaps.pcap
  cp "$ROOT/tests/fixtures/names.pcap" .
  local capture
  for capture in encaps names; do
    "$xdpacct" --read $capture.pcap >out
    assert_equal "$(total out accounted_bytes)" "$(tshark_innermost $capture.pcap)"
  done
}

@test "later packets of a flow count as its first one did" {
  python3 "$frames" encaps once.pcap
  python3 "$frames" again again.pcap
  local options
  for options in "" "--ours 10.128.0.0/9,2001:db8:128::/48" "--bytes wire" "--by subscriber" "--by peer"; do
    # shellcheck disable=SC2086 # words
    "$xdpacct" --read once.pcap --interval 1h $options >once
    # shellcheck disable=SC2086
    "$xdpacct" --read again.pcap --interval 1h $options >again
    conserved again
    flow_sums once 3 >expected
    flow_sums again 1 >actual
    [ -s expected ]
    cmp expected actual
    assert_equal "$(total again local_bytes)" $((3 * $(total once local_bytes)))
  done
}

# What each flow counted, FACTOR times.
flow_sums() { # FILE FACTOR
  jq -c --argjson n "$2" 'select(.type == "flow") | del(.ts_us, .iface, .interval_us) |
    .bytes_up *= $n | .bytes_down *= $n | .packets_up *= $n | .packets_down *= $n' "$1" | sort
}

# bats test_tags=host
@test "captures of other link types, and pcapng, count the same as tshark reads" {
  requires tshark editcap
  python3 "$frames" encaps encaps.pcap
  editcap -F pcapng encaps.pcap encaps.pcapng
  local link packets=32 # all but the two with VLAN tags
  for link in raw null sll sll2; do
    [[ $link != sll* ]] || packets=64
    python3 "$frames" link $link $link.pcap
    "$xdpacct" --read $link.pcap >out
    conserved out
    assert_equal "$(total out accounted_packets)" $packets
    assert_equal "$(total out accounted_bytes)" "$(tshark_innermost $link.pcap)"
  done
  "$xdpacct" --read encaps.pcapng >out
  conserved out
  [ "$(total out accounted_packets)" -eq 34 ]
  assert_equal "$(total out accounted_bytes)" "$(tshark_innermost encaps.pcapng)"
}

# bats test_tags=host
@test "packets of all sizes, padded, and cut by a snapshot length, count as tshark reads them" {
  requires tshark
  python3 "$frames" sizes sizes.pcap
  "$xdpacct" --read sizes.pcap >out
  conserved out
  assert_equal "$(total out accounted_packets)" 48
  assert_equal "$(total out accounted_bytes)" "$(tshark_innermost sizes.pcap)"
  assert_equal "$(total out truncated_packets)" 0 # they were whole on the wire
}

@test "a packet cut at each byte offset is counted, and never as something else" {
  python3 "$frames" cuts cuts.pcap
  python3 "$frames" encaps whole.pcap
  "$xdpacct" --read cuts.pcap >out
  "$xdpacct" --encap none --read whole.pcap >outer
  "$xdpacct" --read whole.pcap >inner
  conserved out
  [ "$(total out seen_packets)" -eq "$(total out accounted_packets)" ] && return 1
  # What is accounted has the addresses, protocols and sizes of packets that were really there.
  jq -cs 'map(select(.type == "flow") | [.sub, .peer, .proto]) | unique[]' outer inner | sort -u >real
  jq -cs 'map(select(.type == "flow") | [.sub, .peer, .proto]) | unique[]' out | sort -u >seen
  [ -s seen ]
  [ -z "$(comm -13 real seen)" ]
  # nobody has more bytes a packet than the largest real packet
  jq -es 'map(select(.type == "flow")) | all(.bytes_up <= .packets_up * 137)' out >/dev/null
}

@test "what is not a tunnel that we know is counted as it is outside" {
  python3 "$frames" strange strange.pcap
  "$xdpacct" --read strange.pcap >out
  conserved out
  [ "$(total out seen_packets)" -eq 11 ]
  [ "$(total out non_ip_packets)" -eq 2 ]
  [ "$(total out accounted_packets)" -eq 9 ]
  [ "$(flows out packets_up '.encap == null and .sub == "100.64.0.1"')" -eq 8 ]
  # three levels: the third is left closed
  [ "$(flows out packets_up '.encap == "gre,gre" and .proto == 47')" -eq 1 ]
}

# What tshark reads in a capture, with or without its tunnels opened, is what the totals say.
counts_as_tshark() { # OUT FILE [TSHARK-OPTION...]
  local out=$1 expected
  shift
  conserved "$out"
  expected=$(tshark_sums "$@" | jq -c '[.ip.packets, .ip.bytes, .other.packets, .other.bytes]')
  assert_equal "[$(total "$out" accounted_packets),$(total "$out" accounted_bytes),$(total "$out" non_ip_packets),$(total "$out" non_ip_bytes)]" \
    "$expected"
}

# bats test_tags=host
@test "ARP and the like in a tunnel's Ethernet frame are non_ip, as whole frames; with --encap none the tunnel counts" {
  requires tshark editcap
  python3 "$frames" non-ip whole.pcap
  "$xdpacct" --read whole.pcap >out
  assert_equal "$(total out non_ip_packets)" 70 # 7 kinds, plain and in 9 tunnels
  counts_as_tshark out whole.pcap
  editcap -C -4 whole.pcap cut.pcap # the same lengths on the wire
  "$xdpacct" --read cut.pcap >cut.out
  conserved cut.out
  assert_equal "$(total cut.out non_ip_bytes)" "$(total out non_ip_bytes)"
  assert_equal "$(total cut.out accounted_bytes)" "$(total out accounted_bytes)"
  # they are nobody's, also if the tunnel's ends are the subscribers
  "$xdpacct" --ours 100.64.0.0/24 --read whole.pcap >ours
  conserved ours
  assert_equal "$(total ours non_ip_bytes)" "$(total out non_ip_bytes)"
  assert_equal "$(total ours accounted_packets)" 2 # ARP right behind a GRE or GENEVE header is not opened
  # closed tunnels count with all that is in them, for their ends
  "$xdpacct" --encap none --read whole.pcap >closed
  assert_equal "$(total closed non_ip_packets)" 7
  counts_as_tshark closed whole.pcap --disable-protocol vxlan --disable-protocol geneve --disable-protocol gre
  "$xdpacct" --outer-src 192.0.2.1 --read whole.pcap >rejected
  conserved rejected
  assert_equal "$(total rejected non_ip_packets)" 7
  assert_equal "$(total rejected rejected_outer_packets)" 81
}

@test "later pieces of a packet count for its flow, later pieces of a tunnel packet count apart" {
  python3 "$frames" fragments fragments.pcap
  "$xdpacct" --read fragments.pcap >out
  conserved out
  [ "$(total out outer_fragments_packets)" -eq 2 ]
  # 3 pieces each of an IPv4, an IPv6 and a tunnelled IPv4 packet, all with the ports of their first piece
  [ "$(flows out packets_up '.peer_port == 443 and .proto == 17')" -eq 9 ]
  [ "$(flows out packets_up '.peer_port == 0')" -eq 0 ]
  # a tunnel packet in pieces counts its inner length once
  [ "$(flows out bytes_up '.proto == 6 and .encap == "gre"')" -eq 1480 ]
  [ "$(flows out bytes_up '.proto == 6 and .encap == "vxlan"')" -eq 1480 ]
  [ "$(total out truncated_packets)" -eq 0 ]
}

@test "direction comes from --ours, not from who spoke first" {
  python3 "$frames" encaps encaps.pcap
  "$xdpacct" --ours 203.0.113.0/24,2001:db8:ffff::/48 --read encaps.pcap >out
  conserved out
  [ "$(flows out packets_down '.proto == 6 and .encap == null and .sub == "203.0.113.9"')" -gt 0 ]
  [ "$(flows out bytes_up '.sub_port == 443')" -eq 43 ] # the one packet from there
  [ "$(total out local_packets)" -eq 0 ]
  "$xdpacct" --ours 192.0.2.0/24 --read encaps.pcap >none
  conserved none
  [ "$(total none not_ours_packets)" -eq 34 ]
  [ "$(total none accounted_packets)" -eq 0 ]
}

@test "a long list of prefixes decides the same as a short one" {
  python3 "$frames" encaps encaps.pcap
  "$xdpacct" --ours 10.128.0.0/9,2001:db8:128::/48 --read encaps.pcap | grep '"flow"' | sort >short
  "$xdpacct" --ours 10.128.0.0/9,2001:db8:128::/48,192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.4/31,fd00::/8 \
    --read encaps.pcap | grep '"flow"' | sort >long
  [ -s short ]
  cmp short long
}

@test "tunnels from elsewhere than --outer-src are rejected, not counted" {
  python3 "$frames" encaps encaps.pcap
  "$xdpacct" --outer-src 192.0.2.0/24 --read encaps.pcap >out
  conserved out
  [ "$(total out rejected_outer_packets)" -eq 22 ]
  "$xdpacct" --outer-src 100.64.0.1,2001:db8:128::/48 --read encaps.pcap >out
  [ "$(total out rejected_outer_packets)" -eq 0 ]
}

# Packets with each sequence of tunnels that are counted in flows, like `gre:2 vxlan:1`.
tunnels_in_flows() { # FILE
  jq -rs 'map(select(.type == "flow" and .encap)) | group_by(.encap) | map("\(.[0].encap):\(map(.packets_up) | add)") | join(" ")' "$1"
}

# bats test_tags=host
@test "tunnels with other ids than --tunnel-id names are rejected, not counted; one without an id has none of them" {
  python3 "$frames" encaps encaps.pcap
  local ids expected counted=0
  # what make them has VNI 99 in VXLAN, 5 in GENEVE, key 42 in one GRE packet, session 100 in ERSPAN II and III; it is the
  # outermost tunnel that counts
  while IFS=: read -r ids expected; do
    "$xdpacct" --tunnel-id "$ids" --read encaps.pcap >out
    conserved out
    assert_equal "$(tunnels_in_flows out)" "$expected"
    counted=$(jq -s 'map(select(.type == "flow" and .encap) | .packets_up) | add // 0' out)
    assert_equal "$(total out rejected_outer_packets)" $((22 - counted))
    assert_equal "$(flows out packets_up '.encap == null')" 12
  done <<'LINES'
99:vxlan:2 vxlan,gre:1
0x63:vxlan:2 vxlan,gre:1
42:gre:1
0X2A,5:geneve:2 geneve,vxlan:1 gre:1
100:erspan:3
0:
4294967295:
LINES
  # all of a list, given in one and in several; a source that --outer-src does not name stays out
  "$xdpacct" --tunnel-id 1,2,3,4,6,7,8,99 --tunnel-id 42 --read encaps.pcap >out
  assert_equal "$(tunnels_in_flows out)" "gre:1 vxlan:2 vxlan,gre:1"
  "$xdpacct" --tunnel-id 99 --outer-src 192.0.2.0/24 --read encaps.pcap >out
  assert_equal "$(total out rejected_outer_packets)" 22
  local wrong
  for wrong in "" x 0x 010x -1 1,,2 4294967296 0x1ffffffff; do
    run -2 --separate-stderr "$xdpacct" --tunnel-id "$wrong" --read encaps.pcap
    [[ $stderr == *"--tunnel-id: '"*"' is no number"* ]]
  done
}

# bats test_tags=host
@test "copies of the same packets in several tunnels: --tunnel-id counts those of one, to the byte" {
  python3 "$frames" copies copies.pcap 500
  local id encap bytes=0 i
  for ((i = 0; i < 500; i++)); do bytes=$((bytes + 28 + i * 37 % 1300)); done
  "$xdpacct" --read copies.pcap --ours 10.128.0.0/9 >out
  assert_equal "$(total out accounted_bytes)" $((4 * bytes)) # without it they count as often as they come
  for id in 7 8 1 2147483650; do
    encap=gre
    [ "${#id}" -gt 1 ] || [ "$id" -lt 7 ] || encap=vxlan
    "$xdpacct" --read copies.pcap --ours 10.128.0.0/9 --tunnel-id "$id" >out
    conserved out
    assert_equal "$(tunnels_in_flows out)" "$encap:500"
    assert_equal "$(flows out bytes_up)" "$bytes"
    assert_equal "$(total out rejected_outer_packets)" 1500
  done
  # the rejected ones count with what they are outside
  "$xdpacct" --read copies.pcap --ours 10.128.0.0/9 --tunnel-id 9 >out
  conserved out
  assert_equal "$(total out rejected_outer_packets)" 2000
}

# bats test_tags=host
@test "--tunnel-id and packets that are cut, or come in pieces" {
  python3 "$frames" cuts cuts.pcap
  "$xdpacct" --tunnel-id 99,42,100 --read cuts.pcap >out
  conserved out
  [ "$(total out rejected_outer_packets)" -gt 0 ]
  [ "$(flows out packets_up '.encap == "erspan"')" -gt 0 ]
  python3 "$frames" fragments fragments.pcap
  "$xdpacct" --tunnel-id 99 --read fragments.pcap >out
  conserved out
  # VXLAN's pieces are its own; of GRE, which has no key, the first piece and whole ones are rejected
  assert_equal "$(flows out bytes_up '.encap == "vxlan"')" 1480
  assert_equal "$(flows out packets_up '.encap == "gre"')" 0
  assert_equal "$(total out rejected_outer_packets)" 4
  assert_equal "$(total out outer_fragments_packets)" 2
}

@test "--encap opens only what it names" {
  python3 "$frames" encaps encaps.pcap
  "$xdpacct" --encap gre --read encaps.pcap >out
  conserved out
  run -0 jq -r 'select(.type == "flow") | .encap // empty' out
  [ "$(sort -u <<<"$output")" = gre ]
  "$xdpacct" --encap vxlan:8472 --read encaps.pcap >out
  [ "$(flows out packets_up '.encap != null')" -eq 0 ]
  run -2 --separate-stderr "$xdpacct" --encap vxlan:0 --read encaps.pcap
  [[ $stderr == *"--encap: 'vxlan:0' will not do"* ]]
}

@test "--by subscriber and --by peer leave the rest out and lose nothing" {
  python3 "$frames" encaps encaps.pcap
  local by
  for by in subscriber peer; do
    "$xdpacct" --by $by --ours 10.128.0.0/9,2001:db8::/32 --read encaps.pcap >out
    conserved out
    jq -es 'map(select(.type == "flow")) | length > 0 and all(has("proto") or has("peer_port") | not)' out >/dev/null
  done
  jq -es 'map(select(.type == "flow")) | all(has("peer"))' out >/dev/null
  "$xdpacct" --by subscriber --read encaps.pcap | jq -es 'map(select(.type == "flow")) | all(has("peer") | not)' >/dev/null
}

@test "--bytes wire counts frames" {
  python3 "$frames" encaps encaps.pcap
  "$xdpacct" --bytes wire --read encaps.pcap >out
  conserved out
  assert_jq out 'map(select(.type == "traffic_totals").bytes) | unique == ["wire"]'
  "$xdpacct" --read encaps.pcap >ip
  assert_jq ip 'map(select(.type == "traffic_totals").bytes) | unique == ["ip"]'
  # a capture is a 24-byte header and 16 bytes before each frame
  [ "$(total out seen_bytes)" -eq $(($(stat -c %s encaps.pcap) - 24 - 34 * 16)) ]
}

@test "200003 flows fit, each counted once; a small table overflows and says so" {
  python3 "$frames" flows flows.pcap 200003
  "$xdpacct" --ours 10.128.0.0/9 --read flows.pcap --interval 1h >out
  conserved out
  [ "$(total out accounted_packets)" -eq 200003 ]
  [ "$(total out flows)" -eq 200003 ]
  "$xdpacct" --ours 10.128.0.0/9 --read flows.pcap --interval 1h --max-flows 1000 >out
  conserved out
  [ "$(total out overflow_packets)" -gt 190000 ]
  [ "$(total out seen_packets)" -eq 200003 ]
}

@test "50021 IPv6 flows of as many subscribers" {
  python3 "$frames" flows flows.pcap 50021 6
  "$xdpacct" --ours 2001:db8::/32 --v6-bits 128 --read flows.pcap --interval 1h >out
  conserved out
  [ "$(total out flows)" -eq 50021 ]
  "$xdpacct" --ours 2001:db8::/32 --by subscriber --read flows.pcap --interval 1h >out
  conserved out
  [ "$(total out flows)" -eq 196 ] # /64s
}

@test "intervals add up, and reading again gives the same lines" {
  python3 "$frames" cuts cuts.pcap # 3.1 s
  "$xdpacct" --read cuts.pcap --interval 500ms >some
  "$xdpacct" --read cuts.pcap --interval 1h >one
  conserved some
  [ "$(grep -c traffic_totals some)" -eq 7 ]
  [ "$(total some seen_bytes)" -eq "$(total one seen_bytes)" ]
  [ "$(total some accounted_bytes)" -eq "$(total one accounted_bytes)" ]
  "$xdpacct" --read cuts.pcap --interval 500ms | cmp - some
  # flows in the spill map among them
  python3 "$frames" flows few.pcap 3000
  "$xdpacct" --read few.pcap --ours 10.128.0.0/9 --max-flows 1000 >few
  [ "$(total few flows_spilled)" -gt 100 ]
  "$xdpacct" --read few.pcap --ours 10.128.0.0/9 --max-flows 1000 | cmp - few
}

@test "a capture that is cut short is accounted up to there, and says so" {
  python3 "$frames" encaps encaps.pcap
  head -c 1000 encaps.pcap >short.pcap
  run -1 --separate-stderr "$xdpacct" --read short.pcap
  [[ $stderr == *"short.pcap: "*"what came before is accounted"* ]]
  [[ $output == *traffic_totals* ]]
  run -1 --separate-stderr "$xdpacct" --read nothing.pcap
  [[ $stderr == *"cannot read nothing.pcap"* ]]
}

@test "a reader that does not read does not keep it from stopping" {
  python3 "$frames" flows flows.pcap 500
  mkfifo events
  start reader "$ROOT/tests/lib/stuck-reader" events
  # shellcheck disable=SC2016 # the inner shell expands
  start acct sh -c 'exec "$@" >"$0"' events "$xdpacct" --read flows.pcap
  wait_until 20 has_output reader.out
  kill -TERM "${PIDS[acct]}"
  wait_until 20 is_gone acct
  stop acct KILL
  assert_equal "$status" 1
  grep -q 'whoever should read stdout does not: [1-9][0-9]* lines are lost' acct.err
  stop reader KILL # and with it what is left in the pipe
  # it waits for one that only is slow
  start slow sh -c 'exec <events; sleep 3; exec cat'
  "$xdpacct" --read flows.pcap >events
  wait "${PIDS[slow]}"
  assert_equal "$(grep -c '"type":"flow"' slow.out)" 500
  assert_jq slow.out '.[-1].type == "end"'
}
