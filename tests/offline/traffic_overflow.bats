#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# netvitals report traffic, on a stream of two hosts whose flow tables were full: what is in no flow stands in a
# section of its own, by subscriber. The sums are jq's.

load ../lib/common

stream=$FIXTURES/traffic-overflow.ndjson

traffic() { "$NETVITALS" report traffic "$@"; }

# Sums of the traffic_overflow events by subscriber, largest first, as the section should have them.
expected() { # JQ-CONDITION
  jq -s "map(select(.type == \"traffic_overflow\") | select($1)) | group_by(.sub) | map({sub: .[0].sub,
    bytes_up: map(.bytes_up) | add, bytes_down: map(.bytes_down) | add,
    packets_up: map(.packets_up) | add, packets_down: map(.packets_down) | add}) | sort_by(-(.bytes_up + .bytes_down))" "$stream"
}

# The section of a report in JSON, without its empty column.
section() { # FILE
  jq '.overflow | map(del(.bytes_per_s))' "$1"
}

@test "by subscriber, largest first, and nothing of it in the rows" {
  traffic --format json "$stream" >"$OUT/report"
  expected true >"$OUT/expected"
  assert_equal "$(jq length "$OUT/expected")" 5
  section "$OUT/report" | jq -S . | diff <(jq -S . "$OUT/expected") -
  grep -v traffic_overflow "$stream" >"$OUT/without"
  traffic --format json "$OUT/without" >"$OUT/report.without"
  diff <(jq .rows "$OUT/report.without") <(jq .rows "$OUT/report")
  run -0 traffic "$stream"
  [[ $output == *"Counted for no flow, as the table was full"*"SUBSCRIBER"* ]]
}

@test "no such section where everything found room" {
  traffic --format json "$FIXTURES/traffic.ndjson" >"$OUT/report"
  assert_jq "$OUT/report" '.[0] | has("overflow") | not'
  run -0 traffic "$FIXTURES/traffic.ndjson"
  [[ $output != *"as the table was full"* ]]
}

@test "what is of nobody known is told" {
  run -0 traffic "$stream"
  [[ $output == *"of the overflow, 7 packets, 700 bytes are of subscribers that are not known"* ]]
  # all of tap1 is known
  grep '"host":"tap1"' "$stream" >"$OUT/tap1"
  run -0 traffic "$OUT/tap1"
  [[ $output == *"as the table was full"* && $output != *"not known"* ]]
}

@test "by host it is kept apart too, and --since leaves out what was before" {
  traffic --by host,sub --format json "$stream" >"$OUT/report"
  assert_jq "$OUT/report" '.[0].overflow | length > 5 and (map(.host) | unique) == ["tap1", "tap2"] and
    (map(.bytes_up + .bytes_down) | add) == 500140'
  traffic --since @1700000035s --format json "$stream" >"$OUT/report"
  expected '.ts_us > 1700000035000000' >"$OUT/expected"
  section "$OUT/report" | jq -S . | diff <(jq -S . "$OUT/expected") -
}

@test "--top leaves the rest in other, and --max-keys too" {
  traffic --top 2 --format json "$stream" >"$OUT/report"
  assert_jq "$OUT/report" '.[0].overflow | length == 3 and .[2].sub == "other" and (map(.bytes_up + .bytes_down) | add) == 500140'
  traffic --by sub --max-keys 3 --format ndjson "$stream" >"$OUT/summary"
  assert_jq "$OUT/summary" 'map(select(.type == "overflow_summary")) | map(select(.other)) | length == 1'
  traffic --format json "$OUT/summary" >"$OUT/report"
  assert_jq "$OUT/report" '.[0].overflow | (map(.bytes_up + .bytes_down) | add) == 500140'
}

