#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# where: host lab
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

# One resolver's TCP stream: COUNT answers of a segment each, then as many bytes of a tunnel; and one over UDP.
make_answers() { # FILE COUNT
  python3 - "$@" <<'END'
import struct, sys
def answer(number):
    name = b"".join(bytes([len(label)]) + label for label in (b"n%d" % number, b"example")) + b"\0"
    return struct.pack("!6H", 1, 0x8180, 1, 1, 0, 0) + name + struct.pack("!2H", 1, 1) + struct.pack("!3HIHI", 0xC00C, 1, 1, 60, 4, 0xCB007100 + number)
def frame(proto, payload, seq):
    l4 = struct.pack("!HHIIBBHHH", 53, 40000, seq, 1, 0x50, 0x18, 1024, 0, 0) if proto == 6 else struct.pack("!4H", 53, 40000, 8 + len(payload), 0)
    data = l4 + payload
    return bytes(12) + b"\x08\0" + struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(data), 0, 0, 64, proto, 0, 0xC0000235, 0x0A000001) + data
frames, seq = [], 7
for n in range(2 * int(sys.argv[2])):
    payload = struct.pack("!H", len(answer(n))) + answer(n) if n < int(sys.argv[2]) else bytes(1400)
    frames.append(frame(6, payload, seq))
    frames.append(frame(6, b"", seq)) # without payload: no part of the bound
    seq += len(payload)
frames.append(frame(17, answer(255), 0))
with open(sys.argv[1], "wb") as out:
    out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    for n, data in enumerate(frames):
        out.write(struct.pack("<IIII", 1700000000, n, len(data), len(data)) + data)
END
}

@test "of a resolver's TCP stream 255 segments are looked at in an interval" {
  make_answers dns.pcap 200
  "$xdpacct" --read dns.pcap --ours 10.0.0.0/8 --names dns >events
  conserved events
  assert_jq events 'map(select(.type == "names_totals")) | (map(.copies) | add) == 256 and (map(.copies_over_limit) | add) == 145'
  # the answers came first, and the one over UDP is not held back
  assert_jq events 'map(select(.type == "name")) | length == 201 and .[-1].name == "n255.example"'
}

# Every frame of a capture from the sender's end, no faster than a veth's ring takes them.
send_capture() { # FILE
  ip netns exec "$sender" python3 - "$1" <<'END'
import socket, struct, sys, time
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(("out", 0))
with open(sys.argv[1], "rb") as capture:
    capture.read(24)
    for n, head in enumerate(iter(lambda: capture.read(16), b"")):
        wire.send(capture.read(struct.unpack_from("<I", head, 8)[0]))
        if n % 50 == 49:
            time.sleep(0.002)
END
}

@test "a ring buffer that nobody empties: copies are lost, and said to be; packets are not" {
  make_pair
  make_hellos many.pcap 6000 6 0 1200
  start_xdpacct --ours 10.0.0.0/8 --names all --interval 1s
  kill -STOP "${PIDS[acct]}"
  send_capture many.pcap
  kill -CONT "${PIDS[acct]}"
  wait_until 30 has_event acct lost
  stop acct
  assert_equal "$status" 0
  conserved acct.out
  local came lost told
  came=$(flows acct.out packets_up '.peer == "203.0.113.1"')
  lost=$(jq -s 'map(select(.type == "lost" and .where == "copies of packets with names") | .events) | add' acct.out)
  told=$(jq -s 'map(select(.type == "names_totals") | .copies + .copies_over_limit) | add' acct.out)
  [ "$lost" -gt 0 ]
  assert_equal "$((lost + told))" "$came"
  # the report tells of it as well
  "$NETVITALS" report traffic acct.out --format json >summary
  assert_jq summary '.[0].loss.events_lost > 0'
}
