#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Rules, the bill, quotas, pseudonyms: on flows written by hand, so every total can be added up by eye.

load ../lib/common

flow() { # SUB PEER PROTO PORT BYTES_UP BYTES_DOWN [MORE]
  echo "{\"type\":\"flow\",\"ts_us\":1700000010000000,\"iface\":\"e\",\"sub\":\"$1\",\"peer\":\"$2\",\"proto\":$3,\"peer_port\":$4,\"bytes_up\":$5,\"bytes_down\":$6,\"packets_up\":1,\"packets_down\":2,\"interval_us\":10000000${7:+,$7}}"
}

test_setup() {
  cat >"$OUT/rules" <<'RULES'
app: line
rate: free
suffix: line.me
cidr: 147.92.128.0/17
not-suffix: ads.line.me
app: ads
rate: charged
suffix: line.me
RULES
  {
    echo '{"type":"begin","ts_us":1700000000000000,"tool":"xdpacct","version":"9.8.7"}'
    flow 10.0.0.1 147.92.128.5 6 443 10 100 '"name":"a.line.me","evidence":"sni"'
    flow 10.0.0.1 147.92.128.6 17 5000 20 200
    flow 10.0.0.1 192.0.2.1 6 443 30 300 '"name":"x.ads.line.me","evidence":"dns"'
    flow 10.0.0.1 192.0.2.2 6 443 40 400 '"name":"www.example.co.uk","evidence":"quic"'
    flow 10.0.0.2 192.0.2.3 6 443 50 500
    flow 10.0.0.2 192.0.2.4 6 443 60 600 '"name":"b.line.me","evidence":"sni","unverified":1'
    flow 10.0.0.2 147.92.200.4 6 443 70 700 '"name":"b.line.me","evidence":"sni","unverified":1'
    echo '{"type":"end","ts_us":1700000010000000}'
  } >"$OUT/flows"
}

report() { "$NETVITALS" report traffic "$OUT/flows" --rules "$OUT/rules" --format json "$@" >"$OUT/report"; }

@test "the bill: free, charged and unknown bytes of each subscriber" {
  report
  assert_jq "$OUT/report" '.[0].bill | length == 2'
  assert_jq "$OUT/report" '.[0].bill[0] | .sub == "10.0.0.1" and .free_bytes == 330 and
    .charged_bytes == 770 and .unknown_bytes == 0 and .free_packets == 6 and .sni_unverified_bytes == 0'
  assert_jq "$OUT/report" '.[0].bill[1] | .sub == "10.0.0.2" and .free_bytes == 1430 and
    .charged_bytes == 0 and .unknown_bytes == 550'
}

@test "an SNI that nothing vouches for is named, unless the address is in the app's own prefixes" {
  report
  assert_jq "$OUT/report" '.[0].bill[1].sni_unverified_bytes == 660'
}

@test "rows by subscriber, app and rate; exclusions win" {
  report --by sub,app,rate
  assert_jq "$OUT/report" '.[0].rows | map(select(.sub == "10.0.0.1" and .app == "ads"))[0] |
    .rate == "charged" and .bytes_up == 30 and .bytes_down == 300'
  assert_jq "$OUT/report" '.[0].rows | map(select(.app == "none" and .sub == "10.0.0.2"))[0].rate == "unknown"'
  assert_jq "$OUT/report" '(.[0].rows | map(.bytes_up + .bytes_down) | add) == 3080'
}

@test "bytes by evidence add up to all bytes" {
  report
  assert_jq "$OUT/report" '(.[0].evidence | map(.bytes_up + .bytes_down) | add) == 3080'
  assert_jq "$OUT/report" '.[0].evidence | map(select(.evidence == "cidr"))[0] | .rate == "free" and .bytes_down == 200'
}

@test "the bill says which rules and which xdpacct made it" {
  report
  sum=$(sha256sum <"$OUT/rules")
  assert_jq "$OUT/report" ".[0].made_with[0] | .rules_sha256 == \"${sum%% *}\" and .xdpacct_version == \"9.8.7\""
}

@test "the same events and rules give the same bill, byte for byte" {
  local format
  for format in text json csv markdown; do
    "$NETVITALS" report traffic "$OUT/flows" --rules "$OUT/rules" --format "$format" >"$OUT/once"
    "$NETVITALS" report traffic "$OUT/flows" --rules "$OUT/rules" --format "$format" >"$OUT/again"
    cmp "$OUT/once" "$OUT/again"
  done
}

