#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# where: host lab
# shellcheck disable=SC2154
#
# xdpacct on an interface: packets of real tools, compared with the sender's counters and with tshark.

load ../lib/common
load ../lib/xdpacct

test_setup() {
  requires root netns python3 jq ip
  cd "$OUT" || return 1
}

# Sends through a tunnel device of the sender and compares what xdpacct counts in it with what the device
# says it sent, to the byte: the kernel counts a tunnel's inner IP packets without their Ethernet header.
check_tunnel() { # NAME-IN-EVENTS ADDRESS
  start_xdpacct --interval 200ms
  local bytes packets before_bytes before_packets
  read -r before_packets before_bytes <<<"$(sent tunnel)"
  send_datagrams "$2" 499
  read -r packets bytes <<<"$(sent tunnel)"
  bytes=$((bytes - before_bytes)) packets=$((packets - before_packets))
  [ "$packets" -ge 499 ]
  stop acct
  [ "$status" -eq 0 ]
  conserved acct.out
  assert_equal "$(flows acct.out packets_up ".encap == \"$1\"")" "$packets"
  assert_equal "$(flows acct.out bytes_up ".encap == \"$1\"")" "$bytes"
}

add_tunnel() { # ARGUMENT...: of ip link add tunnel
  printf '%s\n' "link add tunnel $*" "addr add 10.128.0.7/24 dev tunnel" "link set tunnel up" | ip -n "$sender" -batch -
  # nobody answers inside: the neighbour is told
  ip -n "$sender" neigh replace 10.128.0.8 lladdr 02:00:00:00:00:08 dev tunnel nud permanent 2>/dev/null || true
}

# Two tunnels of the sender, from 10.128.0.7 and from 10.129.0.7: what --tunnel-id names of them is counted, to the byte, and
# the rest is rejected, to the packet.
check_two_ids() { # ID1 ID2 NAME-IN-EVENTS ARGUMENT...: of ip link add, with @ for the id
  local id1=$1 id2=$2 encap=$3
  shift 3
  printf '%s\n' "link add name tunnel1 ${*//@/$id1}" "link add name tunnel2 ${*//@/$id2}" \
    "addr add 10.128.0.7/24 dev tunnel1" "addr add 10.129.0.7/24 dev tunnel2" "link set tunnel1 up" "link set tunnel2 up" | ip -n "$sender" -batch -
  ip -n "$sender" neigh replace 10.128.0.8 lladdr 02:00:00:00:00:08 dev tunnel1 nud permanent 2>/dev/null || true
  ip -n "$sender" neigh replace 10.129.0.8 lladdr 02:00:00:00:00:08 dev tunnel2 nud permanent 2>/dev/null || true
  start_xdpacct --interval 200ms --tunnel-id "$id2"
  local packets1 packets2 bytes2 before1 before2 before_bytes
  read -r before1 _ <<<"$(sent tunnel1)"
  read -r before2 before_bytes <<<"$(sent tunnel2)"
  send_datagrams 10.128.0.8 101
  send_datagrams 10.129.0.8 67
  read -r packets1 _ <<<"$(sent tunnel1)"
  read -r packets2 bytes2 <<<"$(sent tunnel2)"
  [ $((packets1 - before1)) -ge 101 ]
  [ $((packets2 - before2)) -ge 67 ]
  stop acct
  [ "$status" -eq 0 ]
  conserved acct.out
  assert_equal "$(flows acct.out packets_up ".encap == \"$encap\"")" $((packets2 - before2))
  assert_equal "$(flows acct.out bytes_up ".encap == \"$encap\"")" $((bytes2 - before_bytes))
  assert_equal "$(total acct.out rejected_outer_packets)" $((packets1 - before1))
}

# Datagrams that reached the receiver's UDP, where nobody listens.
# shellcheck disable=SC2016 # the words of ip netns exec are not quoted text
no_port_took() { # COUNT
  [ "$(ip netns exec "$receiver" awk '/^Udp: [0-9]/ { print $3 }' /proc/net/snmp)" -ge "$1" ]
}

