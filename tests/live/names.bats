#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# where: host
# shellcheck disable=SC2154,SC2086 # names.bash sets the addresses, which are one word each
#
# xdpacct --names over what real clients and servers say: curl, openssl, ngtcp2, dig; nginx, dnsmasq.

load ../lib/common
load ../lib/xdpacct
load ../lib/names

web() {
  client dig +short @$SERVER a.test >answer1
  client dig +short @$SERVER b.test >answer2
  client curl -sk --resolve a.test:443:$SERVER https://a.test/a -o null
  client curl -sk --resolve b.test:443:$SERVER https://b.test/b -o null
  client curl -sk --tls-max 1.2 --resolve b.test:443:$SERVER https://b.test/b -o null
  client curl -s --resolve a.test:80:$SERVER http://a.test/b -o null
  client curl -sk --resolve only.test:443:$SERVER_TWO https://only.test/a -o null
  client timeout 60 gtlsclient -q --exit-on-all-streams-close video.test 4433 https://video.test/a >quic.log 2>&1
}

setup_file() {
  [ "$(id -u)" -eq 0 ] || return 0
  command -v tshark dnsmasq nginx gtlsclient dig openssl curl tcpdump >/dev/null || return 0
  export NAMES_DIR=$BATS_FILE_TMPDIR/net
  mkdir -p "$NAMES_DIR"
  names_network_up "$NAMES_DIR"
  cd "$NAMES_DIR" && captured web.pcap web
}

teardown_file() { [ -z "${NAMES_DIR-}" ] || names_network_down "$NAMES_DIR"; }

test_setup() {
  requires root netns tshark editcap dnsmasq nginx gtlsclient gtlsserver dig openssl curl tcpdump ethtool
  cd "$OUT" || return 1
}

accounts() { # CAPTURE OPTION…: into $OUT/events
  "$xdpacct" --read "$1" --ours $CLIENT "${@:2}" >events
  conserved events
}

# The flow to that port of the server: a jq condition must hold for every event of it.
flow_is() { # PEER_PORT CONDITION
  jq -es --argjson port "$1" "map(select(.type == \"flow\" and .peer_port == \$port)) | length > 0 and all(.[]; $2)" \
    events >/dev/null && return
  grep '"peer_port":'"$1" events >&2
  return 1
}

@test "bytes of each name equal tshark's: curl with TLS 1.3 and 1.2, HTTP, QUIC, names that share an address" {
  ln -s "$NAMES_DIR/web.pcap" .
  accounts web.pcap --names all
  bytes_by_name events >ours
  tshark_by_name web.pcap >theirs
  diff -u theirs ours
  [ "$(awk '{ print $1 }' ours | tr '\n' ' ')" = "a.test b.test only.test video.test " ]
  assert_jq events 'map(select(.type == "flow" and .evidence == "quic" and .name == "video.test")) | length == 1'
  assert_jq events 'map(select(.type == "flow" and .evidence == "host" and .name == "a.test" and .peer_port == 80)) | length == 1'
  assert_jq events 'map(select(.type == "flow" and .name == "a.test")) | length > 0 and all(.[]; .unverified == null)'
  assert_jq events 'map(select(.type == "flow" and .name == "only.test")) | length == 1 and .[0].unverified == 1'
  assert_jq events 'map(select(.type == "names_totals")) | (map(.hellos_named) | add) == 6 and (map(.hellos_incomplete) | add) == 0'
}

@test "the same capture gives the same lines twice, in one interval or many" {
  ln -s "$NAMES_DIR/web.pcap" .
  accounts web.pcap --names all
  grep -v '"begin"' events >first
  "$xdpacct" --read web.pcap --ours $CLIENT --names all | grep -v '"begin"' | cmp first -
  bytes_by_name events >once
  accounts web.pcap --names all --interval 100ms
  bytes_by_name events | diff -u once -
}

plain_tls() { # OPTION…
  echo | client openssl s_client -connect $SERVER:443 "$@" >s_client.log 2>&1 || true
  grep -q '^SSL handshake has read' s_client.log
}