@test "--diff shows what other rules would change, for whom" {
  sed 's/^rate: free/rate: charged/' "$OUT/rules" >"$OUT/before"
  report --diff "$OUT/before"
  assert_jq "$OUT/report" '.[0].changes | length == 2 and all(.rate_before == "charged" and .rate == "free" and .app == "line")'
  assert_jq "$OUT/report" '(.[0].changes | map(.bytes_up + .bytes_down) | add) == 1760'
  report --diff "$OUT/rules"
  assert_jq "$OUT/report" '.[0].changes == []'
}

@test "quotas: near and passed, and check traffic exits 1 and 2" {
  printf '10.0.0.1 free 300\n10.0.0.0/8 free 10m\n* charged 1k 50%%\n' >"$OUT/quota"
  report --quota "$OUT/quota"
  assert_jq "$OUT/report" '.[0].quotas | map(select(.sub == "10.0.0.1" and .rate == "free"))[0] | .state == "passed" and .used_bytes == 330 and .used_ppm == 1100000'
  assert_jq "$OUT/report" '.[0].quotas | map(select(.sub == "10.0.0.1" and .rate == "charged"))[0].state == "near"'
  run -2 "$NETVITALS" check traffic --rules "$OUT/rules" --quota "$OUT/quota" "$OUT/flows"
  [[ $output == "TRAFFIC CRITICAL - 2 of 3 quotas passed: 10.0.0.1 has used 330 of 300 bytes free"* ]]
  sed -i 1d "$OUT/quota"
  run -1 "$NETVITALS" check traffic --rules "$OUT/rules" --quota "$OUT/quota" "$OUT/flows"
  [[ $output == "TRAFFIC WARNING - 1 of 3 quotas near: 10.0.0.1 has used 770 of 1024 bytes charged"* ]]
}

@test "a subscriber's name stands in the bill and in quotas" {
  echo '10.0.0.1 alice' >"$OUT/names"
  echo 'alice free 1K' >"$OUT/quota"
  report --subscribers "$OUT/names" --quota "$OUT/quota"
  assert_jq "$OUT/report" '.[0].bill | map(.sub) == ["10.0.0.2", "alice"]'
  assert_jq "$OUT/report" '.[0].quotas | length == 1 and .[0].sub == "alice"'
}

@test "names are registrable domains unless --full-names" {
  "$NETVITALS" report traffic "$OUT/flows" --by name --format json >"$OUT/report"
  assert_jq "$OUT/report" '.[0].rows | map(.name) | sort == [null, "example.co.uk", "line.me"]'
  "$NETVITALS" report traffic "$OUT/flows" --by name --full-names --format json >"$OUT/report"
  assert_jq "$OUT/report" '.[0].rows | map(.name) | index("www.example.co.uk") != null and length == 5'
}

@test "quotas at the threshold: all of it is not beyond it, and as much as the warning is not near" {
  quota_state() { # FREE BYTES [WARN]: state of 10.0.0.1, who used 330 bytes
    echo "10.0.0.1 free $*" >"$OUT/quota"
    report --quota "$OUT/quota"
    jq -r '.quotas[0].state' "$OUT/report"
  }
  assert_equal "$(quota_state 330)" ok
  assert_equal "$(quota_state 329)" passed
  assert_equal "$(quota_state 660 50%)" ok
  assert_equal "$(quota_state 658 50%)" near
  assert_equal "$(quota_state 330 99%)" near
}

