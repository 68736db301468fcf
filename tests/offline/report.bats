#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The text report, as an operator sees it. Golden files lie beside the fixtures: NAME.EXPECTED.txt;
# UPDATE=1 writes them anew, to be looked at in the diff.

# shellcheck disable=SC2154 # run --separate-stderr sets stderr
load ../lib/common

stream=$FIXTURES/report-rtt.ndjson

report() { "$NETVITALS" report rtt "$@" 2>/dev/null; }

# Output from `report` with a fixture as it stands in FILE.
assert_golden() { # FILE [OPTION…]
  local golden=$FIXTURES/$1
  shift
  (cd "$FIXTURES" && report "$@" report-rtt.ndjson) >"$OUT/got"
  [ -z "${UPDATE-}" ] || cp "$OUT/got" "$golden"
  diff -u "$golden" "$OUT/got"
}

# The same on a terminal: `script` gives it one.
on_terminal() { script -qec "$1" /dev/null </dev/null | tr -d '\r'; }

@test "the text report of six paths" { assert_golden report-rtt.text.txt; }
@test "the text report with all columns" { assert_golden report-rtt.wide.txt --wide; }
@test "the text report with exact integers" { assert_golden report-rtt.raw.txt --raw; }
@test "the report as Markdown" { assert_golden report-rtt.markdown.txt --format markdown; }
@test "the report as summary events" { assert_golden report-rtt.ndjson.txt --format ndjson; }

@test "no line is wider than 100 columns" {
  report "$stream" >"$OUT/text"
  LC_ALL=C.UTF-8 awk 'length($0) > 100 { print; bad = 1 } END { exit bad }' "$OUT/text"
  # with long IPv6 addresses and numbers of every size too
  sed 's/198\.18\.0\.2"/2001:db8:1234:5678:9abc:def0:1234:5678"/' "$stream" | report >"$OUT/text"
  grep -q '2001:db8:1234:5678:9abc:def0:1234:5678' "$OUT/text"
  LC_ALL=C.UTF-8 awk 'length($0) > 100 { print; bad = 1 } END { exit bad }' "$OUT/text"
}

@test "columns are aligned: numbers end where their heading ends" {
  report "$stream" | LC_ALL=C.UTF-8 awk '
    /^PEER/ { end = index($0, "SENT") + 3; next }
    end && NF == 0 { exit }
    end { rows++; if (substr($0, end, 1) !~ /[0-9]/ || substr($0, end + 1, 1) != " ") { print; bad = 1 } }
    END { exit bad || rows != 6 }'
}

@test "--raw gives exact integers under the keys of the other formats" {
  report --raw --wide "$stream" >"$OUT/text"
  report --format json "$stream" >"$OUT/json"
  local p99
  p99=$(jq -r '.rows[] | select(.raddr == "2001:db8::17").p99_ns' "$OUT/json")
  grep -q "^.* 2001:db8::17 .* $p99 " "$OUT/text"
  grep -q ' last_ack_age_us ' "$OUT/text"
}

@test "colour on a terminal only, and not with NO_COLOR" {
  requires script
  report "$stream" >"$OUT/piped"
  run grep -c $'\033' "$OUT/piped"
  assert_equal "$output" 0
  on_terminal "'$NETVITALS' report rtt '$stream'" | grep -q $'\033\[1;31m''stalled'
  on_terminal "NO_COLOR=1 '$NETVITALS' report rtt '$stream' 2>/dev/null" >"$OUT/plain"
  grep -q stalled "$OUT/plain"
  run grep -c $'\033' "$OUT/plain"
  assert_equal "$output" 0
}

@test "an empty input says so, and how to get data" {
  run "$NETVITALS" report rtt /dev/null
  assert_equal "$status" 0
  [[ $output == *"nothing to report"*"sctphb.bt | netvitals report rtt"* ]]
  run --separate-stderr on_terminal "'$NETVITALS' report rtt"
}

