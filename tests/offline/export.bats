#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# serve and push, against an HTTP client, HTTP servers and datagram sockets of this machine (loopback only).

# shellcheck disable=SC2154,SC2016 # run --separate-stderr sets stderr; jq has variables too
load ../lib/common

path='"netns":1,"assoc_id":3,"lport":5000,"raddr":"198.18.0.2","rport":3868'
now_us() { echo "${EPOCHREALTIME//[.,]/}"; }
sent() { echo "{\"type\":\"sctp_hb_sent\",\"ts_us\":$(now_us),$path,\"hb_interval_us\":30000000,\"rto_us\":1000000}"; }
acked() { echo "{\"type\":\"sctp_hb_ack\",\"ts_us\":$(now_us),$path,\"verdict\":\"ok\",\"rtt_ns\":$1}"; }

# A stream that this test writes as it likes: file descriptor 7.
test_setup() {
  mkfifo "$OUT/stream"
  exec 7<>"$OUT/stream"
}

# Reads the stream; it does not keep it open for writing, so that its end is seen.
start_reader() { # NAME COMMAND...
  # shellcheck disable=SC2016 # for the inner shell
  start "$1" bash -c 'exec "${@:2}" <"$1" 7>&-' bash "$OUT/stream" "${@:2}"
}

port_of() { jq -r 'select(.type == "ready").port' "$OUT/$1.out"; }

# serve with the options, its address in $URL
start_serve() {
  start_reader serve "$NETVITALS" serve --listen 127.0.0.1:0 "$@"
  wait_until 30 grep -q 'metrics at' "$OUT/serve.err"
  URL=$(sed -n 's/.*metrics at //p' "$OUT/serve.err")
}

metric() { curl -sf --max-time 20 "$URL" | grep "^$1" | sed 's/.* //'; }
metric_is() { [ "$(metric "$1")" = "$2" ]; }

@test "serve: counters, quantiles and verdict of a live stream" {
  requires curl
  start_serve rtt
  { sent; acked 20000000; sent; acked 20000000; } >&7
  wait_until 20 metric_is netvitals_rtt_sent_total 2
  assert_equal "$(metric 'netvitals_rtt_min_seconds')" 0.020000000
  curl -sf "$URL" | grep -q '^netvitals_rtt_info{.*raddr="198.18.0.2",rport="3868",verdict="ok"} 1$'
  { sent; acked 30000000; } >&7
  wait_until 20 metric_is netvitals_rtt_sent_total 3
  assert_equal "$(metric 'netvitals_rtt_max_seconds')" 0.030000000
}

@test "serve: what it says passes promtool, as text and as OpenMetrics" {
  requires curl promtool
  start_serve all
  { sent; acked 20000000; } >&7
  wait_until 20 metric_is netvitals_rtt_acked_total 1
  curl -sf -i "$URL" >"$OUT/answer"
  grep -q '^Content-Type: text/plain; version=0.0.4; charset=utf-8' "$OUT/answer"
  curl -sf "$URL" >"$OUT/metrics"
  run promtool check metrics <"$OUT/metrics"
  assert_equal "$output" ""
  curl -sf -i -H 'Accept: application/openmetrics-text; version=1.0.0,text/plain;q=0.5' "$URL" >"$OUT/answer"
  grep -q '^Content-Type: application/openmetrics-text; version=1.0.0' "$OUT/answer"
  assert_equal "$(tail -n 1 "$OUT/answer")" "# EOF"
}

@test "serve: quantiles are of the recent past, counters of all times" {
  requires curl
  start_serve rtt --recent 4s
  { sent; acked 500000000; } >&7
  wait_until 20 metric_is netvitals_rtt_max_seconds 0.500000000
  # when nothing came for two turns there is no quantile any more, but still a count
  wait_until 30 metric_is netvitals_rtt_max_seconds ""
  assert_equal "$(metric netvitals_rtt_acked_total)" 1
  { sent; acked 10000000; } >&7
  wait_until 20 metric_is netvitals_rtt_max_seconds 0.010000000
  assert_equal "$(metric netvitals_rtt_acked_total)" 2
}

