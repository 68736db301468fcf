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

@test "--top N shows the first N rows of all, whatever is equal, below zero or has come to nothing, and sums up the rest" {
  # volumes with many equal ones, a negative one (a correction without what it corrects) and one that was corrected away
  python3 - >"$OUT/stream" <<'END'
import json, random
random.seed(5)
flow = {"type": "flow", "ts_us": 1, "iface": "eth0", "sub": "10.0.0.1", "peer": "203.0.113.1", "proto": 6, "peer_port": 443,
        "bytes_down": 0, "packets_up": 1, "packets_down": 0, "interval_us": 1, "mode": "native"}
for i in range(60):
    print(json.dumps(flow | {"name": f"n{i}.example", "bytes_up": random.choice([0, 0, 5, 5, 9, 1000])}))
move = {k: v for k, v in flow.items() if k not in ("mode",)} | {"name": "found.example", "evidence": "sni"}
print(json.dumps(move | {"type": "reclass", "from_name": "lost.example", "bytes_up": 3}))
print(json.dumps(flow | {"name": "gone.example", "bytes_up": 4}))
print(json.dumps(move | {"type": "reclass", "from_name": "gone.example", "bytes_up": 4}))
END
  "$NETVITALS" report traffic --by name --full-names --format json "$OUT/stream" >"$OUT/all"
  [ "$(jq '.rows | length' "$OUT/all")" -ge 62 ]
  local top
  for top in 1 2 7 20 40 59 60 61 62 63 64 1000; do
    "$NETVITALS" report traffic --by name --full-names --top "$top" --format json "$OUT/stream" >"$OUT/top"
    # shellcheck disable=SC2016 # jq's
    jq -e --argjson top "$top" --slurpfile all "$OUT/all" '$all[0].rows as $rows | .rows
      | .[:$top] == $rows[:$top] and length == ([$top + 1, ($rows | length)] | min)
        and (map(.bytes_up) | add) == ($rows | map(.bytes_up) | add)' "$OUT/top" >/dev/null || {
      jq -c '.rows[]' "$OUT/top" >&2
      return 1
    }
  done
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
  run -0 traffic --raw
  [[ $output == *"What became of all packets"* ]]
  grep -qx 'encaps.pcap  seen            32   1794' <<<"$output"
  grep -qx 'encaps.pcap  accounted       32   1794' <<<"$output"
  [[ $output != *"contradict each other"* ]]
  sed 's/"accounted_bytes":1794/"accounted_bytes":1793/' "$FIXTURES/traffic.ndjson" >"$OUT/wrong"
  run -0 "$NETVITALS" report traffic "$OUT/wrong"
  [[ $output == *"these contradict each other"* ]]
}

