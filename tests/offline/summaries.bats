#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A report is a stream of events: summaries merge, in any order, to what the raw events would have given,
# bit for bit. Every stream *.ndjson of tests/fixtures is put through it, with all reports. cgroup-moves.events is none of
# them: cut inside, its later parts lack the names and places that earlier events told (in_order in helper/aggregate/aggregate.h).
#
# tests/unit/summaries.c cuts the same streams and the same month, many times, in one process that is built with ASan and UBSan. Here
# the program itself shows it. Tests that start it again and again for that are `plain`: sanitized, they would only repeat what the
# unit test has done.

load ../lib/common

summarise() { "$NETVITALS" report all --format ndjson "$@" 2>/dev/null; }

# Files in an order drawn by chance.
shuffled() { shuf --random-source=<(yes "$1") -e "${@:2}"; }

# Summarises each part of DIR, merges the summaries, and holds them against the whole.
assert_merges() { # STREAM DIR SEED [OPTION…]
  local stream=$1 parts=$2 seed=$3 part files
  shift 3
  summarise "$@" "$stream" >"$OUT/whole"
  for part in "$parts"/*; do
    summarise "$@" "$part" >"$part.summary"
  done
  mapfile -t files < <(shuffled "$seed" "$parts"/*.summary)
  summarise "$@" "${files[@]}" >"$OUT/merged"
  cmp "$OUT/whole" "$OUT/merged"
}

# Every stream, cut with the seed into a number of parts.
assert_all_merge() { # SEED PARTS [OPTION…]
  local stream seed=$1 count=$2
  shift 2
  for stream in "$FIXTURES"/*.ndjson; do
    echo "$stream"
    rm -rf "$OUT/parts"
    "$ROOT/tests/lib/split-lines" "$OUT/parts" "$seed" "$count" <"$stream"
    assert_merges "$stream" "$OUT/parts" "$seed" "$@"
    # the whole says something beside its loss budget
    [ "$(wc -l <"$OUT/whole")" -gt 1 ]
  done
}

# bats test_tags=plain
@test "every fixture, cut at random into parts, merges to the whole in any order" {
  assert_all_merge 1 4
}

# bats test_tags=plain
@test "the same with windows: each window merges for itself" {
  assert_all_merge 2 3 --window 1m
  grep -q '"window_us":' "$OUT/whole"
}

# bats test_tags=plain
@test "raw events and summaries mix, and summaries of summaries stay the same" {
  local stream
  for stream in "$FIXTURES"/*.ndjson; do
    rm -rf "$OUT/parts"
    "$ROOT/tests/lib/split-lines" "$OUT/parts" 7 4 <"$stream"
    summarise "$stream" >"$OUT/whole"
    summarise "$OUT/parts/000" >"$OUT/a"
    summarise "$OUT/parts/001" "$OUT/parts/002" >"$OUT/b"
    summarise "$OUT/b" "$OUT/parts/003" >"$OUT/c"
    summarise "$OUT/a" "$OUT/c" >"$OUT/merged"
    cmp "$OUT/whole" "$OUT/merged"
    summarise "$OUT/merged" >"$OUT/again"
    cmp "$OUT/whole" "$OUT/again"
  done
}

@test "a report of summaries shows what the report of the raw events shows" {
  local stream format
  for stream in "$FIXTURES"/*.ndjson; do
    summarise "$stream" >"$OUT/summary"
    for format in json csv prometheus; do
      "$NETVITALS" report all --format "$format" - <"$stream" >"$OUT/raw" 2>/dev/null
      "$NETVITALS" report all --format "$format" - <"$OUT/summary" >"$OUT/merged"
      diff "$OUT/raw" "$OUT/merged"
    done
  done
}

# 720 runs of the program, so they are started without a shell for each.
# bats test_tags=plain
@test "a month of hourly summaries equals the raw month" {
  local hours=720
  "$ROOT/tests/lib/make-heartbeats" "$hours" 300 3 >"$OUT/month"
  [ "$(wc -l <"$OUT/month")" -gt $((hours * 125)) ]
  "$ROOT/tests/lib/split-lines" "$OUT/hours" 1 hours <"$OUT/month"
  [ "$(find "$OUT/hours" -type f | wc -l)" -ge "$hours" ]
  summarise "$OUT/month" >"$OUT/whole"
  shuffled 1 "$OUT/hours"/* | xargs -n 1 "$NETVITALS" report all --format ndjson >"$OUT/summaries" 2>"$OUT/said"
  [ "$(grep -c '"type":"stream_summary"' "$OUT/summaries")" -ge "$hours" ]
  summarise "$OUT/summaries" >"$OUT/merged"
  cmp "$OUT/whole" "$OUT/merged"
  "$NETVITALS" report rtt --format json - <"$OUT/month" >"$OUT/raw.json" 2>/dev/null
  "$NETVITALS" report rtt --format json - <"$OUT/merged" >"$OUT/merged.json"
  cmp "$OUT/raw.json" "$OUT/merged.json"
  # one run with windows gives the same summaries of the hours, and they are drawn from summaries alone
  summarise --window 1h "$OUT/month" >"$OUT/windows"
  [ "$(grep -c '"type":"rtt_summary".*"window_us"' "$OUT/windows")" -gt $((hours * 5)) ]
  summarise "$OUT/windows" >"$OUT/merged"
  cmp "$OUT/whole" "$OUT/merged"
  "$NETVITALS" report rtt --format html "$OUT/windows" | grep -q 'class="line"'
}

@test "paths beyond --max-keys survive a summary" {
  summarise --max-keys 2 "$FIXTURES/report-rtt.ndjson" >"$OUT/limited"
  assert_equal "$(grep -c '"other":1' "$OUT/limited")" 1
  summarise "$OUT/limited" >"$OUT/again"
  cmp "$OUT/limited" "$OUT/again"
}

@test "--since leaves out the loss budget of summaries from before, too" {
  local day stamp=(1700000000000000 1700086400000000)
  for day in 0 1; do
    {
      echo "{\"type\":\"sctp_hb_sent\",\"ts_us\":${stamp[day]},\"netns\":1,\"assoc_id\":1,\"lport\":5000,\"raddr\":\"198.18.0.2\",\"rport\":3868}"
      [ "$day" = 1 ] || echo rubbish
    } >"$OUT/day.$day"
    summarise "$OUT/day.$day" >"$OUT/summary.$day"
  done
  "$NETVITALS" report rtt --format json --since @1700040000s "$OUT"/summary.? >"$OUT/second"
  assert_jq "$OUT/second" '.[0] | .from_us == 1700086400000000 and .loss.events == 1 and .loss.lines_rejected == 0'
  "$NETVITALS" report rtt --format json "$OUT"/summary.? >"$OUT/both"
  assert_jq "$OUT/both" '.[0] | .from_us == 1700000000000000 and .loss.events == 2 and .loss.lines_rejected == 1'
}
