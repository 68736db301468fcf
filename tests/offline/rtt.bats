#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The rtt report on streams written by hand: every number below can be computed with a pencil.

load ../lib/common

# heartbeat events of the one path of these tests: SECONDS since the epoch's start of the stream
path='"netns":1,"assoc_id":3,"lport":5000,"raddr":"198.18.0.2","rport":3868'
at() { printf '%s%06d' $((1700000000 + $1 / 1000)) $(($1 % 1000 * 1000)); } # milliseconds
sent() { echo "{\"type\":\"sctp_hb_sent\",\"ts_us\":$(at "$1"),$path,\"hb_interval_us\":1000000,\"rto_us\":200000,\"state\":\"${2:-up}\"}"; }
acked() { echo "{\"type\":\"sctp_hb_ack\",\"ts_us\":$(at "$1"),$path,\"verdict\":\"${3:-ok}\",\"rtt_ns\":$2}"; }
miss() { echo "{\"type\":\"sctp_hb_miss\",\"ts_us\":$(at "$1"),$path,\"outstanding\":$2,\"since_us\":$3}"; }
event() { echo "{\"type\":\"$2\",\"ts_us\":$(at "$1"),$path$3}"; }
tick() { echo "{\"type\":\"ready\",\"ts_us\":$(at "$1")}"; }

report() { "$NETVITALS" report rtt --format json "$@" >"$OUT/report.json"; }
row() { assert_jq "$OUT/report.json" ".[0].rows[0] | $1"; }

@test "counts, mean, quantiles, jitter of a stream that can be computed by hand" {
  # RTTs 100, 200, 300, 400 ns: mean 250, deviation sqrt(12500) = 111.8
  { for i in 1 2 3 4; do
    sent "${i}000"
    acked "${i}001" "${i}00"
  done; } | report
  row '.sent == 4 and .acked == 4 and .missed == 0 and .late == 0 and .loss_ppm == 0'
  row '.min_ns == 100 and .max_ns == 400 and .mean_ns == 250 and .jitter_ns == 111'
  row '.p50_ns == 201' # 200 lies in the bucket 200 to 201, whose midpoint is reported
  row '.p99_ns == 400 and .verdict == "ok" and .last_ack_age_us == 0'
}

@test "small RTTs are exact in every quantile" {
  { for i in $(seq 1 100); do
    sent "$((i * 1000))"
    acked "$((i * 1000 + 1))" "$i"
  done; } | report
  row '.p50_ns == 50 and .p90_ns == 90 and .p99_ns == 99 and .max_ns == 100'
}

@test "a heartbeat is stalled only beyond interval + RTO" {
  { sent 1000; acked 1020 20000000; sent 2000; tick 3200; } | report
  row '.verdict == "ok"'
  { sent 1000; acked 1020 20000000; sent 2000; tick 3201; } | report
  row '.verdict == "stalled" and (.evidence | test("unanswered for 1.20 s"))'
}

@test "a miss names the oldest unanswered heartbeat although new ones were sent" {
  { sent 1000; acked 1020 1; sent 2000; miss 3000 1 1000000; sent 3000; miss 4000 2 2000000; sent 4000; } | report
  row '.verdict == "stalled" and .missed == 2 and .sent == 4 and .acked == 1'
}

@test "silence alone is never a stall" {
  { sent 1000; acked 1020 1; tick 900000; } | report
  row '.verdict == "quiet"'
}

@test "DATA and a switched-off heartbeat are named as the reason of silence" {
  { sent 1000; acked 1020 1; event 60000 sctp_hb_skip ',"reason":"data"'; tick 61000; } | report
  row '.verdict == "quiet" and (.evidence | test("DATA"))'
  { sent 1000; acked 1020 1; event 60000 sctp_hb_skip ',"reason":"disabled"'; tick 61000; } | report
  row '.verdict == "disabled"'
}