# traffic-bytes.ndjson is `xdpacct --read tests/fixtures/names.pcap --ours 10.9.0.2 --by subscriber` with --bytes ip, with
# --bytes wire, and ip once more as it was before totals said what bytes are.
@test "what bytes are is said, and lengths of different kinds are not added up unseen" {
  local stream=$FIXTURES/traffic-bytes.ndjson jobs
  head -n 5 "$stream" >"$OUT/ip"
  sed -n 6,10p "$stream" >"$OUT/wire"
  tail -n 5 "$stream" >"$OUT/unsaid"
  run -0 "$NETVITALS" report traffic "$OUT/ip" "$OUT/unsaid"
  [[ $output == *"bytes: innermost IP lengths"* ]]
  grep -qx 'IFACE       BYTES OF  COUNTER    PACKETS    BYTES' <<<"$output"
  run -0 "$NETVITALS" report traffic "$OUT/wire"
  [[ $output == *"bytes: whole frames"* ]]
  run -0 "$NETVITALS" report traffic "$OUT/unsaid"
  [[ $output != *"bytes"* ]]
  grep -qx 'IFACE       COUNTER    PACKETS    BYTES' <<<"$output"
  # in any order, and by several threads
  run -0 "$NETVITALS" report traffic "$OUT/wire" "$OUT/unsaid" "$OUT/ip"
  [[ $output == *"bytes of different kinds"* && $output != *"bytes: "* ]]
  for jobs in 1 3; do
    "$NETVITALS" report traffic --jobs "$jobs" --format csv "$OUT/wire" "$OUT/unsaid" "$OUT/ip" | tr -d '\r' >"$OUT/got"
    diff - <(sed '1,/^# section=totals/d' "$OUT/got" | grep 'counter\|,seen,') <<'END'
host,iface,bytes_of,counter,packets,bytes
,names.pcap,,seen,144,36300
,names.pcap,ip,seen,144,36300
,names.pcap,wire,seen,144,38316
END
  done
  "$NETVITALS" report traffic --format prometheus "$stream" |
    grep -qx 'netvitals_traffic_totals_bytes_total{iface="names.pcap",bytes_of="wire",counter="seen"} 38316'
  # and what is read from summaries is warned of as well
  "$NETVITALS" report traffic --format ndjson "$OUT/ip" >"$OUT/summary"
  run -0 "$NETVITALS" report traffic "$OUT/wire" "$OUT/summary"
  [[ $output == *"bytes of different kinds"* ]]
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

# Of the first N lines of $OUT/events, by KEYS, in FORMAT.
first_lines() { # N KEYS FORMAT
  head -n "$1" "$OUT/events" | "$NETVITALS" report traffic - --by "$2" --format "$3" 2>/dev/null
}

@test "what a correction can lower is no counter: a gauge in Prometheus, a sum that is not monotonic in OTLP" {
  requires promtool
  local format keys
  cat >"$OUT/events" <<'END'
{"type":"flow","ts_us":1000000,"iface":"e","sub":"10.0.0.1","peer":"192.0.2.1","proto":6,"peer_port":443,"bytes_up":100,"bytes_down":900,"packets_up":1,"packets_down":2,"interval_us":1000000}
{"type":"flow","ts_us":1000000,"iface":"e","sub":"10.0.0.1","peer":"192.0.2.2","proto":6,"peer_port":443,"bytes_up":5,"bytes_down":5,"packets_up":1,"packets_down":1,"interval_us":1000000}
{"type":"reclass","ts_us":2000000,"iface":"e","sub":"10.0.0.1","peer":"192.0.2.1","proto":6,"peer_port":443,"name":"a.example","evidence":"sni","bytes_up":100,"bytes_down":900,"packets_up":1,"packets_down":2}
END
  # it does go down
  down() { sed -n 's/^netvitals_traffic_bytes{name="",direction="down"} //p; s/^netvitals_traffic_bytes{direction="down"} //p'; }
  assert_equal "$(first_lines 2 name prometheus | down) $(first_lines 3 name prometheus | down)" "905 5"
  for keys in name evidence unverified sub,name; do
    for format in prometheus openmetrics; do
      first_lines 3 "$keys" "$format" >"$OUT/metrics"
      grep -qx '# TYPE netvitals_traffic_bytes gauge' "$OUT/metrics"
      grep -qx '# TYPE netvitals_traffic_packets gauge' "$OUT/metrics"
      run grep -E '^netvitals_traffic_[a-z]+_total' "$OUT/metrics"
      assert_equal "$output" ""
      [ "$format" = openmetrics ] || promtool check metrics <"$OUT/metrics"
    done
    first_lines 3 "$keys" otlp >"$OUT/otlp"
    assert_jq "$OUT/otlp" '[.[0].resourceMetrics[0].scopeMetrics[0].metrics[] | select(.name | startswith("netvitals.traffic.")) | .sum // empty] |
      length == 4 and all(.isMonotonic == false and .aggregationTemporality == 1)'
  done
  # by anything else it only moves within a row
  first_lines 3 sub,peer openmetrics >"$OUT/metrics"
  grep -qx '# TYPE netvitals_traffic_bytes counter' "$OUT/metrics"
  grep -q '^netvitals_traffic_bytes_total{.*direction="up"} 100$' "$OUT/metrics"
  first_lines 3 sub,peer otlp >"$OUT/otlp"
  assert_jq "$OUT/otlp" '[.[0].resourceMetrics[0].scopeMetrics[0].metrics[] | .sum // empty] | all(.isMonotonic)'
}

@test "more names than 1000: what is behind them is summed up, corrections too" {
  awk 'BEGIN {
    keys = "\"iface\":\"e\",\"sub\":\"10.0.0.1\",\"peer\":\"192.0.2.1\",\"proto\":6,\"peer_port\":443,\"packets_up\":1,\"packets_down\":1"
    for (i = 0; i < 1100; i++)
      printf "{\"type\":\"flow\",\"ts_us\":1000000,%s,\"name\":\"n%d.example%d\",\"evidence\":\"sni\",\"bytes_up\":%d,\"bytes_down\":0,\"interval_us\":1000000}\n", keys, i, i, i < 1000 ? 50 : 7
    # a part of a stream that holds the correction, not what it corrects
    printf "{\"type\":\"reclass\",\"ts_us\":2000000,%s,\"from_name\":\"gone.example\",\"from_evidence\":\"dns\",\"name\":\"n0.example0\",\"evidence\":\"sni\",\"bytes_up\":20,\"bytes_down\":0}\n", keys
  }' >"$OUT/events"
  first_lines 1101 name prometheus >"$OUT/metrics"
  assert_equal "$(grep -c '^netvitals_traffic_bytes{.*direction="up"}' "$OUT/metrics")" 1001
  grep -qx 'netvitals_traffic_bytes{name="other",direction="up"} 680' "$OUT/metrics" # 100 times 7, less 20
}

