#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# netvitals lint: each impossible value is named with its line; what is possible is left alone.

# shellcheck disable=SC2154 # run --separate-stderr sets stderr
load ../lib/common

path='"netns":1,"assoc_id":3,"lport":5000,"raddr":"198.18.0.2","rport":3868'
timing='"hb_interval_us":1000000,"rto_us":200000'
flow() { echo "{\"type\":\"flow\",\"ts_us\":1790000010000000,\"iface\":\"eth0\",\"sub\":\"10.128.0.7\",\"bytes_up\":$1,\"packets_up\":$2,\"bytes_down\":$3,\"packets_down\":$4,\"interval_us\":${5:-10000000}}"; }
totals() { # SEEN_PACKETS SEEN_BYTES [TS_US]
  echo "{\"type\":\"traffic_totals\",\"ts_us\":${3:-1790000010000000},\"iface\":\"eth0\",\"interval_us\":10000000,\"seen_packets\":$1,\"seen_bytes\":$2,\"accounted_packets\":10,\"accounted_bytes\":1000,\"overflow_packets\":0,\"overflow_bytes\":0,\"not_ours_packets\":2,\"not_ours_bytes\":120,\"non_ip_packets\":0,\"non_ip_bytes\":0,\"bad_header_packets\":0,\"bad_header_bytes\":0,\"outer_fragments_packets\":0,\"outer_fragments_bytes\":0,\"rejected_outer_packets\":0,\"rejected_outer_bytes\":0}"
}

lint() { run --separate-stderr "$NETVITALS" lint - <"$OUT/in"; }

# Exactly these findings, "LINE: rule", in order.
assert_findings() {
  lint
  assert_equal "$(sed -E 's/^-:([0-9]+): ([a-z-]+): .*/\1: \2/' <<<"$output")" "$(printf '%s\n' "$@")"
  assert_equal "$status" 3
}

assert_clean() {
  lint
  assert_equal "$output" ""
  assert_equal "$status" 0
}

@test "what right producers print is clean" {
  sed '$d' "$FIXTURES/report-rtt.ndjson" >"$OUT/in"
  assert_clean
  [[ $stderr == *"0 findings in $(wc -l <"$OUT/in") lines"* ]]
  "$NETVITALS" report all --format ndjson "$OUT/in" >"$OUT/summaries"
  cp "$OUT/summaries" "$OUT/in"
  assert_clean
}

@test "malformed lines, unknown types and keys are named with their lines" {
  printf '%s\n' '{"type":"ready","ts_us":1790000000000000}' 'broken' '{"type":"no_such","ts_us":1790000000000000}' \
    '{"type":"ready","ts_us":1790000000000000,"probs":3}' "{\"type\":\"sctp_hb_recv\",\"ts_us\":1790000000000000,\"netns\":1,\"assoc_id\":3,\"lport\":65536,\"raddr\":\"198.18.0.2\",\"rport\":1}" \
    '{"type":"sctp_hb_recv","ts_us":1790000000000000}' >"$OUT/in"
  assert_findings '2: malformed' '3: unknown-type' '4: unknown-key' '5: malformed' '6: malformed'
  [[ $output == *"ready has no key 'probs'"* ]]
  [[ $output == *"lport: out of range"* ]]
  [[ $output == *"netns: missing"* ]]
}

@test "keys in hexadecimal and the common keys are known" {
  printf '%s\n' '{"type":"cgroup_mkdir","ts_us":1790000000000000,"cgroup_id":1,"path_hex":"2f61","comm_hex":"78","host":"a","seq":1}' >"$OUT/in"
  assert_clean
}

@test "clocks: other units, and time that runs back" {
  printf '%s\n' '{"type":"ready","ts_us":1790000000}' '{"type":"ready","ts_us":1790000000000}' '{"type":"ready","ts_us":1790000000000000000}' \
    '{"type":"ready","ts_us":1790000010000000}' '{"type":"ready","ts_us":1790000009500000}' '{"type":"ready","ts_us":1790000005000000}' >"$OUT/in"
  assert_findings '1: time' '2: time' '3: time' '6: time'
  [[ $output == *"1: time: ts_us 1790000000 is no time in microseconds: seconds?"* ]]
  [[ $output == *"milliseconds?"* && $output == *"nanoseconds?"* ]]
  [[ $output == *"6: time: ts_us runs back by 4500000 us"* ]]
}

