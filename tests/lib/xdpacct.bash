# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# xdpacct.bash - what the tests of xdpacct share; after common.bash.

xdpacct=${XDPACCT:-$BUILD/bin/xdpacct}
frames=$BATS_TEST_DIRNAME/../lib/frames.py

# Sum of a key over the traffic_totals events of a file.
total() { # FILE KEY
  grep '"type":"traffic_totals"' "$1" | jq -s --arg key "$2" 'map(.[$key] // 0) | add' 
}

# Sum of a key over the flow events that a jq condition selects.
flows() { # FILE KEY [CONDITION]
  jq -s --arg key "$2" "map(select(.type == \"flow\") | select(${3:-true}) | .[\$key]) | add // 0" "$1"
}

# Everything seen is in exactly one place, in each interval, and the flows say the same as the totals.
conserved() { # FILE
  local totals
  totals=$(grep '"type":"traffic_totals"' "$1" | jq -ces 'if length > 0 and all(.[]; . as $t | all(("packets", "bytes");
      . as $u | $t["seen_" + $u] == ([("accounted", "overflow", "not_ours", "non_ip", "bad_header",
      "outer_fragments", "rejected_outer") | $t[. + "_" + $u]] | add)))
    then map(.accounted_bytes), map(.accounted_packets) | add else false end') || return 1
  # summed up by the helper: there may be a million of them
  "$NETVITALS" report traffic "$1" --by host --format json |
    jq -e --argjson bytes "${totals%$'\n'*}" --argjson packets "${totals#*$'\n'}" \
      '(.rows | map(.bytes_up + .bytes_down) | add // 0) == $bytes and
       (.rows | map(.packets_up + .packets_down) | add // 0) == $packets' >/dev/null
}

# What tshark reads in a capture: packets and lengths of the innermost IP packets ("ip"; what an ICMP error quotes is not
# one), and of the frames whose innermost Ethernet header is followed by something else ("other").
tshark_sums() { # FILE [TSHARK-OPTION...]
  tshark -r "$@" -T json -e frame.len -e ip.len -e ipv6.plen -e frame.protocols 2>/dev/null |
    jq 'def other: sub("^(.*:)?eth:(ethertype:|vlan:|ieee8021ad:)*"; "@") | test("^@(?!ip(v6)?(:|$))");
        def ips: sub(":icmp(v6)?:.*"; "") | split(":") | map(select(. == "ip" or . == "ipv6"));
        def bytes($ips): ($ips | last) as $last | ($ips | map(select(. == $last)) | length - 1) as $i |
            if $last == "ip" then .["ip.len"][$i] | tonumber else .["ipv6.plen"][$i] | tonumber + 40 end;
        map(._source.layers | .["frame.protocols"][0] as $protocols |
            if $protocols | other then {kind: "other", bytes: .["frame.len"][0] | tonumber}
            else {kind: "ip", bytes: bytes($protocols | ips)} end) |
        group_by(.kind) | map({(.[0].kind): {packets: length, bytes: map(.bytes) | add}}) | add'
}

# Sum of the innermost IP packets' lengths as tshark reads them.
tshark_innermost() { # FILE
  tshark_sums "$1" | jq .ip.bytes
}

# Where everything is emulated each process takes long to start: so `ip` gets many commands at once.

# The two namespaces of make_pair and make_wire. No IPv6 chatter of their own.
make_namespaces() {
  sender=${UNIQUE}s$BATS_TEST_NUMBER receiver=${UNIQUE}r$BATS_TEST_NUMBER
  at_exit end_namespaces "$sender" "$receiver"
  printf 'netns add %s\n' "$sender" "$receiver" | ip -batch -
  local namespace
  for namespace in "$sender" "$receiver"; do
    # shellcheck disable=SC2016 # the inner shell expands
    nsenter --net="/run/netns/$namespace" sh -c 'for at in default all; do echo "$0" >/proc/sys/net/ipv6/conf/$at/disable_ipv6; done' "${IPV6_OFF:-1}"
  done
}

end_namespaces() { printf 'netns del %s\n' "$@" | ip -force -batch -; }

# A sender and a receiver namespace, joined by a veth pair: $sender has out (10.9.0.1), $receiver has in (10.9.0.2).
# Further arguments go to `ip link add in`.
make_pair() {
  make_namespaces
  local out=02:00:00:00:09:01 in=02:00:00:00:09:02
  set_up_pair $out $in "link add in address $in $* type veth peer name out address $out netns $sender"
}

# The same with the lab's two virtio network cards, which are joined outside of the guest. They come back from the
# namespaces when these end, some time later.
make_wire() {
  make_namespaces
  wait_until 20 have wire
  local out=52:54:00:4e:56:01 in=52:54:00:4e:56:02
  ip link set "$(device_of $out)" netns "$sender" name out
  ip link set "$(device_of $in)" netns "$receiver" name in
  set_up_pair $out $in
}

device_of() { # ADDRESS
  basename "$(dirname "$(grep -ls "$1" /sys/class/net/*/address)")"
}

# Nobody has to ask for an address: an answer takes its time on a busy machine, and what waits for it is dropped when
# it is too much.
set_up_pair() { # ADDRESS-OF-OUT ADDRESS-OF-IN [COMMAND...]: of ip, in the receiver's namespace
  printf '%s\n' "${@:3}" "link set lo up" "addr add 10.9.0.2/24 dev in" "link set in up" \
    "neigh replace 10.9.0.1 lladdr $1 nud permanent dev in" | ip -n "$receiver" -batch -
  printf '%s\n' "link set lo up" "addr add 10.9.0.1/24 dev out" "link set out up" \
    "neigh replace 10.9.0.2 lladdr $2 nud permanent dev out" | ip -n "$sender" -batch -
  wait_until 20 pair_is_up
}

pair_is_up() { [[ $(ip -n "$receiver" link show in) == *" state UP "* ]]; }

# Starts xdpacct on the receiver's side and waits until it counts.
start_xdpacct() { # ARGUMENT...
  start acct ip netns exec "$receiver" "$xdpacct" -i in "$@"
  wait_for_event acct ready
}

# Sends COUNT UDP datagrams of many sizes from the sender, 64 at a time: a veth pair holds 256, and drops what comes
# before its reader is scheduled. A veth's reader is what counts its packets as sent, so each returns with all read.
send_datagrams() { # ADDRESS COUNT
  ip netns exec "$sender" python3 - "$1" "$2" <<'END'
import socket, sys, time

def left():
    with open("/sys/class/net/out/statistics/tx_packets") as counter:
        return int(counter.read())

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
count, before = int(sys.argv[2]), left()
deadline = time.monotonic() + 20
for i in range(count):
    s.sendto(b"x" * (i * 37 % 1300), (sys.argv[1], 5000 + i % 7))
    while (i % 64 == 63 or i == count - 1) and left() - before < i + 1:
        if time.monotonic() > deadline:
            sys.exit("%d of %d datagrams left the device out" % (left() - before, i + 1))
        time.sleep(0.001)
END
}

# What a device of the sender has sent: packets and bytes.
sent() { # DEVICE
  ip -n "$sender" -s -j link show dev "$1" | jq -r '.[0].stats64.tx | "\(.packets) \(.bytes)"'
}

# Packets that the receiver's driver took in.
received() { ip -n "$receiver" -s -j link show dev in | jq '.[0].stats64.rx.packets'; }

# What is sent on the wire arrives later.
has_received() { [ "$(received)" -ge "$1" ]; } # PACKETS
