#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The cgroup report, from recorded events. cgroup-moves.events is a snapshot and what happened after it; its order
# matters, because a move's source is where the process was before. cgroup.ndjson has what adds up in any order
# (summaries.bats cuts it into parts).

load ../lib/common

test_setup() { MOVES=$FIXTURES/cgroup-moves.events; }

report() { "$NETVITALS" report cgroup --format json "$@"; }

@test "report cgroup: a tree with limits beside usage, and what changed" {
  (cd "$FIXTURES" && "$NETVITALS" report cgroup cgroup-moves.events) >"$OUT/text"
  diff "$FIXTURES/report-cgroup.text.txt" "$OUT/text"
}

@test "report cgroup: a move has its source, whoever moved it: from the snapshot, an earlier move or the parent" {
  report "$MOVES" >"$OUT/report"
  assert_equal "$(jq -c '.timeline[] | select(.change == "moved") | [.pid, .comm, .from_path, .path]' "$OUT/report")" \
    '[200,"nginx","/web","/web/n1"]
[400,"nginx","/web/n1","/system.slice/ssh"]
[200,"nginx","/web/n1","/web"]'
  # who is where at the end: 400 was a child of 200 and ended
  assert_equal "$(jq -c '[.rows[] | select(.hierarchy == "v2") | [.path, .processes]]' "$OUT/report")" \
    '[["/",1],["/a b/\"q\"\nü",1],["/system.slice/ssh",1],["/web",2],["/web/n1",0]]'
  assert_jq "$OUT/report" '.[0].rows | map(select(.state == "gone")) | length == 1 and .[0].path == "/web/n1"' "a removed cgroup keeps its path"
}

@test "report cgroup: the throttled share is that of the periods, limits that are not set are none" {
  report "$MOVES" >"$OUT/report"
  # 1920 ms in 30 periods of 100 ms
  assert_jq "$OUT/report" '.[0].rows[] | select(.cgroup_id == 31) | .throttled_ppm == 640000 and .throttled_ns == 1920000000 and .periods == 30 and .cpu_limit_ppm == "none"'
  assert_jq "$OUT/report" '.[0].rows[] | select(.cgroup_id == 30) | .memory_max_bytes == 536870912 and .pids_max == 100 and .oom_kills == 1'
}

@test "report cgroup: a limit that changed between two summaries is in the timeline, in whatever order they come" {
  split -l 30 "$FIXTURES/cgroup.ndjson" "$OUT/part."
  for part in "$OUT"/part.a?; do
    "$NETVITALS" report cgroup --format ndjson "$part" >"$part.sum"
  done
  report "$FIXTURES/cgroup.ndjson" | jq -c '.timeline[] | select(.was)  | [.at_us, .change, .was, .now]' >"$OUT/whole"
  assert_equal "$(cut -d, -f2- "$OUT/whole")" '"cpu_quota_ns",20000000,50000000]
"cpu_quota_ns",50000000,"none"]
"memory_max_bytes",1073741824,536870912]
"pids_max","none",100]'
  for order in "" -r; do
    mapfile -t files < <(printf '%s\n' "$OUT"/part.a?.sum | sort $order)
    [ "${#files[@]}" -ge 2 ]
    report "${files[@]}" | jq -c '.timeline[] | select(.was) | [.at_us, .change, .was, .now]' >"$OUT/merged"
    diff "$OUT/whole" "$OUT/merged"
  done
}

@test "report cgroup --top 2: the rest is one row, the totals stay" {
  report --top 2 "$MOVES" >"$OUT/report"
  assert_jq "$OUT/report" '.[0].rows | length == 3 and .[2].path == "other"'
  assert_equal "$(jq '[.rows[].run_ns] | add' "$OUT/report")" "$(report "$MOVES" | jq '[.rows[].run_ns] | add')"
  assert_equal "$(jq '[.rows[].processes] | add' "$OUT/report")" "$(report "$MOVES" | jq '[.rows[].processes] | add')"
}

@test "report cgroup --max-keys 3: cgroups beyond it are counted together, nothing is dropped" {
  report --max-keys 3 "$FIXTURES/cgroup.ndjson" >"$OUT/report"
  assert_jq "$OUT/report" '.[0].rows | length == 4 and .[3].path == "other"'
  assert_equal "$(jq '[.rows[].tx_bytes] | add' "$OUT/report")" "$(report "$FIXTURES/cgroup.ndjson" | jq '[.rows[].tx_bytes] | add')"
}