@test "sequence numbers: repeated, missing, for each host" {
  local i
  for i in 1:a 2:a 1:b 2:a 5:a 2:b; do
    echo "{\"type\":\"ready\",\"ts_us\":1790000000000000,\"host\":\"${i#*:}\",\"seq\":${i%:*}}"
  done >"$OUT/in"
  assert_findings '4: sequence' '5: sequence'
  [[ $output == *"seq 5 after 2: 2 events are missing"* ]]
}

@test "an accepted RTT above interval + RTO cannot be, a late one must be" {
  ack() { echo "{\"type\":\"sctp_hb_ack\",\"ts_us\":1790000009000000,$path,\"verdict\":\"$1\",\"rtt_ns\":$2,$timing}"; }
  { ack ok 1200000000; ack ok 1300000000; ack late 1300000000; ack late 900000000; } >"$OUT/in"
  assert_findings '2: rtt' '4: rtt'
  [[ $output == *"2: rtt: rtt_ns 1300000000 is above interval + RTO (1200000 us)"* ]]
}

# As soon as a HEARTBEAT is made, the kernel may double the RTO for one that is unanswered; what counts is how it is when the ACK
# comes. One that is in flight when tracing begins has no RTT.
@test "the RTO of the HEARTBEAT is no deadline, and what began before tracing has no RTT" {
  sent() { echo "{\"type\":\"sctp_hb_sent\",\"ts_us\":$1,$path,$timing}"; }
  ack() { echo "{\"type\":\"sctp_hb_ack\",\"ts_us\":$1,$path,\"verdict\":\"$2\"$3}"; }
  {
    ack 1790000000500000 ok ",$timing"
    sent 1790000001000000
    ack 1790000001100000 ok ",$timing" # of one before
    ack 1790000002400000 ok ',"rtt_ns":1400000000,"hb_interval_us":1000000,"rto_us":400000'
    ack 1790000002410000 ok ',"rtt_ns":1410000000'
    ack 1790000002430000 ok ',"rtt_ns":1430000000,"hb_interval_us":1000000,"rto_us":400000'
    ack 1790000002440000 ok ",$timing"
  } >"$OUT/in"
  assert_findings '6: rtt' '7: rtt'
  [[ $output == *"7: rtt: an accepted ACK without rtt_ns"* ]]
}

sent() { echo "{\"type\":\"sctp_hb_sent\",\"ts_us\":$1,$path,$timing}"; }
ack() { echo "{\"type\":\"sctp_hb_ack\",\"ts_us\":$1,$path,\"verdict\":\"ok\",\"rtt_ns\":$2${3:+,\"kernel_srtt_us\":$3}}"; }

# Answers that took 20 ms, by the time between the lines, and the rtt_ns given for each: answers_of_20_ms SECOND RTT_NS...
answers_of_20_ms() {
  local second=$1 rtt_ns
  shift
  for rtt_ns in "$@"; do
    sent "17900000$second"000000
    ack "17900000$second"020000 "$rtt_ns"
    second=$((second + 1))
  done
}

@test "units: a path whose answers are all a thousand times too fast has microseconds labelled ns, from its first line on" {
  { answers_of_20_ms 10 20000000; answers_of_20_ms 11 20010 19990 20500 20000 20100 20200; } >"$OUT/in"
  assert_findings '4: unit'
  [[ $output == *"rtt_ns 20010, yet the answer took about 20000 us, and so do the next 3 ACKs of this path: microseconds labelled ns" ]]
  # no answer comes within a microsecond, not even once
  answers_of_20_ms 10 20 20 21 20 >"$OUT/in"
  assert_findings '2: unit' '4: unit' '6: unit' '8: unit' '2: unit'
  [[ $output == *"milliseconds labelled ns" ]]
}