@test "a path that was never answered is called never" {
  { sent 1000; miss 2000 1 1000000; sent 2000; tick 9000; } | report
  row '.verdict == "never" and .acked == 0 and .p50_ns == null'
}

@test "pf and down come from the kernel's state" {
  { sent 1000; acked 1020 1; event 1500 sctp_path ',"from":"up","to":"pf"'; } | report
  row '.verdict == "pf"'
  { sent 1000; acked 1020 1; event 1500 sctp_path ',"from":"pf","to":"down"'; } | report
  row '.verdict == "down"'
  { sent 1000; event 1500 sctp_path ',"to":"down"'; event 1700 sctp_path ',"to":"up"'; acked 1701 1; } | report
  row '.verdict == "ok"'
}

@test "late ACKs are no success, but their RTT is true" {
  { sent 1000; acked 3000 2000000000 late; } | report
  row '.verdict == "late" and .acked == 0 and .late == 1 and .max_ns == 2000000000'
}

@test "discarded ACKs are counted and have no RTT" {
  { sent 1000; acked 1010 5 bad_nonce; acked 1020 20; } | report
  row '.discarded == 1 and .acked == 1 and .max_ns == 20'
}

@test "loss makes a path lossy" {
  { for i in $(seq 1 10); do
    sent "${i}000"
    [ "$i" = 4 ] || acked "${i}001" 100
  done; } | report
  row '.verdict == "lossy" and .loss_ppm == 100000'
}

@test "PLPMTUD probes count neither as RTT nor as loss" {
  { sent 1000; acked 1001 7
    event 1100 sctp_pmtu_probe ',"probe_bytes":1400,"acked":0'
    event 1200 sctp_pmtu_probe ',"probe_bytes":1400,"acked":1,"rtt_ns":99'; } | report
  row '.sent == 1 and .acked == 1 and .max_ns == 7 and .pmtu_probes_sent == 1 and .pmtu_probes_acked == 1'
}

@test "an association that ended is closed, not stalled" {
  { sent 1000
    echo "{\"type\":\"sctp_assoc\",\"ts_us\":$(at 2000),\"netns\":1,\"assoc_id\":3,\"lport\":5000,\"rport\":3868,\"state\":\"aborted\"}"
    tick 90000; } | report
  row '.verdict == "closed"'
}

@test "paths of one association, of two namespaces and of two hosts stay apart" {
  { sent 1000; sent 1000 | sed 's/198.18.0.2/2001:db8::2/'; sent 1000 | sed 's/"netns":1/"netns":2/'
    sent 1000 | sed 's/"ts_us"/"host":"b","ts_us"/'; } | report
  assert_jq "$OUT/report.json" '.[0].rows | length == 4'
}

@test "an IPv4-mapped address is the IPv4 address" {
  { sent 1000; acked 1001 5 | sed 's/198.18.0.2/::ffff:198.18.0.2/'; } | report
  assert_jq "$OUT/report.json" '.[0].rows | length == 1 and .[0].raddr == "198.18.0.2" and .[0].acked == 1'
}

@test "since and until select by event time" {
  { sent 1000; acked 1001 5; sent 5000; acked 5001 7; } >"$OUT/in"
  report --since 2023-11-14T22:13:24Z "$OUT/in"
  row '.sent == 1 and .max_ns == 7'
  report --until 2023-11-14T22:13:24Z "$OUT/in"
  row '.sent == 1 and .max_ns == 5'
  local none
  for none in 2026-02-31 2026-02-30T10:00:00Z 2026-11-22.5 2026-11-22T07:00:00. 2026-11-22T07:00.5 2026-11-22T07:00:00+2:000 2026-11-22T07:00:00+24:00; do
    run -2 "$NETVITALS" report rtt --since "$none" "$OUT/in"
    [[ $output == *"--since '$none' is no time"* ]]
  done
  run -2 "$NETVITALS" report rtt --since now --until today "$OUT/in"
  [[ $output == *"--since now is not before --until today"* ]]
  "$NETVITALS" report rtt --since 2024-02-29T10:00:00.5+05:30 "$OUT/in" >/dev/null
  run "$NETVITALS" report rtt --since gestern "$OUT/in"
  assert_equal "$status" 2
}

