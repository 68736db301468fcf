#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# where: host lab
# shellcheck disable=SC2154
#
# What xdpacct has no room for in its flow tables: still counted for its subscriber, so that it is known whose bill is
# short.

load ../lib/common
load ../lib/xdpacct

ours=10.128.0.0/9,2001:db8:128::/48

test_setup() {
  requires root python3 jq
  cd "$OUT" || return 1
}

# Of each subscriber in the events: SUB BYTES-UP BYTES-DOWN PACKETS-UP PACKETS-DOWN, in flows and beyond them together.
by_subscriber() { # FILE [TYPE]
  jq -rs --arg type "${2:-}" 'map(select(.type == "flow" or .type == "traffic_overflow") | select($type == "" or .type == $type)) |
    group_by(.sub)[] | [.[0].sub, (map(.bytes_up) | add), (map(.bytes_down) | add), (map(.packets_up) | add), (map(.packets_down) | add)] |
    @tsv' "$1" | sort
}

# The same as tshark reads it in a capture of `frames.py shared`: an IPv6 subscriber is a /64.
tshark_by_subscriber() { # FILE
  tshark -r "$1" -T fields -e ip.src -e ip.dst -e ip.len -e ipv6.src -e ipv6.dst -e ipv6.plen 2>/dev/null |
    python3 -c '
import ipaddress, sys
sums = {}
for line in sys.stdin:
    src4, dst4, size4, src6, dst6, size6 = line.rstrip("\n").split("\t")
    src, dst = src4 or src6, dst4 or dst6
    up = src.startswith(("10.128.", "2001:db8:128:"))
    sub = src if up else dst
    if size6:
        sub = str(ipaddress.ip_network(sub + "/64", strict=False).network_address)
    sum = sums.setdefault(sub, [0, 0, 0, 0])
    sum[0 if up else 1] += int(size4) if size4 else int(size6) + 40
    sum[2 if up else 3] += 1
for sub in sums:
    print(sub, *sums[sub], sep="\t")' | sort
}

# Bytes and packets of the traffic_overflow events.
known() { # FILE KEY: bytes or packets
  jq -s --arg key "$2" 'map(select(.type == "traffic_overflow") | .[$key + "_up"] + .[$key + "_down"]) | add // 0' "$1"
}

# bats test_tags=host
@test "in flows and beyond them each subscriber has what tshark reads, and overflow is of somebody to the byte" {
  requires tshark
  python3 "$frames" shared shared.pcap 20000
  tshark_by_subscriber shared.pcap >expected
  assert_equal "$(wc -l <expected)" 12
  local options
  for options in "--interval 1h" "--interval 1s" "--interval 1h --by peer"; do
    # shellcheck disable=SC2086 # words
    "$xdpacct" --read shared.pcap --ours "$ours" --max-flows 64 $options >out
    conserved out
    assert_equal "$(known out bytes)" "$(total out overflow_bytes)"
    assert_equal "$(known out packets)" "$(total out overflow_packets)"
    by_subscriber out | diff expected -
  done
  "$xdpacct" --read shared.pcap --ours "$ours" --max-flows 64 --interval 1h >out
  [ "$(known out packets)" -gt 10000 ]
  # all 12 have some beyond the table, but none in two lines
  assert_jq out 'map(select(.type == "traffic_overflow") | .sub) | length == 12 and (unique | length) == 12'
  # reading it again gives the same lines
  "$xdpacct" --read shared.pcap --ours "$ours" --max-flows 64 --interval 1h | cmp - out
}

@test "with room for all flows there is no such event" {
  python3 "$frames" shared shared.pcap 2000
  "$xdpacct" --read shared.pcap --ours "$ours" --interval 1h >out
  conserved out
  assert_equal "$(total out overflow_packets)" 0
  run -1 grep -c traffic_overflow out
}

@test "each interval has its own" {
  # 30 s, of which the last 10 s have few flows
  python3 "$frames" shared many.pcap 20000
  python3 "$frames" shared few.pcap 24
  { cat many.pcap; tail -c +25 few.pcap | python3 -c '
import struct, sys
data, at = bytearray(sys.stdin.buffer.read()), 0
while at < len(data):
    struct.pack_into("<I", data, at, 1700000025)
    at += 16 + struct.unpack_from("<I", data, at + 8)[0]
sys.stdout.buffer.write(data)'; } >both.pcap
  "$xdpacct" --read both.pcap --ours "$ours" --max-flows 64 --interval 10s >out
  conserved out
  # shellcheck disable=SC2016 # jq's
  assert_jq out 'map(select(.type == "traffic_totals")) as $totals | map(select(.type == "traffic_overflow")) as $over |
    ($totals | length) == 3 and $totals[2].overflow_packets == 0 and ($totals[:2] | all(.overflow_packets > 0)) and
    ($totals | all(. as $t | $over | map(select(.ts_us == $t.ts_us)) |
      (map(.packets_up + .packets_down) | add // 0) == $t.overflow_packets and (map(.bytes_up + .bytes_down) | add // 0) == $t.overflow_bytes))'
}

@test "more subscribers than there is room for: the rest is in the sum of all alone" {
  python3 "$frames" flows flows.pcap 50021
  "$xdpacct" --read flows.pcap --ours "$ours" --max-flows 64 --interval 1h >out
  conserved out
  [ "$(known out packets)" -ge 1024 ]
  [ "$(known out packets)" -lt "$(total out overflow_packets)" ]
  # one packet of each: none is counted twice
  by_subscriber out | awk '$4 + $5 != 1 || $2 + $3 != 28 { bad = 1 } END { exit bad }'
  run -0 "$NETVITALS" report traffic out
  local left
  left=$(($(total out overflow_packets) - $(known out packets)))
  [[ $output == *"of the overflow, $left packets, $((left * 28)) bytes are of subscribers that are not known"* ]]
}

# Sends the frames of a capture from the sender, 64 at a time, as send_datagrams does.
send_frames() { # FILE
  ip netns exec "$sender" python3 - "$1" <<'END_OF_PROGRAM'
import socket, struct, sys, time

def left():
    with open("/sys/class/net/out/statistics/tx_packets") as counter:
        return int(counter.read())

with open(sys.argv[1], "rb") as capture:
    data = capture.read()
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("out", 0))
at, sent, before = 24, 0, left()
deadline = time.monotonic() + 60
while at < len(data):
    size = struct.unpack_from("<I", data, at + 8)[0]
    s.send(data[at + 16:at + 16 + size])
    at, sent = at + 16 + size, sent + 1
    while (sent % 64 == 0 or at == len(data)) and left() - before < sent:
        if time.monotonic() > deadline:
            sys.exit("%d of %d frames left the device out" % (left() - before, sent))
        time.sleep(0.001)
END_OF_PROGRAM
}

# bats test_tags=host
@test "taken out every 100 ms while packets come in: each subscriber has what tshark reads" {
  requires netns ip tshark
  make_pair
  python3 "$frames" shared shared.pcap 40000
  tshark_by_subscriber shared.pcap >expected
  start_xdpacct --interval 100ms --ours "$ours" --max-flows 64 --drop
  send_frames shared.pcap
  stop acct
  [ "$status" -eq 0 ]
  conserved acct.out
  by_subscriber acct.out | diff expected -
  assert_equal "$(known acct.out bytes)" "$(total acct.out overflow_bytes)"
  assert_equal "$(known acct.out packets)" "$(total acct.out overflow_packets)"
  [ "$(known acct.out packets)" -gt 100 ]
  [ "$(jq -r 'select(.type == "traffic_overflow") | .ts_us' acct.out | sort -u | wc -l)" -gt 1 ]
}
