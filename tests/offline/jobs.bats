#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# --jobs: several threads read what one reads, to the byte.

load ../lib/common

# 60,000 heartbeats, flows and redirects, 10 MB; every 10,000th line is malformed.
make_stream() {
  awk 'BEGIN { for (i = 1; i <= 60000; i++) {
    ts = 1700000000 + i
    if (i % 10000 == 0) print "rubbish"
    else if (i % 3 == 0) printf "{\"type\":\"redirect\",\"ts_us\":%d000000,\"cgroup\":\"/sys/fs/cgroup/shop%d\",\"port\":%d,\"interval_us\":807818,\"msgs_redirected\":%d,\"bytes_redirected\":%d,\"msgs_passed\":1,\"bytes_passed\":100,\"sockets\":2,\"connections\":1,\"unread_bytes\":900}\n", ts, i % 40, 5000 + i % 7, i * 3, i * 900
    else if (i % 2) printf "{\"type\":\"sctp_hb_ack\",\"ts_us\":%d000000,\"netns\":1,\"assoc_id\":%d,\"lport\":5000,\"raddr\":\"198.18.%d.2\",\"rport\":3868,\"verdict\":\"ok\",\"rtt_ns\":%d,\"state\":\"up\"}\n", ts, i % 50, i % 50, i * 7919 % 100000000
    else printf "{\"type\":\"flow\",\"ts_us\":%d000000,\"iface\":\"eth0\",\"sub\":\"10.0.%d.1\",\"peer\":\"203.0.113.9\",\"name\":\"host%d.example.org\",\"bytes_up\":%d,\"bytes_down\":%d,\"packets_up\":3,\"packets_down\":4,\"interval_us\":1000000}\n", ts, i % 200, i % 30, i * 31, i * 17
  } }' >"$OUT/stream"
}

# NAME: of the report, `all` would hold cgroup events, which one thread reads
report() { "$NETVITALS" report "${name:-traffic}" --format "$@" 2>>"$OUT/said"; }

@test "the same report and the same summaries with one thread and with several" {
  make_stream
  local name format jobs
  for name in rtt traffic redirect; do
    for format in json ndjson; do
      report $format "$OUT/stream" >"$OUT/one"
      for jobs in 2 3 8; do
        report $format --jobs $jobs "$OUT/stream" >"$OUT/several"
        cmp "$OUT/one" "$OUT/several"
      done
    done
    [ "$(grep -c "\"${name}_summary\"" "$OUT/one")" -gt 1 ]
  done
  assert_jq "$OUT/one" 'any(.type == "stream_summary" and .lines_rejected == 6 and .events == 59994)'
}

@test "the line number of a malformed line counts from the start of its part, which is named" {
  make_stream
  : >"$OUT/said"
  report json --jobs 2 "$OUT/stream" >/dev/null
  assert_equal "$(grep -c 'line [0-9]*: not JSON$' "$OUT/said")" 6
  local byte line
  read -r byte line < <(sed -n 's/.*from byte \([0-9]*\): line \([0-9]*\): not JSON/\1 \2/p' "$OUT/said")
  assert_equal "$(tail -c +$((byte + 1)) "$OUT/stream" | sed -n "${line}p")" rubbish
}

@test "a store, pieces of any size, and files that are not there" {
  requires zstd
  make_stream
  "$NETVITALS" record --dir "$OUT/store" --host h --segment-time 2h <"$OUT/stream"
  report json "$OUT/store" >"$OUT/one"
  report json --jobs 2 "$OUT/store" >"$OUT/several"
  cmp "$OUT/one" "$OUT/several"
  : >"$OUT/empty"
  head -n 1 "$OUT/stream" | tr -d '\n' >"$OUT/unended"
  report json --jobs 4 "$OUT/empty" "$OUT/unended" >"$OUT/several"
  assert_jq "$OUT/several" '.[0].loss | .events == 1 and .lines_rejected == 0'
  run -1 "$NETVITALS" report all --jobs 2 "$OUT/unended" "$OUT/missing"
  [[ $output == *"cannot read $OUT/missing: No such file or directory"* ]]
}

@test "standard input and --strict are read by one thread, with the same report" {
  make_stream
  report json "$OUT/stream" | jq 'del(.sources)' >"$OUT/one"
  report json --jobs 2 <"$OUT/stream" | jq 'del(.sources)' >"$OUT/several"
  cmp "$OUT/one" "$OUT/several"
  run -3 "$NETVITALS" report all --strict --jobs 2 "$OUT/stream"
  [[ $output == *"line 10000: not JSON"* ]]
}

# Its ids have no names of their own: what comes first tells them.
@test "cgroup events, which mean something in their order only, are read by one thread" {
  awk 'BEGIN {
    print "{\"type\":\"cgroup_hierarchy\",\"ts_us\":1700000000000000,\"hierarchy_id\":4,\"hierarchy\":\"cpu,cpuacct\"}"
    for (i = 1; i <= 80000; i++)
      printf "{\"type\":\"cgroup_attach\",\"ts_us\":%d000000,\"hierarchy_id\":4,\"cgroup_id\":%d,\"path_hex\":\"2f%02x\",\"pid\":%d,\"tgid\":%d,\"comm_hex\":\"78\"}\n",
        1700000000 + i, 2 + i % 20, 97 + i % 20, 100 + i % 50, 100 + i % 50
  }' >"$OUT/stream"
  [ "$(stat -c %s "$OUT/stream")" -gt 8388608 ]
  local name=cgroup
  report json "$OUT/stream" >"$OUT/one"
  report json --jobs 4 "$OUT/stream" >"$OUT/several"
  cmp "$OUT/one" "$OUT/several"
  assert_jq "$OUT/one" '.[0].rows | length == 20 and all(.hierarchy == "cpu,cpuacct")'
}

@test "a bpftrace stream, whose events take several lines, is not cut" {
  awk 'BEGIN { for (i = 1; i <= 30000; i++) {
    printf "{\"type\": \"printf\", \"data\": \"{\\\"type\\\":\\\"flow\\\",\\\"ts_us\\\":%d000000,\\\"iface\\\":\\\"eth0\\\",\\\"sub\\\":\\\"10.0.%d.1\\\",\"}\n", 1700000000 + i, i % 200
    split("\\\"peer\\\":|\\\"203.0.113.9\\\",|\\\"bytes_up\\\":|1,|\\\"bytes_down\\\":|2,|\\\"packets_up\\\":|3,|\\\"packets_down\\\":|4,", piece, "|")
    for (p = 1; p <= 10; p++) print "{\"type\": \"printf\", \"data\": \"" piece[p] "\"}"
    print "{\"type\": \"printf\", \"data\": \"\\\"interval_us\\\":1000000}\\n\"}"
  } }' >"$OUT/stream"
  report ndjson "$OUT/stream" >"$OUT/one"
  report ndjson --jobs 7 "$OUT/stream" >"$OUT/several"
  cmp "$OUT/one" "$OUT/several"
  assert_jq "$OUT/one" 'any(.type == "stream_summary" and .lines_rejected == 0 and .events == 30000)'
}