@test "report cgroup --under and --hierarchy: only those; one line says so where there is none" {
  report --under /web --hierarchy v2 "$MOVES" >"$OUT/report"
  assert_equal "$(jq -c '[.rows[].path]' "$OUT/report")" '["/web","/web/n1"]'
  assert_jq "$OUT/report" '.[0].timeline | all(.path | startswith("/web"))'
  status=0
  report --under /we "$MOVES" >"$OUT/report" 2>"$OUT/said" || status=$?
  assert_equal "$status" 1
  assert_jq "$OUT/report" '.[0].rows == []'
  assert_equal "$(wc -l <"$OUT/said")" 1
  grep -q "there is no cgroup /we; 7 others are known" "$OUT/said"
  status=0
  "$NETVITALS" check cgroup --under /we "$MOVES" >"$OUT/check" 2>/dev/null || status=$?
  assert_equal "$status $(cat "$OUT/check")" "3 CGROUP UNKNOWN - that cgroup is not there, see standard error"
  { report --hierarchy memory "$MOVES" 2>&1 >/dev/null || true; } | grep -q "no cgroup on hierarchy memory"
}

@test "report cgroup: an id that nobody named is shown as one, also beside many others" {
  for i in 5 9 2 7; do
    echo "{\"type\":\"cgroup_net\",\"ts_us\":1795340000000000,\"cgroup_id\":$i,\"interval_us\":1000000,\"tx_bytes\":$i,\"rx_bytes\":0}"
  done >"$OUT/events"
  report "$OUT/events" >"$OUT/report"
  assert_equal "$(jq -c '[.rows[] | [.path, .cgroup_id]]' "$OUT/report")" '[["(id 2)",2],["(id 5)",5],["(id 7)",7],["(id 9)",9]]'
}

@test "report cgroup: a file says the same whenever it is read, also a moment after it was begun" {
  {
    echo "{\"type\":\"begin\",\"ts_us\":$(date +%s%6N),\"tool\":\"cgnet\"}"
    echo "{\"type\":\"cgroup_net\",\"ts_us\":$(date +%s%6N),\"cgroup_id\":4242424242,\"interval_us\":1000000,\"tx_bytes\":7,\"rx_bytes\":0}"
  } >"$OUT/events"
  for source in "$OUT/events" -; do
    report "$source" <"$OUT/events" >"$OUT/report"
    assert_equal "$(jq -c '[.rows[].cgroup_id]' "$OUT/report")" "[4242424242]"
  done
}

@test "report cgroup: all formats print, and lint finds nothing in the fixtures" {
  for format in text json ndjson csv html prometheus influx statsd markdown; do
    "$NETVITALS" report cgroup --format "$format" "$MOVES" >"$OUT/$format"
    [ -s "$OUT/$format" ]
  done
  "$NETVITALS" lint "$MOVES" "$FIXTURES/cgroup.ndjson"
}

# cgroup_net events of the cgroup ID on HOST, KEYS beside: net HOST ID KEYS
net() { echo "{\"type\":\"cgroup_net\",\"ts_us\":1795340010500000,\"host\":\"$1\",\"hierarchy_id\":0,\"cgroup_id\":$2,\"interval_us\":1000000,$3}"; }

@test "report cgroup: bytes of the network that nobody could count are not 0, merged or not" {
  net old 7 '"connects":3,"accepts":0,"retransmits":0' >"$OUT/old"
  net new 8 '"tx_bytes":0,"rx_bytes":0,"connects":2,"accepts":0,"retransmits":0' >"$OUT/new"
  net new 8 '"tx_bytes":100,"rx_bytes":9,"tx_packets":1,"rx_packets":1' >>"$OUT/new"
  net new 9 '"tx_bytes":0,"rx_bytes":0,"connects":1,"accepts":0,"retransmits":0' >>"$OUT/new"
  run -0 "$NETVITALS" lint "$OUT/old" "$OUT/new"
  local part known='map([.connects, .tx_bytes, .rx_bytes, .tx_packets, .rx_packets])'
  for part in old new; do "$NETVITALS" report cgroup --format ndjson "$OUT/$part" >"$OUT/$part.sum"; done
  run ! grep -q tx_bytes "$OUT/old.sum"
  run -0 "$NETVITALS" lint "$OUT/old.sum" "$OUT/new.sum"
  for part in "" .sum; do
    report "$OUT/old$part" >"$OUT/report"
    assert_equal "$(jq -c ".rows | $known" "$OUT/report")" '[[3,null,null,null,null]]'
    report "$OUT/old$part" "$OUT/new$part" >"$OUT/report"
    assert_equal "$(jq -c ".rows | sort_by(.cgroup_id) | $known" "$OUT/report")" '[[3,null,null,null,null],[2,100,9,1,1],[1,0,0,0,0]]'
    # what is known of those together
    report --top 1 "$OUT/old$part" "$OUT/new$part" >"$OUT/report"
    assert_equal "$(jq -c ".rows[1:] | $known" "$OUT/report")" '[[4,0,0,0,0]]'
  done
  run -0 "$NETVITALS" report cgroup --wide "$OUT/old" "$OUT/new"
  grep -Eq '^ *old .* - +- +- +- +3 ' <<<"$output"
}