@test "check traffic: missing bytes are a warning" {
  run -0 "$NETVITALS" check traffic "$FIXTURES/traffic.ndjson"
  [[ $output == "TRAFFIC OK"* ]]
  sed 's/"overflow_bytes":0/"overflow_bytes":5/' "$FIXTURES/traffic.ndjson" >"$OUT/lossy"
  run -1 "$NETVITALS" check traffic "$OUT/lossy"
  [[ $output == "TRAFFIC WARNING"* ]]
}

@test "check traffic: a mirror that delivers nothing is unknown, as for check redirect" {
  jq -c 'select(.type == "traffic_totals") | map_values(if type == "number" and . < 1700000000000000 then 0 else . end)' \
    "$FIXTURES/traffic.ndjson" >"$OUT/dead"
  run -3 --separate-stderr "$NETVITALS" check traffic "$OUT/dead"
  [[ $output == "TRAFFIC UNKNOWN - no byte was seen; does the mirror still deliver? | seen=0B missed=0B" ]]
  # one that does deliver is enough
  run -0 --separate-stderr "$NETVITALS" check traffic "$OUT/dead" "$FIXTURES/traffic.ndjson"
}

@test "check traffic --max-age: critical where the last traffic_totals of any interface is older" {
  totals() { # SECONDS IFACE
    jq -c --argjson ts "$((1790000000 + $1))000000" --arg iface "$2" \
      'select(.type == "traffic_totals") | .ts_us = $ts | .iface = $iface' "$FIXTURES/traffic.ndjson" | head -n 1
  }
  { totals 0 eth0; totals 0 eth1; totals 60 eth1; } >"$OUT/in"
  run -2 --separate-stderr "$NETVITALS" check traffic --max-age 59s "$OUT/in"
  [[ $output == "TRAFFIC CRITICAL - eth0: last traffic_totals 60 s ago | seen="* ]]
  run -0 --separate-stderr "$NETVITALS" check traffic --max-age 60s "$OUT/in"
  run -0 --separate-stderr "$NETVITALS" check traffic "$OUT/in"
  run -2 --separate-stderr "$NETVITALS" check traffic --live --max-age 90s "$OUT/in"
  # what was counted by frames from then on did not fall silent
  { totals 0 eth0 | jq -c '.bytes = "ip"'; totals 60 eth0 | jq -c '.bytes = "wire"'; } >"$OUT/switched"
  run -0 --separate-stderr "$NETVITALS" check traffic --max-age 59s "$OUT/switched"
  # by way of summaries
  "$NETVITALS" report traffic --format ndjson "$OUT/in" >"$OUT/sums"
  run -2 --separate-stderr "$NETVITALS" check traffic --max-age 59s "$OUT/sums"
  run -0 --separate-stderr "$NETVITALS" check traffic --max-age 60s "$OUT/sums"
}