@test "VXLAN as iproute2's device makes it" {
  requires vxlan
  make_pair
  add_tunnel type vxlan id 99 remote 10.9.0.2 dstport 4789 dev out
  check_tunnel vxlan 10.128.0.8
}

@test "VXLAN on another port is opened if --encap says so" {
  requires vxlan
  make_pair
  add_tunnel type vxlan id 99 remote 10.9.0.2 dstport 8472 dev out
  start_xdpacct --interval 200ms --encap vxlan:8472
  local before after
  before=$(sent tunnel)
  send_datagrams 10.128.0.8 101
  after=$(sent tunnel)
  stop acct
  assert_equal "$(flows acct.out packets_up '.encap == "vxlan"')" $((${after% *} - ${before% *}))
}

@test "GRE with key, sequence and checksum" {
  requires gre
  make_pair
  add_tunnel type gre local 10.9.0.1 remote 10.9.0.2 key 42 seq csum
  check_tunnel gre 10.128.0.8
}

@test "GRE with Ethernet inside" {
  requires gretap
  make_pair
  add_tunnel type gretap local 10.9.0.1 remote 10.9.0.2
  check_tunnel gre 10.128.0.8
}

@test "ERSPAN II" {
  requires erspan
  make_pair
  add_tunnel type erspan seq key 1 local 10.9.0.1 remote 10.9.0.2 erspan_ver 1 erspan 1
  check_tunnel erspan 10.128.0.8
}

@test "ERSPAN III" {
  requires erspan
  make_pair
  add_tunnel type erspan seq key 1 local 10.9.0.1 remote 10.9.0.2 erspan_ver 2 erspan_dir ingress erspan_hwid 4
  check_tunnel erspan 10.128.0.8
}

@test "GENEVE" {
  requires geneve
  make_pair
  add_tunnel type geneve id 5 remote 10.9.0.2
  check_tunnel geneve 10.128.0.8
}

@test "IP in IP" {
  requires ipip
  make_pair
  add_tunnel type ipip local 10.9.0.1 remote 10.9.0.2
  check_tunnel ipip 10.128.0.8
}

@test "VLAN tags" {
  requires vlan
  make_pair
  ip -n "$sender" link add link out name tunnel type vlan id 5
  ip -n "$sender" addr add 10.128.0.7/24 dev tunnel
  ip -n "$sender" link set tunnel up
  ip -n "$sender" neigh replace 10.128.0.8 lladdr 02:00:00:00:00:08 dev tunnel nud permanent
  # the tag is in the frame, not beside it, as it is on a wire
  ip netns exec "$sender" ethtool -K out txvlan off >/dev/null
  start_xdpacct --interval 200ms --ours 10.128.0.0/9
  send_datagrams 10.128.0.8 101
  stop acct
  conserved acct.out
  assert_equal "$(flows acct.out packets_up '.proto == 17')" 101
}

# bats test_tags=host
@test "what tcpreplay sends is what tshark reads, in every encapsulation" {
  requires tcpreplay tshark
  make_pair
  python3 "$frames" encaps encaps.pcap
  python3 "$frames" fragments fragments.pcap
  python3 "$frames" non-ip non-ip.pcap
  start_xdpacct --interval 200ms --ours 10.128.0.0/9,2001:db8:128::/48
  ip netns exec "$sender" tcpreplay -q -i out encaps.pcap fragments.pcap non-ip.pcap >replay.log
  stop acct
  conserved acct.out
  "$xdpacct" --ours 10.128.0.0/9,2001:db8:128::/48 --read encaps.pcap >read.out
  assert_equal "$(total read.out accounted_bytes)" "$(tshark_innermost encaps.pcap)"
  "$xdpacct" --ours 10.128.0.0/9,2001:db8:128::/48 --read fragments.pcap >>read.out
  "$xdpacct" --ours 10.128.0.0/9,2001:db8:128::/48 --read non-ip.pcap >>read.out
  local key
  for key in seen accounted outer_fragments bad_header not_ours non_ip; do
    assert_equal "$(total acct.out ${key}_packets)" "$(total read.out ${key}_packets)"
    assert_equal "$(total acct.out ${key}_bytes)" "$(total read.out ${key}_bytes)"
  done
}