@test "serve: other requests get their status, and broken ones do not stop it" {
  requires curl python3
  start_serve rtt
  assert_equal "$(curl -s -o /dev/null -w '%{http_code}' "${URL%/metrics}/")" 200
  assert_equal "$(curl -s -o /dev/null -w '%{http_code}' "${URL%/metrics}/no")" 404
  assert_equal "$(curl -s -o /dev/null -w '%{http_code}' -X POST "$URL")" 405
  assert_equal "$(curl -s -I "$URL" | head -n 1 | tr -d '\r')" "HTTP/1.1 200 OK"
  python3 - "${URL#http://}" <<'PYTHON'
import socket, sys, time
host, port = sys.argv[1].split("/")[0].split(":")
def talk(data):
    s = socket.create_connection((host, int(port)), timeout=20)
    s.sendall(data)
    return s.recv(4096).split(b"\r\n")[0]
assert talk(b"\x00\xff\r\n\r\n").startswith(b"HTTP/1.1 400"), "garbage"
assert talk(b"GET /" + b"a" * 9000).startswith(b"HTTP/1.1 431"), "a long line"
# a request in pieces, byte by byte
s = socket.create_connection((host, int(port)), timeout=20)
for byte in b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n":
    s.send(bytes([byte]))
assert s.recv(15) == b"HTTP/1.1 200 OK"
# more idle connections than it takes: the oldest give way
idle = [socket.create_connection((host, int(port)), timeout=20) for _ in range(30)]
# and a whole request does not wait for them
s = socket.create_connection((host, int(port)), timeout=20)
start = time.monotonic()
s.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
assert s.recv(15) == b"HTTP/1.1 200 OK"
assert time.monotonic() - start < 8, "idle connections blocked a request"
for s in idle:
    s.close()
PYTHON
  assert_equal "$(curl -s --max-time 20 -o /dev/null -w '%{http_code}' "$URL")" 200
}

@test "serve: ends with the stream" {
  start_serve rtt
  exec 7>&-
  local pid=${PIDS[serve]} status=0
  unset "PIDS[serve]"
  wait "$pid" || status=$?
  assert_equal "$status" 0
}

@test "serve: becomes nobody" {
  requires root
  start_serve rtt
  assert_equal "$(awk '/^Uid:/ { print $2, $3 } /^CapEff:/ { print $2 }' "/proc/${PIDS[serve]}/status" | xargs)" \
    "65534 65534 0000000000000000"
}

