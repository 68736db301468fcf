#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# netvitals report traffic, on what `xdpacct --read` printed for `tests/lib/frames.py encaps`: 32 packets of
# known length, 31 from two subscribers and one to the first.

load ../lib/common

traffic() { "$NETVITALS" report traffic "$FIXTURES/traffic.ndjson" "$@"; }

@test "by subscriber: exact bytes and packets in both directions" {
  traffic --format json >"$OUT/report"
  assert_jq "$OUT/report" '.[0].rows | map(select(.sub == "10.128.0.7"))[0] |
    .bytes_up == 1076 and .bytes_down == 43 and .packets_up == 22 and .packets_down == 1'
  assert_jq "$OUT/report" '.[0].rows | (map(.bytes_up + .bytes_down) | add) == 1794'
}

@test "any combination of keys has the same sum" {
  local by
  for by in host iface sub peer proto peer_port name evidence sub,peer sub,proto,peer_port iface,sub,peer,proto,peer_port,name; do
    traffic --by "$by" --format json >"$OUT/report"
    assert_jq "$OUT/report" '.[0].rows | (map(.bytes_up + .bytes_down) | add) == 1794 and
      (map(.packets_up + .packets_down) | add) == 32' "by $by"
  done
  run -2 traffic --by nonsense
  [[ $output == *"'nonsense' is no key of traffic; there are: "*sub* ]]
}

@test "--top leaves the rest in other, and --max-keys too" {
  traffic --by proto,peer_port --top 1 --format json >"$OUT/report"
  assert_jq "$OUT/report" '.[0].rows | length == 2 and .[1].proto == "other" and
    (map(.bytes_up + .bytes_down) | add) == 1794'
  traffic --by sub,proto,peer_port --max-keys 2 --format json >"$OUT/report"
  assert_jq "$OUT/report" '.[0].rows | length == 3 and (map(.bytes_up + .bytes_down) | add) == 1794'
}

@test "summaries give the report that the events give" {
  local by
  traffic --format ndjson >"$OUT/summary"
  for by in sub sub,peer proto,peer_port; do
    traffic --by "$by" --format csv >"$OUT/events"
    "$NETVITALS" report traffic "$OUT/summary" --by "$by" --format csv >"$OUT/merged"
    diff "$OUT/events" "$OUT/merged"
  done
  "$NETVITALS" report traffic "$OUT/summary" "$OUT/summary" --format json >"$OUT/twice"
  assert_jq "$OUT/twice" '.[0].rows | (map(.bytes_up + .bytes_down) | add) == 2 * 1794'
}

@test "what became of every packet stands below the table" {
  run -0 traffic
  [[ $output == *"seen: 32 packets, 1794 bytes"* ]]
  [[ $output == *"accounted: 32 packets, 1794 bytes"* ]]
  sed 's/"accounted_bytes":1794/"accounted_bytes":1793/' "$FIXTURES/traffic.ndjson" >"$OUT/wrong"
  run -0 "$NETVITALS" report traffic "$OUT/wrong"
  [[ $output == *"these contradict each other"* ]]
}

@test "--subscribers: the name that was valid then, longest prefix first" {
  cat >"$OUT/names" <<'END'
# address          name    from                   until
10.128.0.0/9       others
10.128.0.7         early   -                      2023-11-14T22:13:20.010Z
10.128.0.7         late    2023-11-14T22:13:20.010Z
2001:db8:128::/64  six
END
  traffic --subscribers "$OUT/names" --format json >"$OUT/report"
  assert_jq "$OUT/report" '.[0].rows | map(.sub) | sort == ["late", "six"]'
  sed -i 's/\.010Z/.999Z/' "$OUT/names"
  traffic --subscribers "$OUT/names" --format json >"$OUT/report"
  assert_jq "$OUT/report" '.[0].rows | map(.sub) | sort == ["early", "six"]'
  echo "10.128.0.7/33 x" >"$OUT/names"
  run -2 traffic --subscribers "$OUT/names"
  [[ $output == *"names:1: no address or prefix stands first"* ]]
}

@test "reclass moves bytes to the name" {
  cat >"$OUT/events" <<'END'
{"type":"flow","ts_us":1000000,"iface":"e","sub":"10.0.0.1","peer":"192.0.2.1","proto":6,"peer_port":443,"bytes_up":100,"bytes_down":900,"packets_up":1,"packets_down":2,"interval_us":1000000}
{"type":"reclass","ts_us":2000000,"iface":"e","sub":"10.0.0.1","peer":"192.0.2.1","proto":6,"peer_port":443,"name":"a.example","evidence":"sni","bytes_up":100,"bytes_down":900,"packets_up":1,"packets_down":2}
{"type":"flow","ts_us":2000000,"iface":"e","sub":"10.0.0.1","peer":"192.0.2.1","proto":6,"peer_port":443,"name":"a.example","evidence":"sni","bytes_up":1,"bytes_down":9,"packets_up":1,"packets_down":1,"interval_us":1000000}
END
  "$NETVITALS" report traffic "$OUT/events" --by name --format json >"$OUT/report"
  assert_jq "$OUT/report" '.[0].rows | length == 1 and .[0].name == "a.example" and .[0].bytes_down == 909 and .[0].packets_up == 2'
}

@test "check traffic: missing bytes are a warning" {
  run -0 "$NETVITALS" check traffic "$FIXTURES/traffic.ndjson"
  [[ $output == "TRAFFIC OK"* ]]
  sed 's/"overflow_bytes":0/"overflow_bytes":5/' "$FIXTURES/traffic.ndjson" >"$OUT/lossy"
  run -1 "$NETVITALS" check traffic "$OUT/lossy"
  [[ $output == "TRAFFIC WARNING"* ]]
}
