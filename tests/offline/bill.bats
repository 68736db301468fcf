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
  printf '10.0.0.1 free 300\n10.0.0.0/8 free 10M\n* charged 1K 50%%\n' >"$OUT/quota"
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
  run -2 "$NETVITALS" report traffic "$OUT/flows" --quota "$OUT/quota"
}

@test "the LINE example is read, and knows voice by its prefixes" {
  { flow 10.0.0.1 147.92.128.6 17 5000 20 200; flow 10.0.0.1 192.0.2.1 6 443 1 2 '"name":"obs.line-scdn.net","evidence":"sni"'; } >"$OUT/line"
  "$NETVITALS" report traffic "$OUT/line" --rules "$ROOT/docs/examples/line.rules" --format json >"$OUT/report"
  assert_jq "$OUT/report" '.[0].bill[0] | .free_bytes == 223 and .charged_bytes == 0 and .unknown_bytes == 0'
}
