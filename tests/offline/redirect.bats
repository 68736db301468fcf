#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The redirect report, from events that sockredir printed.

load ../lib/common

test_setup() { EVENTS=$FIXTURES/redirect.ndjson; }

@test "report redirect: a row for each port, the same totals as a sum by jq" {
  "$NETVITALS" report redirect --format json "$EVENTS" >"$OUT/report"
  for key in connections msgs_redirected bytes_redirected msgs_passed bytes_passed bytes_passed_small; do
    want=$(jq -s "map(select(.type == \"redirect\") | .$key // 0) | add" "$EVENTS")
    assert_equal "$(jq "[.rows[].$key] | add" "$OUT/report")" "$want"
  done
  assert_equal "$(jq -c '[.rows[].port] | sort' "$OUT/report")" '[5432,6379,8080]'
  assert_jq "$OUT/report" '.[0].rows[] | select(.port == 8080) | .why == "small \(.bytes_passed_small)" and .redirected_ppm < 10000'
  assert_jq "$OUT/report" '.[0].rows[] | select(.port == 5432) | .redirected_ppm == 1000000'
}

@test "report redirect: summaries of parts give the report of the whole" {
  head -n 4 "$EVENTS" | "$NETVITALS" report redirect --format ndjson - >"$OUT/first"
  tail -n +5 "$EVENTS" | "$NETVITALS" report redirect --format ndjson - >"$OUT/second"
  "$NETVITALS" report redirect --format json "$EVENTS" | jq -S .rows >"$OUT/whole"
  "$NETVITALS" report redirect --format json "$OUT/second" "$OUT/first" | jq -S .rows >"$OUT/merged"
  diff "$OUT/whole" "$OUT/merged"
}

@test "report redirect --top 1: the rest is one row, the totals stay" {
  "$NETVITALS" report redirect --top 1 --format json "$EVENTS" >"$OUT/report"
  assert_jq "$OUT/report" '.[0].rows | length == 2 and .[1].cgroup == "other" and .[1].port == null'
  want=$(jq -s 'map(select(.type == "redirect").bytes_passed) | add' "$EVENTS")
  assert_equal "$(jq '[.rows[].bytes_passed] | add' "$OUT/report")" "$want"
}

@test "report redirect: all formats print, and lint finds nothing in what sockredir printed" {
  for format in text json ndjson csv html prometheus influx statsd markdown; do
    "$NETVITALS" report redirect --format "$format" "$EVENTS" >"$OUT/$format"
    [ -s "$OUT/$format" ]
  done
  "$NETVITALS" lint "$EVENTS"
}