@test "units: without heartbeats in the stream, the kernel's smoothed RTT tells" {
  local i
  for i in 1 2 3 4 5; do ack 179000000"$i"000000 "10${i}000" 104000; done >"$OUT/in"
  assert_findings '1: unit'
  # below 80 ms it may never have fallen, so it tells nothing; help says so
  for i in 1 2 3 4 5; do ack 179000000"$i"000000 79999 79999; done >"$OUT/in"
  assert_clean
  for i in 1 2 3 4 5; do ack 179000000"$i"000000 80000 80000; done >"$OUT/in"
  assert_findings '1: unit'
  run "$NETVITALS" lint --help
  [[ $output == *"kernel_srtt_us of at least 80 ms"* ]]
}

@test "units: an answer that is another unit's by chance, or beside a smoothed RTT that lags, is none" {
  {
    answers_of_20_ms 10 20000 20000 20000 20000000 20000 20000 20000 # never four in a row
    sent 1790000030000000; ack 1790000030000030 30000 28000 # 30 us, rightly; the kernel still thinks of a burst
    for i in 1 2 3 4 5 6; do sent 179000003"$i"000000; ack 179000003"$i"000030 30000 28000; done
  } >"$OUT/in"
  assert_clean
  # without heartbeats in the stream: below eight jiffies it never falls, above by an eighth at most
  local srtt_us i=10
  for srtt_us in 28000 28000 28000 28000 28000 28000; do ack "17900000$((i++))000000" 28000 "$srtt_us"; done >"$OUT/in"
  for srtt_us in 104000 92000 84000 80000 72000 64000; do ack "17900000$((i++))000000" 84000 "$srtt_us"; done >>"$OUT/in"
  assert_clean
}

@test "misses, words and addresses that cannot be" {
  printf '%s\n' "{\"type\":\"sctp_hb_miss\",\"ts_us\":1790000000000000,$path,\"outstanding\":0,\"since_us\":5}" \
    "{\"type\":\"sctp_hb_miss\",\"ts_us\":1790000000000000,$path,\"outstanding\":1,\"since_us\":0}" \
    "{\"type\":\"sctp_path\",\"ts_us\":1790000000000000,$path,\"to\":\"UP\"}" \
    '{"type":"sctp_hb_recv","ts_us":1790000000000000,"netns":1,"assoc_id":3,"lport":1,"raddr":"0.0.0.0","rport":1}' \
    "$(totals 12 1120 | sed 's/"seen_packets"/"bytes":"frames",&/')" "$(totals 12 1120 1790000020000000 | sed 's/"seen_packets"/"bytes":"wire",&/')" >"$OUT/in"
  assert_findings '1: miss' '2: miss' '3: word' '4: address' '5: word'
}

@test "bytes without packets, packets without bytes, intervals of nothing" {
  { flow 1500 1 0 0; flow 1500 0 0 0; flow 0 0 19 1; flow 1500 1 10000000000 3; flow 0 0 0 0; flow 40 1 40 1 0; } >"$OUT/in"
  assert_findings '2: bytes' '3: bytes' '4: bytes' '5: bytes' '6: interval'
}

@test "64-bit counts are no error" {
  flow 18446744073709551615 9223372036854775807 0 0 >"$OUT/in"
  lint
  # 2 bytes a packet: the count itself is taken in full
  [[ $output == *"9223372036854775807 packets of less than 20 bytes"* ]]
}

@test "seen is the sum of its parts, and intervals do not overlap" {
  { totals 12 1120; totals 13 1120 1790000020000000; totals 12 1121 1790000030000000; totals 12 1120 1790000035000000; } >"$OUT/in"
  assert_findings '2: sum' '3: sum' '4: interval'
  [[ $output == *"seen_packets 13, yet its parts sum up to 12"* ]]
}

# state SECOND CGROUP_ID KEYS [HIERARCHY_KEYS]
state() { echo "{\"type\":\"cgroup_state\",\"ts_us\":17900000${1}000000,\"cgroup_id\":$2,${4:-\"hierarchy_id\":0},$3}"; }
host() { sed "s/^{/{\"host\":\"$1\",/"; }