@test "serve: addresses that will not do are named" {
  run --separate-stderr "$NETVITALS" serve --listen nonsense </dev/null
  assert_equal "$status" 1
  [[ $stderr == *"'nonsense' is no address; write 127.0.0.1:9657"* ]]
  start_serve rtt
  local address=${URL#http://}
  run --separate-stderr "$NETVITALS" serve --listen "${address%/metrics}" </dev/null
  assert_equal "$status" 1
  [[ $stderr == *"Address already in use"* ]]
}

# ---- push

start_sink() { # http|datagram ARGUMENTS…
  mkdir -p "$OUT/sink"
  start sink "$ROOT/tests/lib/$1-sink" "$OUT/sink" "${@:2}"
  wait_for_event sink ready
}

start_push() { start_reader push "$NETVITALS" push "$@"; }
arrived() { [ -e "$OUT/sink/$1" ]; }

@test "push influx: a report of a file, with its query and a secret header" {
  requires python3
  start_sink http
  printf 'Authorization: Token top-secret%03000d\n' 1 >"$OUT/token"
  run --separate-stderr "$NETVITALS" push influx rtt --header "@$OUT/token" --header 'X-Other: 1' \
    --to "http://127.0.0.1:$(port_of sink)/api/v2/write?org=o&bucket=b" "$FIXTURES/report-rtt.ndjson"
  assert_equal "$status" 0
  arrived post.1
  grep -qx 'POST /api/v2/write?org=o&bucket=b HTTP/1.1' "$OUT/sink/head.1"
  grep -qxFf "$OUT/token" "$OUT/sink/head.1"
  grep -qx 'X-Other: 1' "$OUT/sink/head.1"
  # the same as the report, and the time of the stream, not of now
  "$NETVITALS" report rtt --format influx - <"$FIXTURES/report-rtt.ndjson" >"$OUT/report" 2>/dev/null
  diff "$OUT/report" "$OUT/sink/post.1"
}

@test "push: what fails for a time is sent again, what is refused is not" {
  requires python3
  start_sink http 503 429 204 400 204
  { sent; sent; } >"$OUT/in"
  "$NETVITALS" push influx rtt --to "http://127.0.0.1:$(port_of sink)/" "$OUT/in"
  arrived post.3
  cmp "$OUT/sink/post.1" "$OUT/sink/post.3"
  run --separate-stderr "$NETVITALS" push influx rtt --to "http://127.0.0.1:$(port_of sink)/" "$OUT/in"
  assert_equal "$status" 1
  [[ $stderr == *"the server answered 400"* ]]
  run arrived post.5
  assert_equal "$status" 1
}

@test "push: a server that is not there is said, after the patience" {
  sent >"$OUT/in"
  run --separate-stderr "$NETVITALS" push otlp rtt --patience 1s --to http://127.0.0.1:1/v1/metrics "$OUT/in"
  assert_equal "$status" 1
  [[ $stderr == *"not everything could be sent"* ]]
}

@test "push otlp: an interval's counters are what was added in it" {
  requires python3
  local n
  start_sink http
  start_push otlp rtt --interval 500ms --to "http://127.0.0.1:$(port_of sink)/v1/metrics"
  { sent; acked 20000000; sent; } >&7
  wait_until 30 arrived post.2
  { acked 20000000; sent; acked 20000000; } >&7
  wait_until 30 arrived post.5
  stop push TERM
  assert_equal "$status" 0
  # deltas add up to the totals, over all posts
  for n in "$OUT"/sink/post.*; do cat "$n"; done >"$OUT/posts"
  sum() { jq -s "[.[].resourceMetrics[0].scopeMetrics[0].metrics[] | select(.name == \"$1\").sum.dataPoints[].asInt | tonumber] | add" "$OUT/posts"; }
  assert_equal "$(sum netvitals.rtt.sent)" 3
  assert_equal "$(sum netvitals.rtt.acked)" 3
  assert_equal "$(sum netvitals.events)" 6
  assert_jq "$OUT/posts" 'length >= 5 and all(.[].resourceMetrics[0].scopeMetrics[0].metrics[] | .sum // empty; .aggregationTemporality == 1 and .isMonotonic)'
  # one interval begins where the one before it ends, within the time that making a report takes
  assert_jq "$OUT/posts" '[.[].resourceMetrics[0].scopeMetrics[0].metrics[0].sum.dataPoints[0] |
    [(.startTimeUnixNano | tonumber), (.timeUnixNano | tonumber)]] | sort as $t |
    all($t[]; .[0] < .[1]) and all(range(1; $t | length); ($t[.][0] - $t[. - 1][1]) as $gap | $gap >= 0 and $gap < 2e9)'
  # the verdict stands even in an interval in which nothing happened
  jq -e '.resourceMetrics[0].scopeMetrics[0].metrics[] | select(.name == "netvitals.rtt.info").gauge.dataPoints[0].attributes |
    map(select(.key == "verdict").value.stringValue) == ["ok"]' "$OUT/sink/post.5"
}

