#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The store: what is recorded is what is reported, whatever happens to the recorder and its files.

load ../lib/common

# Heartbeats FROM to TO of one path, one a second from 2023-11-14T22:13:20Z on.
heartbeats() {
  awk -v from="$1" -v to="$2" 'BEGIN { for (i = from; i <= to; i++)
    printf "{\"type\":\"sctp_hb_ack\",\"ts_us\":%d000000,\"netns\":1,\"assoc_id\":3,\"lport\":5000,\"raddr\":\"198.18.0.2\",\"rport\":3868,\"verdict\":\"ok\",\"rtt_ns\":%d}\n", 1700000000 + i, i * 1000 }'
}

# Events FROM to TO that zstd can make little smaller.
noise() {
  awk -v from="$1" -v to="$2" 'BEGIN { srand(from); for (i = from; i <= to; i++) {
    printf "{\"type\":\"end\",\"ts_us\":%d000000,\"reason\":\"", 1700000000 + i
    for (k = 0; k < 40; k++) printf "%c", 97 + int(rand() * 26)
    print "\"}" } }'
}

record() { "$NETVITALS" record --dir "$OUT/store" --host web1 "$@"; }
report() { "$NETVITALS" report rtt --format json "$@" >"$OUT/report.json"; }
totals() { assert_jq "$OUT/report.json" ".[0] | $1"; }
segments() { find "$OUT/store" -name '*.zst' | wc -l; }