@test "without SNI, DNS names the flow, and says so if several names share the address" {
  one_name() {
    client dig +short @$SERVER a.test >answer
    plain_tls -noservername -tls1_2
  }
  two_names() {
    one_name
    client dig +short @$SERVER b.test >answer
    plain_tls -noservername
  }
  captured one.pcap one_name
  accounts one.pcap --names all
  flow_is 443 '.name == "a.test" and .evidence == "dns" and .ambiguous == null'
  captured two.pcap two_names
  accounts two.pcap --names all
  assert_jq events 'map(select(.type == "flow" and .peer_port == 443)) | map([.name, .evidence, .ambiguous]) | sort
    == [["a.test", "dns", null], ["b.test", "dns", 1]]'
}

@test "a client that lies in SNI is believed and marked" {
  lie() {
    client dig +short @$SERVER a.test >answer
    plain_tls -servername free.test
  }
  captured lie.pcap lie
  accounts lie.pcap --names all
  flow_is 443 '.name == "free.test" and .evidence == "sni" and .unverified == 1'
  assert_jq events 'map(select(.type == "name" and .name == "free.test")) | length == 1 and .[0].unverified == 1'
}

@test "a hello with a large key share, cut into small segments, is put together" {
  small_segments() {
    client ip link set sub0 mtu 400
    plain_tls -servername a.test -groups ffdhe8192:X25519 -tls1_3
    client ip link set sub0 mtu 1500
  }
  captured split.pcap small_segments
  [ "$(tshark -r split.pcap -Y 'tcp.dstport == 443 && tcp.len > 0' -T fields -e tcp.len 2>/dev/null | sort -n | tail -1)" -lt 400 ]
  accounts split.pcap --names all
  flow_is 443 '.name == "a.test" and .evidence == "sni"'
  assert_jq events 'map(select(.type == "names_totals") | .copies) | add >= 4'
}

@test "DNS: CNAME chains, TCP, HTTPS records; the first name of a chain counts" {
  chain() {
    client dig +short @$SERVER www.a.test >answer1
    client dig +short +tcp @$SERVER_TWO only.test >answer2
    client dig +short @$SERVER TYPE65 svc.test >answer3
    client curl -sk https://$SERVER/b -o null
    client curl -sk https://$SERVER_TWO/b -o null
  }
  captured chain.pcap chain
  accounts chain.pcap --names dns
  assert_jq events 'map(select(.type == "name") | [.name, .peer]) | sort
    == [["only.test", "10.9.0.3"], ["svc.test", "10.9.0.3"], ["www.a.test", "10.9.0.1"]]'
  assert_jq events 'map(select(.type == "flow" and .peer_port == 443 and .peer == "10.9.0.1"))[0] | .name == "www.a.test" and .evidence == "dns"'
  assert_jq events 'map(select(.type == "flow" and .peer_port == 443 and .peer == "10.9.0.3"))[0] | .ambiguous == 1'
}

@test "--names dns copies no hellos; --names off copies nothing" {
  ln -s "$NAMES_DIR/web.pcap" .
  accounts web.pcap --names dns
  assert_jq events 'map(select(.type == "flow" and .name)) | length > 0 and all(.[]; .evidence == "dns")'
  assert_jq events 'map(select(.type == "names_totals") | .copies) | add == 2'
  accounts web.pcap
  assert_jq events 'map(select(.name or .type == "names_totals" or .type == "name")) | length == 0'
}

@test "--resolver: answers from elsewhere are counted and not believed" {
  ask() {
    client dig +short @$SERVER a.test >answer
    plain_tls -noservername
  }
  captured ask.pcap ask
  accounts ask.pcap --names all --resolver 10.9.0.53,10.9.0.0/31
  flow_is 443 '.name == "a.test"'
  accounts ask.pcap --names all --resolver $SERVER_TWO
  flow_is 443 '.name == null'
  assert_jq events 'map(select(.type == "names_totals") | .dns_untrusted) | add == 1'
}