@test "push otlp: bytes that move to a name leave where they were" {
  requires python3
  local flow='"iface":"e","sub":"10.0.0.1","peer":"192.0.2.1","proto":6,"peer_port":443,"bytes_up":100,"bytes_down":900,"packets_up":1,"packets_down":2' n
  start_sink http
  start_push otlp traffic --by name --interval 500ms --to "http://127.0.0.1:$(port_of sink)/v1/metrics"
  echo "{\"type\":\"flow\",\"ts_us\":$(now_us),$flow,\"interval_us\":1000000}" >&7
  sent_before() { grep -q '"900"' "$OUT"/sink/post.*; }
  wait_until 30 sent_before
  echo "{\"type\":\"reclass\",\"ts_us\":$(now_us),$flow,\"name\":\"a.example\",\"evidence\":\"sni\"}" >&7
  named() { grep -q 'a\.example' "$OUT"/sink/post.*; }
  wait_until 30 named
  stop push TERM
  assert_equal "$status" 0
  for n in "$OUT"/sink/post.*; do cat "$n"; done >"$OUT/posts"
  # a sum over the posts of each name's bytes
  assert_jq "$OUT/posts" '[.[].resourceMetrics[0].scopeMetrics[0].metrics[] | select(.name == "netvitals.traffic.bytes") | .sum |
    select(.isMonotonic == false).dataPoints[] | {name: ([.attributes[] | select(.key == "name").value.stringValue][0] // ""), n: (.asInt | tonumber)}] |
    group_by(.name) | map([.[0].name, (map(.n) | add)]) == [["", 0], ["a.example", 1000]]'
}

@test "push statsd: datagrams hold whole lines and fit an Ethernet frame" {
  requires python3
  start_sink datagram
  "$NETVITALS" report rtt --format statsd "$FIXTURES/report-rtt.ndjson" >"$OUT/report" 2>/dev/null
  "$NETVITALS" push statsd rtt --to "udp://127.0.0.1:$(port_of sink)" "$FIXTURES/report-rtt.ndjson" 2>/dev/null
  all_there() { cat "$OUT"/sink/gram.* 2>/dev/null | grep -c . | grep -qx "$(wc -l <"$OUT/report")"; }
  wait_until 30 all_there
  local gram
  for gram in "$OUT"/sink/gram.*; do
    [ "$(stat -c %s "$gram")" -le 1433 ]
    run grep -vE '^netvitals\.[a-z0-9_.]+:[0-9]+\|[cg](\|#[^|]+)?$' "$gram"
    assert_equal "$output" ""
  done
  grep -qhx 'netvitals.rtt.sent:18|c|#host:amf1,netns:4026531840,assoc_id:3,lport:38412,raddr:198.18.0.2,rport:38412' "$OUT"/sink/gram.*
}

@test "push statsd: a report of many lines arrives whole, at a server that reads slowly" {
  requires python3
  awk 'BEGIN { for (i = 0; i < 400; i++)
    printf "{\"type\":\"sctp_hb_sent\",\"ts_us\":%d,\"netns\":1,\"assoc_id\":%d,\"lport\":1,\"raddr\":\"198.18.0.2\",\"rport\":2}\n", 1790000000000000 + i, i }' >"$OUT/in"
  "$NETVITALS" report rtt --format statsd "$OUT/in" >"$OUT/report" 2>/dev/null
  start_sink datagram unix "$OUT/dsd.socket"
  "$NETVITALS" push statsd rtt --to "unixgram://$OUT/dsd.socket" "$OUT/in" 2>"$OUT/err"
  assert_equal "$(cat "$OUT/err")" ""
  wait_until 30 lines_arrived
}

@test "push statsd: a server that does not read keeps it for a second, and what was lost is said" {
  requires python3
  awk 'BEGIN { for (i = 0; i < 4000; i++)
    printf "{\"type\":\"sctp_hb_sent\",\"ts_us\":%d,\"netns\":1,\"assoc_id\":%d,\"lport\":1,\"raddr\":\"198.18.0.2\",\"rport\":2}\n", 1790000000000000 + i, i }' >"$OUT/in"
  start_sink datagram unix "$OUT/dsd.socket"
  kill -STOP "${PIDS[sink]}"
  # hundreds of datagrams, each of which could wait
  run -1 --separate-stderr timeout 20 "$NETVITALS" push statsd rtt --to "unixgram://$OUT/dsd.socket" "$OUT/in"
  kill -CONT "${PIDS[sink]}"
  [[ $stderr == *"not everything could be sent: Resource temporarily unavailable ("*" dropped)"* ]]
}