@test "a word that is neither a report nor a file is said to be none, and the reports are named" {
  local words
  for words in nosuch "nosuch $FIXTURES/report-rtt.ndjson"; do
    # shellcheck disable=SC2086 # several words
    run -2 --separate-stderr "$NETVITALS" report $words
    assert_equal "$output" ""
    assert_equal "$stderr" "netvitals: there is no report and no file '${words%% *}'; reports are rtt, cgroup, redirect, traffic, all"
  done
  # what looks like a file is a missing one, of which others may be there
  run -1 --separate-stderr "$NETVITALS" report "$OUT/missing.ndjson"
  assert_equal "$stderr" "netvitals: cannot read $OUT/missing.ndjson: No such file or directory"
  run -1 --separate-stderr "$NETVITALS" report "$OUT/missing.ndjson" "$FIXTURES/report-rtt.ndjson"
  [[ $stderr == *"cannot read $OUT/missing.ndjson: No such file"* && $output == *"SCTP heartbeats, 20"* ]]
  # a file that is called like no report is one
  cp "$FIXTURES/report-rtt.ndjson" "$OUT/nosuch"
  cd "$OUT"
  run -0 --separate-stderr "$NETVITALS" report nosuch
}

@test "a report without rows says why: no events, or packets of which none was a flow's" {
  run -0 --separate-stderr "$NETVITALS" report redirect /dev/null
  [[ $output == *"nothing to report: no such events in the input."*"Feed it with:  sudo sockredir "* ]]
  jq -c 'select(.type == "traffic_totals")' "$FIXTURES/traffic.ndjson" >"$OUT/totals"
  local format
  for format in text markdown html; do
    run -0 --separate-stderr "$NETVITALS" report traffic --format "$format" "$OUT/totals"
    [[ $output != *"no such events"* && $output == *"othing to report: no flow in the input, only what became of the packets"*"What became of all packets"*seen*32* ]]
  done
}

@test "evidence lines are complete, however many paths are stalled" {
  local i
  for i in $(seq 300); do
    echo "{\"type\":\"sctp_hb_sent\",\"ts_us\":1790000000000000,\"netns\":1,\"assoc_id\":$i,\"lport\":1,\"raddr\":\"198.18.0.1\",\"rport\":$i,\"hb_interval_us\":1000000,\"rto_us\":200000}"
  done >"$OUT/in"
  echo '{"type":"ready","ts_us":1790000100000000}' >>"$OUT/in"
  report "$OUT/in" >"$OUT/text"
  assert_equal "$(grep -c '^198.18.0.1:[0-9]* never: 1 heartbeats sent, none answered' "$OUT/text")" 300
}

@test "text from outside cannot move the cursor or garble the line" {
  printf '%s\n' '{"type":"sctp_hb_sent","ts_us":1790000000000000,"host":"a\u001b[2Jb\u009bc\u0007d\ne","netns":1,"assoc_id":1,"lport":1,"raddr":"198.18.0.1","rport":1}' |
    report --wide >"$OUT/text"
  grep -q 'a?\[2Jb?c?d?e' "$OUT/text"
  run grep -c $'\033\|\a' "$OUT/text"
  assert_equal "$output" 0
}

@test "paths beyond --max-keys are one row, in every count" {
  report --max-keys 2 --format json "$stream" >"$OUT/limited"
  report --format json "$stream" >"$OUT/whole"
  assert_jq "$OUT/limited" '.[0].rows | length == 3 and (map(select(.raddr == "other")) | length == 1)'
  assert_equal "$(jq '[.rows[].sent] | add' "$OUT/limited")" "$(jq '[.rows[].sent] | add' "$OUT/whole")"
  assert_equal "$(jq '[.rows[].acked] | add' "$OUT/limited")" "$(jq '[.rows[].acked] | add' "$OUT/whole")"
  report --max-keys 2 "$stream" | grep -q -- '--max-keys raises the limit'
}

shows_progress() { tr '\r' '\n' <"$OUT/$1" | grep -q ' read ([0-9]* %), [0-9]* s left'; }