@test "a store reports what its stream reports, and stamps host and seq" {
  requires jq zstd
  heartbeats 1 500 >"$OUT/stream"
  record <"$OUT/stream"
  zstd -dcq "$OUT"/store/*.zst >"$OUT/stored"
  assert_jq "$OUT/stored" 'map(.seq) == [range(1; 501)] and all(.host == "web1")'
  assert_equal "$(jq -c 'del(.host, .seq)' "$OUT/stored")" "$(jq -c . "$OUT/stream")"
  report "$OUT/stream"
  jq 'del(.sources) | del(.rows[].host)' "$OUT/report.json" >"$OUT/expected"
  report "$OUT/store"
  assert_equal "$(jq 'del(.sources) | del(.rows[].host)' "$OUT/report.json")" "$(cat "$OUT/expected")"
}

@test "a producer's begin, which names its host, is stored with the name and position that its other events have" {
  requires jq zstd
  {
    echo '{"type":"begin","ts_us":1700000000000000,"tool":"sctphb","settings":"5000","host_hex":"612022c3a4"}'
    heartbeats 1 3
  } >"$OUT/stream"
  record <"$OUT/stream"
  zstd -dcq "$OUT"/store/*.zst >"$OUT/stored"
  assert_jq "$OUT/stored" 'map(.seq) == [1, 2, 3, 4] and all(.host == "web1")'
  assert_jq "$OUT/stored" '.[0] | .type == "begin" and .tool == "sctphb" and .settings == "5000" and (has("host_hex") | not)'
  run -0 "$NETVITALS" lint "$OUT/stored" # no seq is missing
}

@test "what the schema does not know of a begin stays in it, byte for byte" {
  requires jq zstd
  cat >"$OUT/stream" <<'END'
{"type":"begin","ts_us":1700000000000000,"tool":"sctphb","host_hex":"612022c3a4","new":{"host":"x","seq":[7, 7]} , "float":1.50,"n":18446744073709551615}
 { "type" : "begin", "ts_us" : 1700000000000001, "tool" : "x", "h\u006fst" : "a\u0062", "new" : "\u00e9}\",\"host\":" }
END
  record <"$OUT/stream"
  zstd -dcq "$OUT"/store/*.zst >"$OUT/stored"
  assert_equal "$(sed -n 1p "$OUT/stored")" '{"type":"begin","ts_us":1700000000000000,"tool":"sctphb","new":{"host":"x","seq":[7, 7]},"float":1.50,"n":18446744073709551615,"host":"web1","seq":1}'
  assert_equal "$(sed -n 2p "$OUT/stored")" '{"type" : "begin","ts_us" : 1700000000000001,"tool" : "x","new" : "\u00e9}\",\"host\":","host":"web1","seq":2}'
}

@test "a line of an unknown type gets one host and one seq" {
  requires jq zstd
  cat >"$OUT/stream" <<'END'
{"type":"from_the_future","host":"db1","seq":17,"x":1}
{"type":"from_the_future","seq":17,"x":{"host":"y","seq":3}}
{"type":"from_the_future","host":null,"x":2}
{"type":"end","seq":17,"ts_us":1700000002000000,"x":3}
END
  record <"$OUT/stream"
  zstd -dcq "$OUT"/store/*.zst | tee "$OUT/stored"
  assert_equal "$(cat "$OUT/stored")" '{"type":"from_the_future","host":"db1","seq":17,"x":1}
{"type":"from_the_future","x":{"host":"y","seq":3},"host":"web1","seq":2}
{"type":"from_the_future","x":2,"host":"web1","seq":3}
{"type":"end","ts_us":1700000002000000,"x":3,"host":"web1","seq":4}'
}

@test "unknown types and keys are stored as they came; malformed lines are counted in the store" {
  requires jq zstd
  {
    heartbeats 1 1
    echo '{"type":"from_the_future","x":[1,{"y":2}]}'
    echo '{"type":"end","ts_us":1700000002000000,"new_key":"kept"}'
    echo 'rubbish'
    echo '{"type":"end","ts_us":'
  } | record 2>"$OUT/said"
  grep -q 'line 4: not JSON' "$OUT/said"
  grep -q '2 malformed lines' "$OUT/said"
  zstd -dcq "$OUT"/store/*.zst >"$OUT/stored"
  assert_jq "$OUT/stored" '.[1] == {"type":"from_the_future","x":[1,{"y":2}],"host":"web1","seq":2}'
  assert_jq "$OUT/stored" '.[2].new_key == "kept"'
  report "$OUT/store"
  totals '.loss.lines_rejected == 2 and .loss.lines_unknown == 1'
}

@test "bpftrace's JSON output is stored without its envelope" {
  requires jq zstd
  {
    echo '{"type": "attached_probes", "data": {"probes": 3}}'
    # shellcheck disable=SC2028 # the \n is JSON's
    echo '{"type": "printf", "data": "{\"type\":\"end\",\"ts_us\":1,\"x\":1}\n"}'
    echo '{"type":"lost_events", "count":7}'
  } | record
  zstd -dcq "$OUT"/store/*.zst >"$OUT/stored"
  assert_jq "$OUT/stored" 'map([.type, .seq]) == [["ready", 1], ["end", 2], ["lost", 3]]'
  assert_jq "$OUT/stored" '.[0].ts_us > 1700000000000000 and .[1].x == 1 and .[2].events == 7'
}

@test "lines that another host has stamped keep their stamp" {
  requires jq zstd
  heartbeats 1 1 | sed 's/}$/,"host":"db1","seq":17}/' | record
  zstd -dcq "$OUT"/store/*.zst >"$OUT/stored"
  assert_jq "$OUT/stored" '.[0].host == "db1" and .[0].seq == 17'
}

@test "segments rotate by event time, and a report opens only those that its range needs" {
  requires jq
  heartbeats 1 600 | record --segment-time 100s
  assert_equal "$(segments)" 7
  # all but the third and fourth are made unreadable: 22:15:00 to 22:18:19
  local file
  for file in "$OUT"/store/*.zst; do
    case $file in *T221500Z-* | *T221640Z-*) ;; *) echo rubbish >"$file" ;; esac
  done
  report --strict --since 2023-11-14T22:15:00Z --until 2023-11-14T22:18:20Z "$OUT/store"
  totals '.rows[0].acked == 200 and .loss.events == 200 and .rows[0].max_ns == 299000'
}

@test "segments rotate by size" {
  noise 1 20000 | record --segment-time 30d --segment-size 100K
  [ "$(segments)" -ge 4 ]
  [ "$(find "$OUT/store" -name '*.zst' -size +250k | wc -l)" -eq 0 ]
  "$NETVITALS" report rtt --format json "$OUT/store" >"$OUT/report.json"
  totals '.loss.events == 20000'
}

@test "a clock that steps back stays within its segment, whose name covers it" {
  requires jq
  { heartbeats 500 510; heartbeats 1 10; heartbeats 511 520; } | record --segment-time 1000s
  assert_equal "$(segments)" 1
  report --since 2023-11-14T22:13:21Z --until 2023-11-14T22:13:26Z "$OUT/store"
  totals '.rows[0].acked == 5'
}

@test "SIGKILL loses the unflushed tail only, and the next start says how much" {
  requires jq zstd
  mkfifo "$OUT/pipe"
  "$NETVITALS" record --dir "$OUT/store" --host web1 --segment-time 30d --flush 1h <"$OUT/pipe" 3>&- &
  PIDS["recorder"]=$!
  exec 7>"$OUT/pipe"
  noise 1 20000 >&7
  wait_until 20 taken_is 20000
  stop recorder KILL
  exec 7>&-
  [ "$(find "$OUT/store" -name '*.part' | wc -l)" -eq 1 ]
  noise 20001 20010 | record --segment-time 30d 2>"$OUT/said"
  [ "$(find "$OUT/store" -name '*.part' | wc -l)" -eq 0 ]
  local recovered lost
  recovered=$(sed -n 's/.*cut short: \([0-9]*\) events of it were recovered.*/\1/p' "$OUT/said")
  lost=$(sed -n 's/.* \([0-9]*\) had not reached the disk.*/\1/p' "$OUT/said")
  [ "$recovered" -gt 0 ] && [ "$lost" -gt 0 ]
  assert_equal "$((recovered + lost))" 20000
  zstd -dcq "$OUT"/store/*.zst >"$OUT/stored"
  # what was flushed, without a hole; then the `lost` event, in the place of what is missing
  assert_jq "$OUT/stored" "map(.seq) == [range(1; $recovered + 1), range(20001; 20012)]"
  assert_jq "$OUT/stored" ".[$recovered] | .type == \"lost\" and .events == $lost"
}

# The lines taken, as the recorder's mapped counter says: it outlives the process.
taken_is() {
  [ "$(od -An -tu8 -j16 -N8 "$OUT"/store/.web1.*.position 2>/dev/null | tr -d ' ')" = "$1" ]
}

@test "SIGKILL after a flush loses nothing" {
  requires jq
  mkfifo "$OUT/pipe"
  "$NETVITALS" record --dir "$OUT/store" --host web1 --flush 50ms <"$OUT/pipe" 3>&- &
  PIDS["recorder"]=$!
  exec 7>"$OUT/pipe"
  heartbeats 1 30 >&7
  wait_until 20 readable_is 30
  stop recorder KILL
  exec 7>&-
  record </dev/null 2>"$OUT/said"
  grep -q '30 events of it were recovered, none is lost' "$OUT/said"
  report "$OUT/store"
  totals '.rows[0].acked == 30 and .loss.events_lost == 0'
}

readable_is() { # a report reads the segment that is being written
  report "$OUT/store" 2>/dev/null && totals ".rows[0].acked == $1" 2>/dev/null
}

@test "SIGTERM completes the segment" {
  requires jq
  mkfifo "$OUT/pipe"
  "$NETVITALS" record --dir "$OUT/store" --host web1 <"$OUT/pipe" 2>"$OUT/said" 3>&- &
  PIDS["recorder"]=$!
  exec 7>"$OUT/pipe"
  heartbeats 1 30 >&7
  wait_until 20 taken_is 30
  kill -TERM "${PIDS[recorder]}"
  exec 7>&-
  stop recorder TERM
  assert_equal "$status" 0
  grep -q '30 events recorded in .*, 1 segments completed' "$OUT/said"
  assert_equal "$(segments)" 1
}

@test "a file that cannot grow loses what came after, says so, and keeps the rest for the next start" {
  requires jq
  noise 1 20000 >"$OUT/stream"
  run -1 bash -c "trap '' XFSZ; ulimit -f 300; '$NETVITALS' record --dir '$OUT/store' --host web1 --segment-time 30d <'$OUT/stream' 2>&1"
  [[ $output == *"File too large; events are counted and dropped"* ]]
  local lost
  lost=$(sed -n 's/.*, \([0-9]*\) events lost$/\1/p' <<<"$output")
  [ "$lost" -gt 0 ]
  record </dev/null
  "$NETVITALS" report rtt --format json "$OUT/store" >"$OUT/report.json"
  totals ".loss.events_lost >= $lost and .loss.events + .loss.events_lost == 20001"
}

@test "a second recorder of the same host is refused" {
  mkfifo "$OUT/pipe"
  "$NETVITALS" record --dir "$OUT/store" --host web1 <"$OUT/pipe" 3>&- &
  PIDS["recorder"]=$!
  exec 7>"$OUT/pipe"
  heartbeats 1 1 >&7
  wait_until 20 taken_is 1
  run -1 record </dev/null
  [[ $output == *"another"*"record"*"writes to"* ]]
  heartbeats 1 1 | record --host web2
  exec 7>&-
}

@test "two machines of one name are told apart" {
  requires jq
  heartbeats 1 10 | record --machine aaaa
  heartbeats 1 10 | record --machine bbbb 2>"$OUT/said"
  grep -q 'holds events of another machine called web1: recording as web1#' "$OUT/said"
  heartbeats 11 20 | record --machine aaaa 2>"$OUT/said"
  run ! grep -q 'another machine' "$OUT/said"
  report "$OUT/store"
  totals '(.rows | length) == 2 and (.rows | map(.acked) | sort) == [10, 20]'
}

@test "two machines of one name in one directory are said to be added up" {
  requires jq
  heartbeats 1 10 | record --machine aaaa
  heartbeats 1 10 | "$NETVITALS" record --dir "$OUT/other" --host web1 --machine bbbb
  mv "$OUT"/other/*.zst "$OUT/store"
  report "$OUT/store" 2>"$OUT/said"
  grep -q 'holds events of two machines called web1' "$OUT/said"
  totals '.rows[0].acked == 20'
}

@test "a segment of a newer schema is read as far as it is known, and named" {
  requires jq
  heartbeats 1 10 | record
  local file
  file=$(echo "$OUT"/store/*.zst)
  mv "$file" "${file/.v1./.v9.}"
  report "$OUT/store" 2>"$OUT/said"
  grep -q 'v9.ndjson.zst is of schema 9, newer than' "$OUT/said"
  totals '.rows[0].acked == 10'
}

@test "a truncated frame gives all that can be read, and an error" {
  requires jq
  noise 1 5000 | record --segment-time 30d
  local file
  file=$(echo "$OUT"/store/*.zst)
  head -c $(($(stat -c %s "$file") / 2)) "$file" >"$OUT/cut.zst"
  run -1 bash -c "'$NETVITALS' report rtt --format json '$OUT/cut.zst' >'$OUT/report.json'"
  [[ $output == *"cut.zst: cut short: the last compressed frame is not complete"* ]]
  totals '.loss.events > 0 and .loss.events < 5000'
  # a file of this size is decompressed by a thread of its own, a pipe is not
  [ "$(stat -c %s "$OUT/cut.zst")" -gt 65536 ]
  "$NETVITALS" report rtt --format json < <(cat "$OUT/cut.zst") 2>"$OUT/said" | grep -v '"sources"' |
    diff - <(grep -v '"sources"' "$OUT/report.json")
  grep -q 'standard input: cut short: the last compressed frame is not complete' "$OUT/said"
}

@test "retention removes the oldest segments by age, and leaves the newest" {
  heartbeats 1 300 | record --segment-time 100s
  assert_equal "$(segments)" 4
  heartbeats 301 310 | record --keep 30d --segment-time 100s
  assert_equal "$(segments)" 1
}

@test "retention removes the oldest segments by size, those of this host only" {
  heartbeats 1 10 | record --host web2
  heartbeats 1 600 | record --segment-time 100s --keep-size 2K
  [ "$(du -cb "$OUT"/store/*web1*.zst | tail -n 1 | cut -f 1)" -le 2048 ]
  ls "$OUT"/store/*web2*.zst
  report "$OUT/store"
  totals '.rows | any(.host == "web1" and .max_ns == 600000)'
}

@test "other files in the directory are read, whatever their name" {
  requires jq
  heartbeats 1 10 | record
  heartbeats 11 20 >"$OUT/store/by-hand.ndjson"
  echo 'not events' >"$OUT/store/README"
  report --strict "$OUT/store"
  totals '.loss.events == 20'
}

@test "wrong calls say what to do" {
  run -2 "$NETVITALS" record </dev/null
  [[ $output == *"needs --dir"* ]]
  run -2 "$NETVITALS" record --dir "$OUT/store" file </dev/null
  [[ $output == *"nothing expected here"* ]]
  run -1 "$NETVITALS" record --dir /proc/nowhere </dev/null
  [[ $output == *"cannot record into /proc/nowhere"* ]]
}

acks_at() { # SECONDS…
  local s
  for s in "$@"; do
    printf '{"type":"sctp_hb_ack","ts_us":%d000000,"netns":1,"assoc_id":3,"lport":5000,"raddr":"198.18.0.2","rport":3868,"verdict":"ok","rtt_ns":1}\n' "$s"
  done
}

# Makes the segments of these numbers (in order of time, from 0) unreadable.
spoil() {
  local files=("$OUT"/store/*.zst) i
  for i in "$@"; do echo rubbish >"${files[i]}"; done
}

@test "--since yesterday --until today, and -2h: local days, and no segment of another time is opened" {
  requires jq
  local day midnight now
  export TZ=IST-5:30
  while [ "$(date +%F)" != "${day-}" ]; do # again if midnight passed
    day=$(date +%F)
    midnight=$(date -d "$day 00:00" +%s) now=$(date +%s)
    rm -rf "$OUT/store"
    acks_at $((midnight - 86400 - 3600)) $((midnight - 86400)) $((midnight - 7200)) "$midnight" | record --segment-time 1h
    assert_equal "$(segments)" 4
    spoil 0 3
    report --strict --since yesterday --until today "$OUT/store"
    totals '.rows[0].acked == 2 and .loss.lines_rejected == 0'
    rm -rf "$OUT/store"
    acks_at $((now - 4 * 3600)) $((now - 3600)) | record --segment-time 1h
    spoil 0
    report --strict --since -2h "$OUT/store"
    totals '.rows[0].acked == 1 and .loss.lines_rejected == 0'
  done
}

@test "a segment that vanishes while others are read is named, and the others are reported" {
  requires jq
  heartbeats 1 300 | record --segment-time 100s
  local files=("$OUT"/store/*.zst) lost
  lost=$(zstd -dcq "${files[0]}" | wc -l)
  mkfifo "$OUT/pipe"
  start report "$NETVITALS" report rtt --format json "$OUT/pipe" "$OUT/store"
  exec 7>"$OUT/pipe" # it has listed the store, and reads the pipe first
  rm "${files[0]}"
  heartbeats 301 310 >&7
  exec 7>&-
  stop report 0
  assert_equal "$status" 1
  grep -q "cannot read ${files[0]}: No such file" "$OUT/report.err"
  assert_jq "$OUT/report.out" ".[0].rows | map(.acked) | add == 310 - $lost"
}

@test "record makes its folder and those above it" {
  echo '{"type":"begin","ts_us":1700000000000000,"tool":"x"}' | "$NETVITALS" record --dir "$OUT/a/b/c"
  assert_jq <("$NETVITALS" report rtt --format json "$OUT/a/b/c" 2>/dev/null) '.[0].loss.events >= 1'
}