lines_arrived() { [ "$(cat "$OUT"/sink/gram.* 2>/dev/null | grep -c .)" -eq "$(wc -l <"$OUT/report")" ]; }

@test "push statsd: a unix socket, as the Datadog Agent has one" {
  requires python3
  start_sink datagram unix "$OUT/dsd.socket"
  "$NETVITALS" push statsd rtt --to "unixgram://$OUT/dsd.socket" "$FIXTURES/report-rtt.ndjson" 2>/dev/null
  wait_until 30 arrived gram.1
  grep -q '^netvitals.events:213|c$' "$OUT/sink/gram.1"
  run --separate-stderr "$NETVITALS" push statsd --to "unixgram://$OUT/none" "$FIXTURES/report-rtt.ndjson"
  assert_equal "$status" 1
  [[ $stderr == *"No such file"* ]]
}

# push statsd with the options. What a server of statsd has added up so far is what sum NAME [TAGS] prints.
start_push_statsd() {
  start_sink datagram
  start_push statsd "$@" --interval 300ms --to "udp://127.0.0.1:$(port_of sink)"
}
sum() {
  cat "$OUT"/sink/gram.* 2>/dev/null |
    awk -F '[:|]' -v metric="$1" -v tags="${2-}" '$1 == metric && $3 == "c" && (tags == "" || index($0, tags)) { sum += $2 } END { print sum + 0 }'
}
sum_is() { [ "$(sum "$1" "$2")" = "$3" ]; }
labels_of() { cat "$OUT"/sink/gram.* | sed -n "s/^$1:[^#]*#//p" | sort -u | xargs; }

flow() { # SUB BYTES_UP [MORE]
  printf '{"type":"%s","ts_us":%s,"iface":"e","sub":"%s","peer":"192.0.2.1","proto":6,"peer_port":443,"bytes_up":%s,"bytes_down":0,"packets_up":1,"packets_down":0,%s}\n' \
    "${TYPE:-flow}" "$(now_us)" "$1" "$2" "${3:-\"interval_us\":1000000}"
}

# The series of bytes that a scrape shows, as SUB VALUE, sorted.
bytes_shown() {
  curl -sf --max-time 20 "$URL" | sed -n 's/^netvitals_traffic_bytes_total{sub="\([^"]*\)",direction="up"} /\1 /p' | sort
}
shown_sum_is() { [ "$(bytes_shown | awk '{ sum += $2 } END { print sum + 0 }')" = "$1" ]; }

@test "serve --top: no counter goes down when a row comes out of other, and the sum is that of all traffic" {
  requires curl
  start_serve traffic --top 1
  { flow 10.0.0.1 1000; flow 10.0.0.2 100; } >&7
  wait_until 30 shown_sum_is 1100
  assert_equal "$(bytes_shown)" "10.0.0.1 1000
other 100"
  # the second comes out of other, where what it had stays, and the first goes there
  { flow 10.0.0.2 5000; flow 10.0.0.1 1; } >&7
  wait_until 30 shown_sum_is 5101
  assert_equal "$(bytes_shown)" "10.0.0.2 5000
other 101"
  # and back: it goes on from what it had
  flow 10.0.0.1 9000 >&7
  wait_until 30 shown_sum_is 10101
  assert_equal "$(bytes_shown)" "10.0.0.1 10000
other 101"
}

@test "serve: the thousand series of a table change places with the rest as well" {
  requires curl
  start_serve traffic
  # one process: bats traces every command, which takes long 1200 times
  flow SUB BYTES | awk '{ for (i = 0; i < 1200; i++) { line = $0
    sub("SUB", "10.1." int(i / 200) "." i % 200, line); sub("BYTES", 2000 + i, line); print line } }' >&7
  wait_until 30 shown_sum_is $((1200 * 2000 + 1200 * 1199 / 2))
  assert_equal "$(bytes_shown | wc -l)" 1000
  local other
  other=$(bytes_shown | sed -n 's/^other //p')
  flow 10.1.0.0 100000 >&7 # the smallest of all becomes the largest
  wait_until 30 eval '[ "$(bytes_shown | grep -c "^10\.1\.0\.0 100000$")" = 1 ]'
  [ "$(bytes_shown | sed -n 's/^other //p')" -ge "$other" ]
}