@test "frames of 8000 bytes: an xdp.frags program, counted whole" {
  make_pair mtu 9000
  ip -n "$sender" link set out mtu 9000
  start_xdpacct --interval 200ms --bytes wire
  ip netns exec "$sender" ping -q -c 7 -i 0.01 -s 8000 10.9.0.2 >/dev/null
  stop acct
  [ "$status" -eq 0 ]
  conserved acct.out
  assert_jq acct.out 'map(select(.type == "traffic_totals").bytes) | unique == ["wire"]'
  assert_equal "$(flows acct.out packets_up '.proto == 1 and .sub == "10.9.0.1"')" 7
  assert_equal "$(flows acct.out bytes_up '.proto == 1 and .sub == "10.9.0.1"')" $((7 * (14 + 20 + 8 + 8000)))
  assert_equal "$(jq -s 'map(select(.type == "begin"))[0].mode' acct.out)" '"native"'
}

@test "--drop: counted, and gone" {
  make_pair
  ip netns exec "$sender" ping -q -c 1 -W 2 10.9.0.2 >/dev/null
  start_xdpacct --drop --interval 200ms
  run ip netns exec "$sender" ping -q -c 3 -i 0.05 -W 1 10.9.0.2
  [ "$status" -ne 0 ]
  stop acct
  assert_equal "$(flows acct.out packets_up '.proto == 1')" 3
  ip netns exec "$sender" ping -q -c 1 -W 2 10.9.0.2 >/dev/null
}

@test "--drop is refused where the host's own default route leaves" {
  make_pair
  ip -n "$receiver" route add default via 10.9.0.1
  run -2 --separate-stderr timeout 60 ip netns exec "$receiver" "$xdpacct" -i in --drop
  [[ $stderr == *"--drop refused: the default route of this host leaves by in"* ]]
  start_xdpacct --drop --force
  stop acct
  [ "$status" -eq 0 ]
}

@test "--drop is refused below a bridge, bond, VLAN or the like, by which the host may talk" {
  requires bridge
  make_pair
  ip -n "$receiver" link add above type bridge
  ip -n "$receiver" link set in master above
  run -2 --separate-stderr timeout 60 ip netns exec "$receiver" "$xdpacct" -i in --drop
  [[ $stderr == *"--drop refused: a bridge, bond, VLAN or the like stands on in"* ]]
}

@test "generic mode counts the same, and every record says which mode it was" {
  make_pair
  start_xdpacct --mode generic --interval 200ms --names all
  send_datagrams 10.9.0.2 101
  # a program in generic mode sees a packet when its CPU takes it from the backlog, just before IP does
  wait_until 20 no_port_took 101
  stop acct
  conserved acct.out
  assert_equal "$(flows acct.out packets_up '.proto == 17')" 101
  assert_jq acct.out 'map(select(.type == "flow" or .type == "traffic_totals" or .type == "begin" or .type == "names_totals")) |
    all(.mode == "generic")'
}

@test "auto falls back to generic mode, loudly" {
  make_pair
  ip -n "$receiver" link add up0 type bridge 2>/dev/null || skip "needs bridge"
  ip -n "$receiver" link set up0 up
  start acct ip netns exec "$receiver" "$xdpacct" -i up0
  wait_for_event acct ready
  assert_equal "$(jq -rs '.[0].mode' acct.out)" generic
  grep -q "warning: up0 takes no native XDP" acct.err
  grep -q "warning: counting in generic mode" acct.err
  stop acct
}