assocs_file() {
  cat <<'ASSOCS'
 ASSOC     SOCK   STY SST ST HBKT ASSOC-ID TX_QUEUE RX_QUEUE UID INODE LPORT RPORT LADDRS <-> RADDRS HBINT INS OUTS MAXRT T1X T2X RTXC wmema wmemq sndbuf rcvbuf
ffff0001 ffff0002 2   1   3  0       3        0        0       0 1234 5000  3868  *198.18.0.1 <-> *198.18.0.2 198.18.1.2 	    1000    10    10   10    0    0        0        1        0   212992   212992
ASSOCS
}

@test "contradiction: ESTABLISHED for the kernel, stalled here; and a path never seen" {
  assocs_file >"$OUT/assocs"
  { sent 1000; acked 1020 1; sent 2000; tick 9000; } | report --assocs="$OUT/assocs"
  assert_jq "$OUT/report.json" '.[0].contradictions | length == 2'
  assert_jq "$OUT/report.json" '.[0].contradictions[0] | .kernel == "ESTABLISHED" and .heartbeats == "stalled"'
  assert_jq "$OUT/report.json" '.[0].contradictions[1] | .raddr == "198.18.1.2" and .heartbeats == "nothing"'
}

@test "contradiction the other way: answered here, not established there" {
  assocs_file | sed 's/2   1   3  0/2   1   5  0/' >"$OUT/assocs"
  { sent 1000; acked 1020 1; } | report --assocs="$OUT/assocs"
  assert_jq "$OUT/report.json" '.[0].contradictions[0] | .kernel == "SHUTDOWN_SENT" and .heartbeats == "ok"'
}

@test "check --assocs: a contradiction either way is critical, a path without heartbeats warns, a set-up in progress does not" {
  checked() { run "-$1" --separate-stderr "$NETVITALS" check rtt --assocs="$OUT/assocs" "$OUT/in"; }
  { sent 1000; acked 1020 1; } >"$OUT/in"
  assocs_file >"$OUT/assocs"
  checked 1
  [[ $output == "RTT WARNING - 1 paths answer; 1 contradicted: 198.18.1.2:3868 of association 3: "*"nothing: "* ]]
  assocs_file | sed 's/ 198.18.1.2//' >"$OUT/assocs"
  checked 0
  [[ $output == *" contradictions=0" ]]
  assocs_file | sed 's/2   1   3  0/2   1   5  0/; s/ 198.18.1.2//' >"$OUT/assocs"
  checked 2
  [[ $output == *"1 contradicted: 198.18.0.2:3868 of association 3: the kernel says SHUTDOWN_SENT, the heartbeats ok: "* ]]
  { assocs_file | sed 's/ 198.18.1.2//'; assocs_file | sed '1d; s/2   1   3  0       3 /2   1   1  0       4 /'; } >"$OUT/assocs"
  checked 0
}

@test "check: exit code and perfdata" {
  { sent 1000; acked 1020 20000000; } >"$OUT/good"
  run "$NETVITALS" check rtt --warn-p99 50ms --crit-loss 20% "$OUT/good"
  assert_equal "$status" 0
  [[ $output == "RTT OK - 1 paths answer | paths=1 bad=0 p99=20000us;50000 loss=0.0000%;;20.0000" ]]
  run "$NETVITALS" check rtt --warn-p99 10ms "$OUT/good"
  assert_equal "$status" 1
  { sent 1000; acked 1020 1; sent 2000; tick 9000; } >"$OUT/stalled"
  run "$NETVITALS" check rtt "$OUT/stalled"
  assert_equal "$status" 2
  [[ $output == *"198.18.0.2:3868 stalled: heartbeat unanswered for 7.00 s"* ]]
  run "$NETVITALS" check rtt --max-age 5s "$OUT/stalled"
  assert_equal "$status" 2
  run "$NETVITALS" check rtt --live --max-age 90s "$OUT/good"
  assert_equal "$status" 2
  run "$NETVITALS" check rtt </dev/null
  assert_equal "$status" 3
}