@test "a quota of an address or a name holds behind pseudonyms too, for all addresses of a name together" {
  head -c 32 /dev/zero >"$OUT/key"
  printf '10.0.0.1 free 300\n' >"$OUT/quota"
  run -2 "$NETVITALS" check traffic --rules "$OUT/rules" --quota "$OUT/quota" --pseudonyms "$OUT/key" "$OUT/flows"
  [[ $output == *"has used 330 of 300 bytes free"* && $output != *10.0.0.1* ]]
  printf 'alice free 1500\n' >"$OUT/quota"
  printf '10.0.0.1 alice\n10.0.0.2 alice\n' >"$OUT/names"
  report --quota "$OUT/quota" --subscribers "$OUT/names" --pseudonyms "$OUT/key"
  assert_jq "$OUT/report" '.[0].bill | length == 1 and .[0].free_bytes == 1760'
  assert_jq "$OUT/report" '.[0].quotas | length == 1 and .[0].state == "passed"'
  run ! grep -q alice "$OUT/report"
  # and a name that a summary brings is hidden like one that --subscribers gives
  "$NETVITALS" report traffic "$OUT/flows" --subscribers "$OUT/names" --format ndjson >"$OUT/summary"
  "$NETVITALS" report traffic "$OUT/summary" --pseudonyms "$OUT/key" --format json >"$OUT/hidden"
  run ! grep -q alice "$OUT/hidden"
  assert_equal "$(jq -r '.rows[0].sub' "$OUT/hidden")" "$(jq -r '.bill[0].sub' "$OUT/report")"
}

@test "pseudonyms hide addresses, stay the same with the same key, and names do not undo them" {
  head -c 32 /dev/zero >"$OUT/key"
  head -c 32 /dev/urandom >"$OUT/other"
  echo '10.0.0.1 alice' >"$OUT/names"
  report --pseudonyms "$OUT/key" --subscribers "$OUT/names"
  run ! grep -qE '10\.0\.0\.|alice' "$OUT/report"
  assert_jq "$OUT/report" '.[0].bill | length == 2 and all(.sub | startswith("fd"))'
  cp "$OUT/report" "$OUT/once"
  report --pseudonyms "$OUT/key" --subscribers "$OUT/names"
  cmp "$OUT/once" "$OUT/report"
  report --pseudonyms "$OUT/other"
  run ! cmp -s "$OUT/once" "$OUT/report"
  : >"$OUT/short"
  run -2 "$NETVITALS" report traffic "$OUT/flows" --pseudonyms "$OUT/short"
}

@test "stored summaries can be rated by new rules" {
  "$NETVITALS" report traffic "$OUT/flows" --full-names --format ndjson >"$OUT/summary"
  "$NETVITALS" report traffic "$OUT/summary" --rules "$OUT/rules" --full-names --format json >"$OUT/rated"
  report --full-names
  jq .bill "$OUT/report" >"$OUT/a"
  jq .bill "$OUT/rated" >"$OUT/b"
  diff "$OUT/a" "$OUT/b"
}

@test "the bill is the same with several threads: rules, --diff, pseudonyms, quotas" {
  awk 'BEGIN { for (i = 1; i <= 60000; i++) printf "{\"type\":\"flow\",\"ts_us\":%d000000,\"iface\":\"eth0\",\"sub\":\"10.0.%d.1\",\"peer\":\"147.92.%d.1\",\"proto\":6,\"peer_port\":443,\"name\":\"h%d.%s\",\"evidence\":\"sni\",\"unverified\":1,\"bytes_up\":%d,\"bytes_down\":%d,\"packets_up\":3,\"packets_down\":4,\"interval_us\":1000000}\n", 1700000000 + i, i % 7, i % 256, i % 30, i % 3 ? "line.me" : i % 2 ? "ads.line.me" : "example.org", i * 31, i * 17 }' >"$OUT/flows"
  head -c 32 /dev/zero >"$OUT/key"
  sed 's/^rate: free/rate: charged/' "$OUT/rules" >"$OUT/before"
  echo '10.0.0.0/16 free 4G' >"$OUT/quota"
  local options=(--diff "$OUT/before" --pseudonyms "$OUT/key" --quota "$OUT/quota" --by "sub,name,app,rate")
  report "${options[@]}"
  cp "$OUT/report" "$OUT/once"
  report "${options[@]}" --jobs 3
  cmp "$OUT/once" "$OUT/report"
  assert_jq "$OUT/once" '.[0] | (.bill | length == 7 and all(.free_bytes > 0 and .charged_bytes > 0 and .sni_unverified_bytes > 0)) and
    (.quotas | length == 7) and (.changes | length > 0)'
  "$NETVITALS" report traffic "$OUT/flows" --rules "$OUT/rules" --format html >"$OUT/one.html"
  "$NETVITALS" report traffic "$OUT/flows" --rules "$OUT/rules" --format html --jobs 3 >"$OUT/three.html"
  cmp "$OUT/one.html" "$OUT/three.html"
}