@test "names of subscribers and pseudonyms stand there as in the rows" {
  printf '10.128.1.1 anna\n10.128.1.2 anna\n2001:db8:128:8::/64 boris\n' >"$OUT/subscribers"
  traffic --subscribers "$OUT/subscribers" --format json "$stream" >"$OUT/report"
  assert_jq "$OUT/report" '.[0] | (.overflow | map(.sub) | sort) == ["10.128.1.3", "2001:db8:128:9::", "anna", "boris"] and
    (.overflow | map(.sub) | sort) == (.rows | map(.sub) | sort)'
  head -c 32 /dev/zero >"$OUT/key"
  chmod 600 "$OUT/key"
  local options
  for options in "" "--subscribers $OUT/subscribers"; do
    # shellcheck disable=SC2086 # words
    traffic --pseudonyms "$OUT/key" $options --format json "$stream" >"$OUT/report"
    assert_jq "$OUT/report" '.[0] | (.overflow | map(.sub) | sort) == (.rows | map(.sub) | sort)'
    run -1 grep -E '10\.128\.1\.|2001:db8:128:|anna|boris' "$OUT/report"
    # shellcheck disable=SC2086
    traffic --pseudonyms "$OUT/key" $options --format ndjson "$stream" >"$OUT/summary"
    run -1 grep -E '10\.128\.1\.|2001:db8:128:|anna|boris' "$OUT/summary"
  done
}

@test "summaries of parts, with names and with windows, merge to the whole" {
  printf '10.128.1.1 anna\n10.128.1.2 anna\n' >"$OUT/subscribers"
  local options
  for options in "" "--window 20s" "--by sub" "--subscribers $OUT/subscribers"; do
    "$ROOT/tests/lib/split-lines" "$OUT/parts" 3 3 <"$stream"
    # shellcheck disable=SC2086 # words
    traffic $options --format ndjson "$stream" >"$OUT/whole"
    assert_jq "$OUT/whole" 'map(select(.type == "overflow_summary")) | (map(.bytes_up + .bytes_down) | add) == 500140'
    local part
    for part in "$OUT"/parts/*; do
      # shellcheck disable=SC2086
      traffic $options --format ndjson "$part" >"$part.summary" 2>/dev/null
    done
    # shellcheck disable=SC2086
    traffic $options --format ndjson "$OUT"/parts/002.summary "$OUT"/parts/000.summary "$OUT"/parts/001.summary | cmp - "$OUT/whole"
    # shellcheck disable=SC2086
    traffic $options --jobs 3 --format ndjson "$OUT"/parts/00? | cmp - "$OUT/whole"
    rm -r "$OUT/parts"
  done
  traffic --format csv "$stream" >"$OUT/events.csv"
  traffic --format ndjson "$stream" >"$OUT/whole"
  traffic --format csv "$OUT/whole" | diff "$OUT/events.csv" -
}

@test "lint: bytes in no packet" {
  "$NETVITALS" lint "$stream"
  grep -m1 traffic_overflow "$stream" | sed 's/"packets_up":[0-9]*/"packets_up":0/' >"$OUT/wrong"
  run -3 "$NETVITALS" lint "$OUT/wrong"
  [[ $output == *"bytes in no packet"* ]]
}

@test "one sum where subscribers are not asked for" {
  traffic --by peer --format json "$stream" >"$OUT/report"
  section "$OUT/report" | jq -S . >"$OUT/sum"
  expected true | jq -S '[{bytes_up: map(.bytes_up) | add, bytes_down: map(.bytes_down) | add,
    packets_up: map(.packets_up) | add, packets_down: map(.packets_down) | add}]' | diff - "$OUT/sum"
  traffic --by peer --format ndjson "$stream" >"$OUT/sums"
  [ "$(jq -s 'map(select(.type == "overflow_summary")) | length == 1 and (.[0] | has("sub") | not)' "$OUT/sums")" = true ]
  traffic --by peer --format json "$OUT/sums" >"$OUT/again"
  section "$OUT/again" | jq -S . | diff - "$OUT/sum"
}