# No capabilities, no way to get any, system calls filtered.
gave_up_privileges() { # PID
  assert_equal "$(awk '/^CapEff|^CapBnd|^NoNewPrivs|^Seccomp:/ { print $1, $2 }' "/proc/$1/status" | sort | xargs)" \
    "CapBnd: 0000000000000000 CapEff: 0000000000000000 NoNewPrivs: 1 Seccomp: 2"
}

@test "after attaching no capability is left, and system calls are filtered" {
  make_pair
  start_xdpacct
  gave_up_privileges "${PIDS[acct]}"
  stop acct
  [ "$status" -eq 0 ]
}

@test "SIGKILL leaves nothing attached, and not promiscuous" {
  make_pair
  start_xdpacct --promisc
  [[ $(ip -n "$receiver" -d link show in) == *prog/xdp* ]]
  [[ $(ip -n "$receiver" -d link show in) == *"promiscuity 1"* ]]
  stop acct KILL
  [[ $(ip -n "$receiver" -d link show in) != *prog/xdp* ]]
  [[ $(ip -n "$receiver" -d link show in) == *"promiscuity 0"* ]]
}

@test "a reader that goes away ends it quietly" {
  make_pair
  run --separate-stderr timeout 60 bash -c "set -o pipefail; ip netns exec $receiver $xdpacct -i in --interval 100ms | head -n 1"
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
}

@test "down, up, MTU and a new name are told while it counts on" {
  make_pair
  start_xdpacct --interval 200ms
  ip -n "$receiver" link set in down
  wait_for_event acct iface_change
  ip -n "$receiver" link set in mtu 1400
  ip -n "$receiver" link set in name later
  ip -n "$receiver" link set later up
  wait_until 20 grep -q '"change":"up"' acct.out
  wait_until 20 ip netns exec "$sender" ping -q -c 1 -W 1 10.9.0.2 >/dev/null
  # with a larger MTU, larger packets are none that were merged
  ip -n "$sender" link set out mtu 2000
  ip -n "$receiver" link set later mtu 2000
  wait_until 20 mtu_changes 2
  ip netns exec "$sender" ping -q -c 1 -W 5 -M 'do' -s 1900 10.9.0.2 >/dev/null
  stop acct
  [ "$status" -eq 0 ]
  assert_jq acct.out 'map(select(.type == "iface_change").change) == ["down", "mtu", "renamed", "up", "mtu"]'
  assert_jq acct.out 'map(select(.type == "iface_change")) | all(.mode == "native")'
  assert_equal "$(total acct.out aggregated_packets)" 0
  assert_jq acct.out 'map(select(.change == "renamed"))[0] | .iface == "later" and .was == "in"'
  assert_jq acct.out 'map(select(.type == "flow" and .proto == 1)) | length > 0 and all(.iface == "later")'
  conserved acct.out
}

mtu_changes() { [ "$(grep -c '"change":"mtu"' acct.out)" -eq "$1" ]; }

@test "a deleted interface: what was counted is told, then the end" {
  make_pair
  start_xdpacct --interval 1h
  ip netns exec "$sender" ping -q -c 3 -i 0.01 10.9.0.2 >/dev/null
  ip -n "$receiver" link del in
  wait_for_event acct end
  stop acct
  [ "$status" -eq 1 ]
  assert_equal "$(flows acct.out packets_up '.proto == 1')" 3
  assert_jq acct.out '.[-1].reason == "device"'
  grep -q "in: deleted" acct.err
}

@test "VXLAN: of two VNIs the one that --tunnel-id names" {
  requires vxlan
  make_pair
  check_two_ids 99 16777215 vxlan type vxlan id @ remote 10.9.0.2 dstport 4789 dev out
}

@test "GENEVE: of two VNIs the one that --tunnel-id names" {
  requires geneve
  make_pair
  check_two_ids 5 6 geneve type geneve id @ remote 10.9.0.2
}