@test "long files show progress on a terminal's stderr only" {
  requires script
  local i many=()
  for i in $(seq 60); do sed '$d' "$stream"; done >"$OUT/some"
  for i in $(seq 1000); do many+=("$OUT/some"); done # seconds, on any machine
  # looked at while it goes on, and ended then
  start terminal script -qec "echo \$\$ >'$OUT/pid'; exec '$NETVITALS' report rtt -o '$OUT/report' ${many[*]}" /dev/null
  wait_until 60 shows_progress terminal.out
  kill -KILL "$(cat "$OUT/pid")"
  timeout -s KILL 2 "$NETVITALS" report rtt "${many[@]}" >"$OUT/report" 2>"$OUT/err" || true
  assert_equal "$(grep -v 'is given more than once' "$OUT/err")" ""
}

@test "memory is bounded by --max-keys, however many paths there are, and what has no row is counted" {
  local rows=200000
  awk -v n=$rows 'BEGIN { for (i = 0; i < n; i++)
    printf "{\"type\":\"sctp_hb_sent\",\"ts_us\":%d,\"netns\":1,\"assoc_id\":%d,\"lport\":1,\"raddr\":\"10.%d.%d.%d\",\"rport\":2}\n",
      1790000000000000 + i, i, i / 65536, i / 256 % 256, i % 256 }' >"$OUT/in"
  # 200 MB of address space would not hold the rows of them all (without ASan, which reserves terabytes)
  [[ $NETVITALS == */asan/* ]] || ulimit -v 200000
  "$NETVITALS" report rtt --max-keys 1000 --format json "$OUT/in" >"$OUT/report"
  assert_jq "$OUT/report" '.[0].rows | length == 1001 and (map(.sent) | add) == 200000 and
    (map(select(.raddr == "other")) | length == 1 and .[0].sent == 199000)'
}

@test "--follow goes for every report: blocks while the input goes on, and the whole at the end" {
  local name
  for name in rtt traffic redirect cgroup all; do
    {
      sed '$d' "$stream"
      cat "$FIXTURES"/{traffic,redirect}.ndjson
      echo '{"type":"cgroup_task","ts_us":1790000000000000,"hierarchy":"v2","cgroup_id":1,"path":"/","pid":1,"tgid":1,"comm":"x"}'
    } >"$OUT/all"
    # the input ends when a block has come
    rm -f "$OUT/blocks"
    { cat "$OUT/all" && wait_until 20 has_output blocks; } |
      "$NETVITALS" report "$name" --follow 0.1 --format json >"$OUT/blocks"
    [ "$(jq -s length "$OUT/blocks")" -ge 2 ]
    "$NETVITALS" report "$name" --format json - <"$OUT/all" >"$OUT/once"
    assert_equal "$(jq -s 'last | walk(if type == "object" then del(.to_us, .last_ack_age_us, .last_recv_age_us) else . end)' "$OUT/blocks")" \
      "$(jq 'walk(if type == "object" then del(.to_us, .last_ack_age_us, .last_recv_age_us) else . end)' "$OUT/once")"
  done
}

# plain: ASan reserves terabytes
# bats test_tags=plain
@test "without memory for its paths a report says so, and check does not call them well" {
  awk 'BEGIN { for (i = 0; i < 200000; i++)
    printf "{\"type\":\"sctp_hb_sent\",\"ts_us\":%d,\"netns\":1,\"assoc_id\":%d,\"lport\":1,\"raddr\":\"10.0.0.1\",\"rport\":2}\n",
      1790000000000000 + i, i }' >"$OUT/in"
  ulimit -v 200000
  "$NETVITALS" report rtt "$OUT/in" >"$OUT/report" 2>"$OUT/err"
  grep -q '^out of memory: some events are missing above' "$OUT/report"
  grep -q '^netvitals: no memory to judge [0-9]* paths; a lower --max-keys needs less$' "$OUT/err"
  run -3 --separate-stderr "$NETVITALS" check rtt "$OUT/in"
  assert_equal "$output" "RTT UNKNOWN - out of memory"
}