@test "push statsd: the sections below the rows are deltas as well, and add up to the report" {
  requires python3
  printf 'app: web\nrate: free\nsuffix: a.example\n' >"$OUT/rules"
  start_push_statsd traffic --rules "$OUT/rules"
  flow 10.0.0.1 900 | tee "$OUT/events" >&7
  wait_until 30 sum_is netvitals.traffic.bytes '' 900
  TYPE=reclass flow 10.0.0.1 900 '"name":"a.example","evidence":"sni"' | tee -a "$OUT/events" >&7
  wait_until 30 sum_is netvitals.traffic.bytes app:web 900
  flow 10.0.0.1 70 '"name":"a.example","evidence":"sni","interval_us":1000000' | tee -a "$OUT/events" >&7
  wait_until 30 sum_is netvitals.traffic.bytes app:web 970
  wait_until 30 sum_is netvitals.traffic.bill.free_bytes '' 970
  stop push TERM
  assert_equal "$status" 0
  "$NETVITALS" report traffic --rules "$OUT/rules" --format json "$OUT/events" >"$OUT/report"
  assert_equal "$(sum netvitals.traffic.bill.free_bytes)" "$(jq '.bill[0].free_bytes' "$OUT/report")"
  assert_equal "$(sum netvitals.traffic.bill.unknown_bytes)" 0
  assert_equal "$(sum netvitals.traffic.evidence.bytes evidence:sni)" 970
  assert_equal "$(sum netvitals.traffic.evidence.bytes rate:unknown)" 0
}

# traffic_totals of an interval in which some packets of 100 bytes were seen and others found no room.
totals() { # ACCOUNTED OVERFLOW
  printf '{"type":"traffic_totals","ts_us":%s,"iface":"e","interval_us":1000000,"seen_packets":%s,"seen_bytes":%s,"accounted_packets":%s,"accounted_bytes":%s,"overflow_packets":%s,"overflow_bytes":%s' \
    "$(now_us)" $(($1 + $2)) $(($1 * 100 + $2 * 100)) "$1" $(($1 * 100)) "$2" $(($2 * 100))
  printf ',"%s_packets":0,"%s_bytes":0' not_ours{,} non_ip{,} bad_header{,} outer_fragments{,} rejected_outer{,}
  printf '}\n'
}

@test "push statsd: what became of all packets is deltas, also of a counter that began at 0, whatever --top says" {
  requires python3
  start_push_statsd traffic --top 1
  { flow 10.0.0.1 600; flow 10.0.0.2 400; totals 10 0; } >&7
  wait_until 30 sum_is netvitals.traffic.totals.bytes counter:seen 1000
  { flow 10.0.0.1 500; totals 5 3; } >&7
  wait_until 30 sum_is netvitals.traffic.totals.bytes counter:seen 1800
  stop push TERM
  assert_equal "$(sum netvitals.traffic.totals.bytes counter:accounted)" 1500
  assert_equal "$(sum netvitals.traffic.totals.packets counter:accounted)" 15
  assert_equal "$(sum netvitals.traffic.totals.packets counter:overflow)" 3
  assert_equal "$(sum netvitals.traffic.totals.bytes)" 3600
}

@test "serve: what became of all packets are counters, there at 0 before the first is lost" {
  requires curl promtool
  start_serve traffic
  { flow 10.0.0.1 1000; totals 10 0; } >&7
  wait_until 30 metric_is 'netvitals_traffic_totals_bytes_total{iface="e",counter="seen"}' 1000
  assert_equal "$(metric 'netvitals_traffic_totals_packets_total{iface="e",counter="overflow"}')" 0
  { flow 10.0.0.1 500; totals 5 3; } >&7
  wait_until 30 metric_is 'netvitals_traffic_totals_bytes_total{iface="e",counter="seen"}' 1800
  assert_equal "$(metric 'netvitals_traffic_totals_packets_total{iface="e",counter="overflow"}')" 3
  curl -sf "$URL" | promtool check metrics
}