@test "a correction takes back what was given: by the rules and for the subscriber of the time of the bytes" {
  cat >"$OUT/rules" <<'RULES'
app: night
rate: free
port: tcp/443
time: 22:14-23:00
app: named
rate: charged
suffix: a.example
RULES
  # 1700000040 is 22:14:00: the bytes are from before, their correction from behind it
  {
    echo '{"type":"flow","ts_us":1700000039000000,"iface":"e","sub":"10.0.0.1","peer":"192.0.2.1","proto":6,"peer_port":443,"bytes_up":100,"bytes_down":900,"packets_up":1,"packets_down":2,"interval_us":1000000}'
    echo '{"type":"reclass","ts_us":1700000041000000,"iface":"e","sub":"10.0.0.1","peer":"192.0.2.1","proto":6,"peer_port":443,"name":"a.example","evidence":"sni","bytes_up":100,"bytes_down":900,"packets_up":1,"packets_down":2,"flow_ts_us":1700000039000000,"interval_us":1000000}'
  } >"$OUT/flows"
  printf '10.0.0.1 before - 2023-11-14T22:14:00Z\n10.0.0.1 behind 2023-11-14T22:14:00Z\n' >"$OUT/names"
  report --subscribers "$OUT/names"
  assert_jq "$OUT/report" '.[0].bill | map([.sub, .free_bytes, .charged_bytes, .unknown_bytes]) == [["before", 0, 1000, 0]]'
  assert_jq "$OUT/report" '.[0].rows | length == 1 and .[0].app == "named"'
}

@test "a correction moves bytes from rate to rate: the bill's metrics are gauges" {
  "$NETVITALS" report traffic "$OUT/flows" --rules "$OUT/rules" --by sub --format openmetrics >"$OUT/metrics"
  grep -qx '# TYPE netvitals_traffic_bill_free_bytes gauge' "$OUT/metrics"
  grep -q '^netvitals_traffic_bill_unknown_bytes{' "$OUT/metrics"
  run grep -E '^netvitals_traffic_(bill|evidence)_[a-z_]*_total' "$OUT/metrics"
  assert_equal "$output" ""
  grep -qx '# TYPE netvitals_traffic_bytes counter' "$OUT/metrics"
}

@test "what --max-keys leaves no room for is in the bill, in nobody's name, and no quota is called good" {
  report --max-keys 2
  assert_jq "$OUT/report" '.[0].bill | (map(.free_bytes + .charged_bytes + .unknown_bytes) | add) == 3080 and .[-1].sub == "other"'
  run -0 "$NETVITALS" report traffic "$OUT/flows" --rules "$OUT/rules" --max-keys 2
  [[ $output == *"bytes are in nobody's bill"* ]]
  echo '* free 10M' >"$OUT/quota"
  run -1 "$NETVITALS" check traffic --rules "$OUT/rules" --quota "$OUT/quota" --max-keys 2 "$OUT/flows"
  [[ $output == *"bytes count for no quota"* ]]
  # and in summaries that are read again
  "$NETVITALS" report traffic "$OUT/flows" --max-keys 2 --full-names --format ndjson >"$OUT/summary"
  "$NETVITALS" report traffic "$OUT/summary" --rules "$OUT/rules" --format json >"$OUT/report"
  assert_jq "$OUT/report" '.[0].bill | (map(.free_bytes + .charged_bytes + .unknown_bytes) | add) == 3080'
}

@test "counts that no traffic can have do not turn into less" {
  flow 10.0.0.1 192.0.2.1 6 443 18446744073709551615 9223372036854775807 >"$OUT/flows"
  flow 10.0.0.1 192.0.2.1 6 443 5 5 >>"$OUT/flows"
  report
  assert_jq "$OUT/report" '.[0].bill[0].unknown_bytes > 9e18 and .[0].rows[0].bytes_up > 9e18'
}