@test "a stream without end is said to be cut short, and --fail-on-loss says 5" {
  { echo '{"type":"begin","ts_us":1700000000000000,"tool":"sctphb"}'; sent 1000; acked 1001 5; } >"$OUT/in"
  run "$NETVITALS" report rtt --fail-on-loss "$OUT/in"
  assert_equal "$status" 5
  [[ $output == *"1 of 1 streams have no end"* ]]
}

@test "the text report of an incident" {
  { sent 1000; acked 1020 20000000; sent 2000; tick 9300; } | "$NETVITALS" report rtt >"$OUT/text"
  diff - "$OUT/text" <<'EXPECTED'
SCTP heartbeats, 2023-11-14T22:13:21Z to 2023-11-14T22:13:29Z (8.30 s)
from -: 4 events

PEER        PORT  VERDICT  SENT  ACKED    LOSS      P50      P99      MAX  JITTER  LAST ACK
198.18.0.2  3868  stalled     2      1  50.0 %  20.0 ms  20.0 ms  20.0 ms    0 ns    8.28 s

198.18.0.2:3868 stalled: heartbeat unanswered for 7.30 s (deadline 1.20 s = interval + RTO)

loss: 0 events lost, 0 lines rejected, 0 B not accounted
EXPECTED
}

@test "--follow prints a block an interval, and the report at the end" {
  { sent 1000; acked 1020 1; wait_until 20 has_output text; sent 2000; acked 2020 1; } |
    "$NETVITALS" report rtt --follow 0.2 >"$OUT/text"
  [ "$(grep -c '^PEER' "$OUT/text")" -ge 2 ]
  grep -q ' 2      2 ' "$OUT/text"
}

# It catches SIGINT, and sleeps: for lack of input, after what it had.
waits_for_input() { # PID
  awk '/^State:\tS/ { sleeps = 1 } /^SigCgt:/ { catches = substr($2, length($2)) ~ /[2367abefABEF]/ }
    END { exit !(sleeps && catches) }' "/proc/$1/status"
}

@test "Ctrl-C prints the final report" {
  mkfifo "$OUT/pipe"
  start report "$NETVITALS" report rtt "$OUT/pipe"
  exec 7>"$OUT/pipe"
  { sent 1000; acked 1020 1; } >&7
  wait_until 20 waits_for_input "${PIDS[report]}"
  kill -INT "${PIDS[report]}"
  exec 7>&-
  stop report 0
  assert_equal "$status" 0
  grep -q '198.18.0.2' "$OUT/report.out"
}

@test "a closed pipe ends quietly" {
  sent 1000 >"$OUT/in"
  "$NETVITALS" schema 2>"$OUT/err" | true
  assert_equal "$(cat "$OUT/err")" ""
  "$NETVITALS" report rtt "$OUT/in" 2>"$OUT/err" | true
  assert_equal "$(cat "$OUT/err")" ""
}

@test "the local address is the one that what we sent last went out from, where it is known" {
  { event 1000 sctp_hb_sent ',"laddr":"198.18.0.1"'
    event 2000 sctp_hb_sent ',"laddr":"198.18.0.9"'
    event 3000 sctp_hb_sent ',"laddr":"0.0.0.0"'
    event 5000 sctp_hb_recv ',"laddr":"198.18.0.7"'; } >"$OUT/stream"
  "$NETVITALS" report rtt --format json "$OUT/stream" >"$OUT/report.json"
  row '.laddr == "198.18.0.9"'
  { event 1000 sctp_hb_sent ',"laddr":"::"'; event 1001 sctp_hb_ack ',"verdict":"ok","rtt_ns":1'; } | report
  row '.laddr == null'
}