@test "GRE: of two keys the one that --tunnel-id names, behind a checksum and before a sequence number" {
  requires gre
  make_pair
  check_two_ids 1 4294967295 gre type gre local 10.9.0.1 remote 10.9.0.2 key @ seq csum
}

@test "ERSPAN II: of two sessions the one that --tunnel-id names" {
  requires erspan
  make_pair
  check_two_ids 7 1023 erspan type erspan seq key @ local 10.9.0.1 remote 10.9.0.2 erspan_ver 1 erspan 1
}

# What probe says of the capture FILE, which arrives while it looks, is in probe.out.
probe_while_sent() { # FILE
  start probe ip netns exec "$receiver" "$xdpacct" probe -i in --duration 3s
  wait_until 20 bash -c "ip -n $receiver -d link show in | grep -q prog/xdp"
  wait_until 20 gave_up_privileges "${PIDS[probe]}" 2>/dev/null
  ip netns exec "$sender" tcpreplay -q -i out "$1" >replay.log
  wait "${PIDS[probe]}"
  unset "PIDS[probe]"
}

# bats test_tags=host
@test "probe tells ids, and names them in the command line if every tunnel has one" {
  requires tcpreplay
  make_pair
  python3 "$frames" copies copies.pcap 2
  probe_while_sent copies.pcap
  local tunnel
  for tunnel in "vxlan, id 7" "vxlan, id 8" "gre, id 1" "gre, id 2147483650"; do
    grep -qx "tunnel source 100.64.0.1: 2 packets of $tunnel" probe.out
  done
  assert_equal "$(sed -n 's/^use: .* --tunnel-id \([0-9,]*\) .*/\1/p' probe.out | tr , '\n' | sort -n | paste -sd,)" 1,7,8,2147483650
}

# bats test_tags=host
@test "probe tells tunnels, their sources, VLANs, ranges, and the command line" {
  make_pair
  python3 "$frames" encaps encaps.pcap
  requires tcpreplay
  probe_while_sent encaps.pcap
  grep -q "^seen: 34 packets" probe.out
  grep -q "^tunnels geneve,vxlan: 1 packets, 51 bytes inside" probe.out
  grep -q "^tunnel source 100.64.0.1: " probe.out
  grep -q "^VLAN 5: 1 packets" probe.out
  grep -q "^range 10.0.0.0/8: 1178 bytes from it, 43 bytes to it" probe.out
  # the command line that it gives works
  local use
  use=$(sed -n 's/^use: sudo xdpacct -i in //p' probe.out)
  [[ $use == *"--ours 10.128.0.0/16"* ]]
  grep -q "^tunnel source 100.64.0.1: .* of gre, id 42$" probe.out
  [[ $use != *"--tunnel-id"* ]] # some have none: it would leave them out
  # shellcheck disable=SC2086 # words
  "$xdpacct" $use --read encaps.pcap >read.out
  conserved read.out
  [ "$(total read.out accounted_packets)" -gt 20 ]
}

@test "virtio-net: auto is its native mode, and counts the same" {
  requires wire
  make_wire
  start_xdpacct --interval 200ms
  assert_equal "$(jq -rs '.[0].mode' acct.out)" native
  local before
  before=$(received)
  send_datagrams 10.9.0.2 499
  wait_until 20 has_received $((before + 499))
  stop acct
  [ "$status" -eq 0 ]
  [ ! -s acct.err ]
  conserved acct.out
  assert_equal "$(flows acct.out packets_up '.proto == 17 and .sub == "10.9.0.1"')" 499
  # 28 bytes of headers before what send_datagrams sends
  local bytes=0 i
  for ((i = 0; i < 499; i++)); do bytes=$((bytes + 28 + i * 37 % 1300)); done
  assert_equal "$(flows acct.out bytes_up '.proto == 17 and .sub == "10.9.0.1"')" "$bytes"
  assert_jq acct.out 'map(select(.type == "flow" or .type == "traffic_totals" or .type == "begin")) | all(.mode == "native")'
}