@test "the kernel's counters of a cgroup do not run backwards, for each host, hierarchy and cgroup" {
  local low='"run_ns":1000,"periods":9,"throttled":4,"throttled_ns":50,"oom_kills":1'
  local high='"run_ns":5000000000,"periods":10,"throttled":5,"throttled_ns":60,"oom_kills":2'
  # limits and what it holds are no counters, nor what is told from two readings
  local more='"memory_bytes":9,"pids":9,"processes":9,"memory_max_bytes":9,"oom_kills_below":9'
  local less='"memory_bytes":8,"pids":8,"processes":8,"memory_max_bytes":8,"oom_kills_below":8'
  {
    state 10 7 "$high,$more"
    state 11 8 "$low" # another cgroup
    state 11 7 "$low" '"hierarchy_id":4' # another hierarchy
    state 11 7 "$low" '"hierarchy":"memory"' # one that has no number
    state 11 7 "$low" | host b
    state 12 7 "$high,$less"
    state 13 7 "$low"
    state 14 7 "$high" '"hierarchy":"v2"' # which is number 0
    state 15 7 '"run_ns":4999999999'
  } >"$OUT/in"
  assert_findings '7: counter' '7: counter' '7: counter' '7: counter' '7: counter' '9: counter'
  [[ $output == *"7: counter: run_ns 1000 after 5000000000: a counter of the kernel, and nothing says that cgroup 7 was made anew"* ]]
  [[ $output == *"periods 9 after 10"*"throttled 4 after 5"*"throttled_ns 50 after 60"*"oom_kills 1 after 2"* ]]
}

@test "counters that begin anew with their cgroup, host or controller are none that run backwards" {
  change() { echo "{\"type\":\"$1\",\"ts_us\":17900000${2}000000,\"cgroup_id\":7,\"hierarchy_id\":${3:-0}}"; }
  control() { echo "{\"type\":\"$1\",\"ts_us\":17900000${2}000000,\"tool\":\"cgcpu\"}"; }
  {
    state 10 7 '"run_ns":90'; change cgroup_rmdir 11; change cgroup_mkdir 12; state 13 7 '"run_ns":80'
    change cgroup_release 14; state 15 7 '"run_ns":70'
    control end 16 | sed 's/,"tool[^}]*//'; control begin 17; state 18 7 '"run_ns":60' # the host may have started anew
    state 19 7 '"periods":9,"throttled":1'; state 20 7 '"memory_max_bytes":1'; state 21 7 '"periods":2,"throttled":0' # cpu was off
    state 22 7 '"periods":9'; state 21 7 '"periods":8' # the older line came last
  } >"$OUT/in"
  assert_clean
  # a file of its own is another time
  state 10 7 '"run_ns":90' >"$OUT/a"
  state 11 7 '"run_ns":80' >"$OUT/b"
  run -0 --separate-stderr "$NETVITALS" lint "$OUT/a" "$OUT/b"
  # of another hierarchy, or of another host
  { state 10 7 '"run_ns":90'; change cgroup_mkdir 11 3; control begin 12 | host b; state 13 7 '"run_ns":80'; } >"$OUT/in"
  assert_findings '4: counter'
}

@test "redirect: bytes in no message, messages without bytes, and more than messages can carry" {
  redirect() { # SECOND MSGS_REDIRECTED BYTES MSGS_PASSED BYTES
    echo "{\"type\":\"redirect\",\"ts_us\":17900000${1}000000,\"cgroup\":\"/a\",\"port\":80,\"interval_us\":1000000,\"msgs_redirected\":$2,\"bytes_redirected\":$3,\"msgs_passed\":$4,\"bytes_passed\":$5}"
  }
  {
    redirect 10 5 18446744073709551000 0 0
    redirect 11 5 10737418240 2 9000000000000 # what went outside the map is one message, however long
    redirect 12 5 10737418245 0 0
    redirect 13 0 9 0 9
    redirect 14 9 0 9 0
    redirect 15 0 0 5 18446744073709551000
    redirect 16 1000 995 0 0 # read while five CPUs had counted the message, not yet its bytes
    redirect 17 100000 995 0 0
    redirect 18 0 0 0 0
  } >"$OUT/in"
  assert_findings '1: bytes' '3: bytes' '4: bytes' '4: bytes' '5: bytes' '5: bytes' '6: bytes' '8: bytes'
  [[ $output == *"1: bytes: redirected: more than 2147483648 bytes a message"* ]]
  [[ $output == *"4: bytes: passed: 9 bytes in no message"* ]]
  [[ $output == *"5: bytes: redirected: 9 messages without a byte"* ]]
}