@test "rules that ask summaries for what they do not tell say so" {
  "$NETVITALS" report traffic "$OUT/flows" --format ndjson >"$OUT/summary"
  run -0 "$NETVITALS" report traffic "$OUT/summary" --rules "$OUT/rules"
  [[ $output == *"not what the events would give: host names in full (--full-names)"* && $output != *"peers (--by peer)"* ]]
  "$NETVITALS" report traffic "$OUT/flows" --full-names --by sub,name --format ndjson >"$OUT/summary"
  run -0 "$NETVITALS" report traffic "$OUT/summary" --rules "$OUT/rules"
  [[ $output != *"--full-names"* && $output == *"peers (--by peer)"* && $output != *"times"* ]]
  printf '  \ntime: 22:00-23:00\n' >>"$OUT/rules"
  run -0 "$NETVITALS" report traffic "$OUT/summary" --rules "$OUT/rules"
  [[ $output == *"times (--window)"* ]]
  run -0 "$NETVITALS" report traffic "$OUT/flows" --rules "$OUT/rules"
  [[ $output != *"not what the events would give"* ]]
}

@test "versions of xdpacct that the events came from, whatever came first" {
  { cat "$OUT/flows"; echo '{"type":"begin","ts_us":1700000020000000,"tool":"xdpacct","version":"1.2.3"}'; } >"$OUT/two"
  "$NETVITALS" report traffic "$OUT/two" --rules "$OUT/rules" --format json >"$OUT/report"
  assert_jq "$OUT/report" '.[0].made_with[0].xdpacct_version == "1.2.3, 9.8.7"'
}

@test "stored events get the bill that the stream had, and another one by other rules" {
  requires zstd
  "$NETVITALS" record --dir "$OUT/store" --host h <"$OUT/flows"
  # a segment beside its store would be billed twice, so that is pointed out
  run -0 "$NETVITALS" report traffic "$OUT/store" "$OUT"/store/*.zst --rules "$OUT/rules"
  [[ $output == *"is given more than once: its events count each time"* ]]
  run -0 "$NETVITALS" report traffic "$OUT/store" --rules "$OUT/rules"
  [[ $output != *"more than once"* ]]
  report
  jq '.bill' "$OUT/report" >"$OUT/stream"
  "$NETVITALS" report traffic "$OUT/store" --rules "$OUT/rules" --format json | jq '.bill' | diff "$OUT/stream" -
  sed 's/^rate: free/rate: charged/' "$OUT/rules" >"$OUT/other"
  "$NETVITALS" report traffic "$OUT/store" --rules "$OUT/other" --format json >"$OUT/report"
  assert_jq "$OUT/report" '.[0].bill | all(.free_bytes == 0) and (map(.charged_bytes) | add) == 2530'
}

@test "an error in rules, quotas or subscribers names file and place, exit code 2" {
  echo 'app: x' >"$OUT/rules"
  run -2 "$NETVITALS" report traffic "$OUT/flows" --rules "$OUT/rules"
  [[ $output == *"rules:2:1: app x ends without a rate"* ]]
  echo 'app: x y' >"$OUT/rules"
  run -2 "$NETVITALS" report traffic "$OUT/flows" --rules "$OUT/rules"
  [[ $output == *"rules:1:8: app: takes one value"* ]]
  printf 'app: x\nrate: free\n' >"$OUT/rules"
  echo '* free lots' >"$OUT/quota"
  run -2 "$NETVITALS" report traffic "$OUT/flows" --rules "$OUT/rules" --quota "$OUT/quota"
  [[ $output == *"quota:1: the third word is no size"* ]]
  echo '* fre 10M' >"$OUT/quota"
  run -3 "$NETVITALS" check traffic "$OUT/flows" --rules "$OUT/rules" --quota "$OUT/quota"
  [[ $output == *"quota:1: no rule has the rate 'fre'"* ]]
  run -2 "$NETVITALS" report traffic "$OUT/flows" --quota "$OUT/quota"
}

@test "the LINE example is read, and knows voice by its prefixes" {
  { flow 10.0.0.1 147.92.128.6 17 5000 20 200; flow 10.0.0.1 192.0.2.1 6 443 1 2 '"name":"obs.line-scdn.net","evidence":"sni"'
    flow 10.0.0.1 147.92.128.6 6 443 3 4 '"name":"x.ads.line.me","evidence":"sni"'; } >"$OUT/line"
  "$NETVITALS" report traffic "$OUT/line" --rules "$ROOT/docs/examples/line.rules" --format json >"$OUT/report"
  assert_jq "$OUT/report" '.[0].bill[0] | .free_bytes == 223 and .charged_bytes == 7 and .unknown_bytes == 0'
  assert_jq "$OUT/report" '.[0].rows | map(.app) | sort | unique == ["line", "line-ads"]'
}