@test "bytes that were reported before the name came are moved to it exactly" {
  late() {
    client python3 - <<'END'
import socket, ssl, time
s = socket.create_connection(("10.9.0.1", 443))
time.sleep(1.3)
context = ssl._create_unverified_context()
t = context.wrap_socket(s, server_hostname="late.test")
t.sendall(b"GET /b HTTP/1.0\r\n\r\n")
while t.recv(65536):
    pass
END
  }
  captured late.pcap late
  accounts late.pcap --names all --interval 500ms
  assert_jq events 'map(select(.type == "reclass")) | length == 1 and .[0].name == "late.test" and .[0].from_name == null
    and .[0].packets_up == 2 and .[0].packets_down == 1'
  bytes_by_name events >ours
  tshark_by_name late.pcap | diff -u - ours
}

@test "a hello whose second half comes in the next interval still names the flow" {
  halves() {
    client python3 - <<'END'
import socket, ssl, time
s = socket.create_connection(("10.9.0.1", 443))
context = ssl._create_unverified_context()
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
t = context.wrap_bio(incoming, outgoing, server_hostname="halves.test")
try:
    t.do_handshake()
except ssl.SSLWantReadError:
    pass
hello = outgoing.read()
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
s.sendall(hello[:60])
time.sleep(0.9)
s.sendall(hello[60:])
s.recv(65536)
END
  }
  captured halves.pcap halves
  accounts halves.pcap --names all --interval 200ms
  assert_jq events 'map(select(.type == "reclass")) | length == 1 and .[0].name == "halves.test"'
  bytes_by_name events >ours
  tshark_by_name halves.pcap | diff -u - ours
}

@test "names are found in mirrored packets: GRE, VXLAN" {
  ln -s "$NAMES_DIR/web.pcap" .
  accounts web.pcap --names all
  bytes_by_name events >plain
  for tunnel in gre vxlan; do
    python3 "$ROOT/tests/lib/wrap_capture.py" "$tunnel" web.pcap "$tunnel.pcap"
    accounts "$tunnel.pcap" --names all
    assert_jq events "map(select(.type == \"flow\")) | length > 5 and all(.[]; .encap == \"$tunnel\")"
    bytes_by_name events | diff -u plain -
  done
}

@test "a capture that kept 200 bytes of each packet: names where they are whole, no other names" {
  ln -s "$NAMES_DIR/web.pcap" .
  tshark -r web.pcap -w full.pcap -F pcap 2>/dev/null
  editcap -s 200 full.pcap cut.pcap
  accounts web.pcap --names all
  jq -r 'select(.type == "flow") | [.sub_port, .peer_port, .name] | @tsv' events | sort >whole
  accounts cut.pcap --names all
  jq -r 'select(.type == "flow" and .name and .evidence != "dns") | [.sub_port, .peer_port, .name] | @tsv' events | sort >kept
  [ "$(comm -13 whole kept | wc -l)" -eq 0 ]
}

# The subscriber's traffic from a mirror port: xdpacct and tcpdump see the same packets.
@test "live on a mirror port: bytes of each name equal tshark's, over several intervals" {
  requires nft
  start live ip netns exec "$NAMES_WATCHER" "$xdpacct" -i cap0 --ours $CLIENT --names all --interval 300ms
  wait_for_event live ready
  start dump ip netns exec "$NAMES_WATCHER" tcpdump -i cap0 -s 0 -B 65536 --immediate-mode -U -w "$OUT/live.pcap" ip
  wait_until 30 grep -q 'listening on' "$OUT/dump.err"
  web
  wait_until 30 has_bytes_of_all_names
  stop live
  assert_equal "$status" 0
  stop dump TERM
  conserved live.out
  assert_jq live.out 'map(select(.type == "lost")) | length == 0'
  bytes_by_name live.out >ours
  grep -q '^0 packets dropped' dump.err
  tshark_by_name live.pcap | diff -u - ours
  assert_equal "$(awk '{ print $1 }' ours | tr '\n' ' ')" "a.test b.test only.test video.test "
}

has_bytes_of_all_names() { [ "$(bytes_by_name "$OUT/live.out" | wc -l)" -eq 4 ]; }

@test "--names with --by subscriber is refused" {
  run -2 "$xdpacct" --read nothing.pcap --names all --by subscriber
  [[ $output == *"--names needs flows"* ]]
}