@test "push statsd: rows that change places with those in other are counted once" {
  requires python3
  start_push_statsd traffic --top 1
  { flow 10.0.0.1 1000; flow 10.0.0.2 100; } >&7
  wait_until 30 sum_is netvitals.traffic.bytes '' 1100
  echo "{\"type\":\"of_another_age\",\"ts_us\":$(now_us)}" >&7
  wait_until 30 sum_is netvitals.lines_unknown '' 1
  # the second comes out of other, and the first goes there
  { flow 10.0.0.2 5000; flow 10.0.0.1 1; } >&7
  wait_until 30 sum_is netvitals.traffic.bytes '' 6101
  # the largest of this interval is no row of the table
  { flow 10.0.0.3 30; flow 10.0.0.2 7; } >&7
  wait_until 30 sum_is netvitals.traffic.bytes '' 6138
  stop push TERM
  assert_equal "$status" 0
  assert_equal "$(sum netvitals.traffic.bytes sub:10.0.0.1)" 1000
  assert_equal "$(sum netvitals.traffic.bytes sub:10.0.0.2)" 5007
  assert_equal "$(sum netvitals.traffic.bytes sub:other)" 131
  assert_equal "$(labels_of netvitals.traffic.packets)" \
    "sub:10.0.0.1,direction:down sub:10.0.0.1,direction:up sub:10.0.0.2,direction:down sub:10.0.0.2,direction:up sub:other,direction:down sub:other,direction:up"
  run grep -h -- ':-' "$OUT"/sink/gram.*
  assert_equal "$output" ""
}

@test "push statsd: what a cgroup used counts under the path that it was given earlier" {
  requires python3
  cpu() { echo "{\"type\":\"cgroup_cpu\",\"ts_us\":$(now_us),\"host\":\"elsewhere\",\"cgroup_id\":$1,\"hierarchy_id\":0,\"run_ns\":$2,\"interval_us\":1000000}"; }
  made() { echo "{\"type\":\"cgroup_mkdir\",\"ts_us\":$(now_us),\"host\":\"elsewhere\",\"cgroup_id\":$1,\"hierarchy_id\":0,\"path\":\"$2\",\"level\":1}"; }
  start_push_statsd cgroup
  { made 5 /a; cpu 5 100; cpu 6 40; } >&7
  wait_until 30 sum_is netvitals.cgroup.run_ns '' 140
  { cpu 5 7; made 6 /b; cpu 6 2; } >&7
  wait_until 30 sum_is netvitals.cgroup.run_ns '' 149
  stop push TERM
  assert_equal "$status" 0
  assert_equal "$(sum netvitals.cgroup.run_ns path:/a)" 107
  assert_equal "$(sum netvitals.cgroup.run_ns 'path:(id 6)')" 40
  assert_equal "$(sum netvitals.cgroup.run_ns path:/b)" 2
  # that it was made is said once
  assert_equal "$(cat "$OUT"/sink/gram.* | grep -c '^netvitals\.cgroup\.timeline\.cgroup_id:5|')" 1
}

@test "push: wrong calls name what is expected" {
  printf 'Authorization: Bearer %09000d\n' 1 >"$OUT/token"
  run -2 "$NETVITALS" push influx --header "@$OUT/token" --to http://127.0.0.1:1/ "$FIXTURES/report-rtt.ndjson"
  [[ $output == *"longer than 8190 bytes"* ]]
  run --separate-stderr "$NETVITALS" push kafka </dev/null
  assert_equal "$status" 2
  run --separate-stderr "$NETVITALS" push influx </dev/null
  assert_equal "$status" 2
  [[ $stderr == *"--to"* ]]
  run --separate-stderr "$NETVITALS" push influx --to ftp://x </dev/null
  assert_equal "$status" 1
}
