#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# where: host lab
# shellcheck disable=SC2154 # common.bash and xdpacct.bash set variables
#
# xdpacct --read --names over a small capture of real clients (tests/fixtures/names.pcap, made with the network of
# tests/lib/names.bash): curl, openssl with small segments, without SNI and with a lie in it, ngtcp2, dig.

load ../lib/common
load ../lib/xdpacct

test_setup() {
  requires root jq
  cd "$OUT" || return 1
}

@test "every flow gets its name, its evidence and its marks" {
  "$xdpacct" --read "$FIXTURES/names.pcap" --ours 10.9.0.2 --names all >events
  conserved events
  jq -r 'select(.type == "flow" and .evidence and .evidence != "dns") |
    "\(.name) \(.evidence) \(.unverified // 0) \(.bytes_up) \(.bytes_down)"' events | sort >names
  diff -u - names <<'END'
a.test host 0 391 1452
a.test sni 0 1190 5162
b.test sni 1 865 2356
free.test sni 1 918 1779
only.test sni 0 2342 3266
video.test quic 1 4925 7936
END
  # the client that sent no SNI: two names were told for the address, the newest counts
  assert_jq events 'map(select(.type == "flow" and .proto == 6 and .peer_port == 443 and .evidence == "dns"))
    | length == 1 and .[0].name == "www.a.test" and .[0].ambiguous == 1'
  assert_jq events 'map(select(.type == "names_totals")) | (map(.hellos_named) | add) == 6
    and (map(.hellos_unnamed) | add) == 1 and (map(.hellos_incomplete) | add) == 0 and (map(.dns_answers) | add) == 3'
}

@test "a report by name has the totals of the flows, in one interval or many" {
  "$xdpacct" --read "$FIXTURES/names.pcap" --ours 10.9.0.2 --names all >once
  "$xdpacct" --read "$FIXTURES/names.pcap" --ours 10.9.0.2 --names all --interval 100ms >often
  local from
  for from in once often; do
    "$NETVITALS" report traffic --by name --full-names --top 100 --format json "$from" |
      jq -c '.rows | map([.name, .bytes_up, .bytes_down, .packets_up, .packets_down]) | sort' >"$from.rows"
  done
  jq -e 'length == 7' once.rows
  diff -u once.rows often.rows
  # and the bill does not depend on when names came
  printf 'app: a\nrate: free\nsuffix: a.test\n' >rules
  for from in once often; do
    "$NETVITALS" report traffic --rules rules --format json "$from" | jq -c '.bill, .evidence' >"$from.bill"
  done
  jq -es '.[0][0] | .free_bytes == 11115 and .charged_bytes > 0 and .unknown_bytes > 0 and .sni_unverified_bytes == 0' once.bill
  diff -u once.bill often.bill
}

@test "from a capture to a bill, twice: the same, byte for byte" {
  bill() {
    "$xdpacct" --read "$FIXTURES/names.pcap" --ours 10.9.0.2 --names all |
      "$NETVITALS" report traffic --by sub,app --rules "$ROOT/docs/examples/line.rules" --wide
  }
  bill >once
  bill >again
  grep -qE '^10.9.0.2 +none ' once
  cmp once again
}

@test "a capture is read without privileges, with system calls filtered" {
  mkfifo slow
  start acct "$xdpacct" --read slow --ours 10.9.0.2 --names all
  exec 9>slow
  head -c 4000 "$FIXTURES/names.pcap" >&9
  wait_for_event acct ready
  local status=/proc/${PIDS[acct]}/status
  assert_equal "$(awk '/^Seccomp:/ { print $2 }' "$status")" 2
  assert_equal "$(awk '/^NoNewPrivs/ { print $2 }' "$status")" 1
  # kernels before 5.19 want CAP_BPF (bit 39) for every call of bpf()
  [[ $(awk '/^CapEff/ { print $2 }' "$status") == 000000[08]000000000 ]]
  tail -c +4001 "$FIXTURES/names.pcap" >&9
  exec 9>&-
  wait_for_event acct end
  assert_jq acct.out 'map(select(.type == "end"))[0].reason == "eof" and (map(select(.type == "names_totals") | .hellos_named) | add) == 6'
}

@test "nothing is copied twice: a few packets of each flow are looked at" {
  "$xdpacct" --read "$FIXTURES/names.pcap" --ours 10.9.0.2 --names all >events
  # 3 DNS answers, 4 hellos in one segment and 1 in 4, 1 request, 1 Initial packet: 13
  assert_jq events 'map(select(.type == "names_totals") | .copies) | add == 13'
}