@test "flow events are as many as the totals say, in a stream that has its begin" {
  local stream=$FIXTURES/traffic.ndjson
  cp "$stream" "$OUT/in"
  assert_clean
  sed '5d; 9d' "$stream" >"$OUT/in"
  assert_findings '20: flows'
  [[ $output == *"the interval has 17 flow events, yet traffic_totals says 19: lines are missing"* ]]
  sed '5p' "$stream" >"$OUT/in"
  assert_findings '23: flows'
  [[ $output == *"the interval has 20 flow events, yet traffic_totals says 19: lines are repeated"* ]]
  # cut at its start, filtered without its begin, and as before totals said how many
  sed '1,4d' "$stream" >"$OUT/in"
  assert_clean
  grep traffic_totals "$stream" >"$OUT/in"
  assert_clean
  sed '5d; s/,"flows":19//' "$stream" >"$OUT/in"
  assert_clean
  # a begin is of its own source
  head -n 2 "$stream" >"$OUT/start"
  run -0 "$NETVITALS" lint "$OUT/start" <(sed '1,4d' "$stream")
  # recorded, with another host that was cut at its start, line by line beside it
  jq -c --arg host a '.host = $host | .seq = input_line_number' "$stream" >"$OUT/a"
  jq -c --arg host b '.host = $host | .seq = input_line_number' "$stream" | sed 1,6d >"$OUT/b"
  paste -d '\n' "$OUT/a" "$OUT/b" | grep . >"$OUT/in"
  assert_clean
  sed -i '/"host":"a"/{/"proto":132/d}' "$OUT/in"
  lint
  assert_equal "$(grep -c ': flows: the interval has 18 flow events' <<<"$output")" 1
  # two producers of one interface, with lines that come mixed
  sed 's/031001,"iface/031007,"iface/; /"begin"/d; /"end"/d' "$stream" >"$OUT/b"
  { head -n 1 "$stream"; paste -d '\n' <(sed 1d "$stream") "$OUT/b" | grep .; } >"$OUT/in"
  lint
  [[ $output != *": flows: "* ]]
}

@test "summaries that no stream could have given" {
  sum() { echo "{\"type\":\"rtt_summary\",\"ts_us\":1790000000000000,$path,\"sent\":3,\"acked\":$1,\"missed\":0,\"late\":0,\"discarded\":0,\"received\":0,\"probes_sent\":0,\"probes_acked\":0,\"min_ns\":$2,\"max_ns\":$3,\"sum_ns\":$4,\"sketch\":\"$5\"}"; }
  { sum 2 100 120 220 '100:1 120:1'; sum 1 100 120 220 '100:1 120:1'; sum 2 120 100 220 '100:1 120:1'; sum 2 100 120 900 '100:1 120:1'
    sum 2 100 120 220 '120:1 100:1'; sum 2 99 120 220 '100:1 120:1'; } >"$OUT/in"
  assert_findings '2: summary' '3: summary' '4: summary' '5: summary' '6: summary'
}

@test "findings beyond --max are counted, files are named, and one that is missing too" {
  yes broken | head -n 20 >"$OUT/in"
  run --separate-stderr "$NETVITALS" lint --max 5 "$OUT/in" "$OUT/none"
  assert_equal "$status" 1
  assert_equal "$(grep -c "^$OUT/in:[0-9]*: malformed: " <<<"$output")" 5
  [[ $stderr == *"15 more findings are not shown"* && $stderr == *"$OUT/none"* ]]
}
