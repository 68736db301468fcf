#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every format of `netvitals report`: the same totals, and nothing that a hostile name could break.

load ../lib/common

setup_file() { "$ROOT/tests/lib/make-heartbeats" 0.5 10 >"$BATS_FILE_TMPDIR/stream"; }

test_setup() {
  ln -s "$BATS_FILE_TMPDIR/stream" "$OUT/stream"
  # a host name with everything that some format takes as its own, and bytes that are no UTF-8
  printf '%s\n' '{"type":"sctp_hb_sent","ts_us":1790000100000000,"host":"a,b=c d\"e\\f|g\u000ah<i>&j`k*l_m#n\\","netns":1,"assoc_id":9,"lport":1,"raddr":"198.18.9.9","rport":2}' \
    '{"type":"sctp_hb_sent","ts_us":1790000100000001,"host_hex":"61ff0a62","netns":1,"assoc_id":9,"lport":1,"raddr":"198.18.9.8","rport":2}' >"$OUT/hostile"
}

report() { # FORMAT [OPTION…] <stream
  "$NETVITALS" report rtt --format "$@" - 2>/dev/null
}

all() { cat "$OUT/hostile" "$OUT/stream"; }

# "sent acked missed" summed over all rows, by an independent reader of each format
totals() { # FORMAT
  case $1 in
  json) report json | jq -r '[.rows | map(.sent), map(.acked), map(.missed) | add] | join(" ")' ;;
  ndjson) report ndjson | jq -rs 'map(select(.type == "rtt_summary")) | [map(.sent), map(.acked), map(.missed) | add] | join(" ")' ;;
  csv) report csv | python3 -c '
import csv, sys
rows = list(csv.DictReader(line for line in sys.stdin if not line.startswith("#")))
print(*(sum(int(r[k]) for r in rows) for k in ("sent", "acked", "missed")))' ;;
  prometheus | openmetrics) report "$1" | awk '
    /^netvitals_rtt_sent_total[{]/ { s += $NF } /^netvitals_rtt_acked_total[{]/ { a += $NF } /^netvitals_rtt_missed_total[{]/ { m += $NF }
    END { print s + 0, a + 0, m + 0 }' ;;
  statsd) report statsd | python3 -c '
import re, sys
sums = dict.fromkeys(("sent", "acked", "missed"), 0)
for line in sys.stdin.buffer.read().decode().split("\n")[:-1]:
    name, value, kind = re.fullmatch(r"netvitals\.([a-z0-9_.]+):(\d+)\|([cg])(?:\|#[^|,\n]+(?:,[^|,\n]+)*)?", line).groups()
    if name.startswith("rtt.") and name[4:] in sums:
        assert kind == "c"
        sums[name[4:]] += int(value)
print(*sums.values())' ;;
  influx) report influx | python3 "$ROOT/tests/lib/read-influx" netvitals_rtt sent acked missed ;;
  otlp) report otlp | jq -r '[.resourceMetrics[0].scopeMetrics[0].metrics as $m | ("sent", "acked", "missed") |
      . as $k | $m[] | select(.name == "netvitals.rtt." + $k) | .sum.dataPoints | map(.asInt | tonumber) | add] | join(" ")' ;;
  text) report text --raw --wide | awk '
    !keys && /(^| )verdict / { for (i = 1; i <= NF; i++) at[$i] = i; keys = NF; next }
    keys && NF == 0 { exit }
    # the host name of a row may hold spaces: columns count from the end of it
    keys { for (i = 1; i <= NF; i++) if ($i ~ /^(ok|stalled|never|lossy|late|quiet)$/) { s += $(i + 1); a += $(i + 2); m += $(i + 3); break } }
    END { print s, a, m }' ;;
  markdown) report markdown --raw --wide | python3 -c '
import re, sys
rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in sys.stdin if line.startswith("|")]
keys = [c.strip().replace("\\", "") for c in rows[0]]
assert all(len(r) == len(keys) for r in rows), "a row has other columns than the heading"
print(*(sum(int(r[keys.index(k)]) for r in rows[2:]) for k in ("sent", "acked", "missed")))' ;;
  html) report html --wide | python3 "$ROOT/tests/lib/read-html" sent acked missed ;;
  esac
}

formats() { "$NETVITALS" report --help | grep -A 3 -- '--format FORMAT' | grep -o 'one of: .*' | sed 's/one of: //; s/, / /g'; }

@test "all formats carry the same totals" {
  local format expected
  expected=$(all | totals json)
  [ "${expected%% *}" -gt 900 ]
  [ "$(formats | wc -w)" -ge 11 ]
  for format in $(formats); do
    echo "$format"
    assert_equal "$(all | totals "$format")" "$expected"
  done
}

# Two interfaces, of which one counts whole frames, and has lost some.
became_stream() {
  sed 's/,"seen_packets"/,"bytes":"ip"&/' "$FIXTURES/traffic.ndjson"
  sed -n '/traffic_totals/{s/encaps.pcap/eth1/; s/"seen_packets":32,"seen_bytes":1794/"bytes":"wire","seen_packets":39,"seen_bytes":2000/; s/"overflow_packets":0,"overflow_bytes":0/"overflow_packets":7,"overflow_bytes":206/; p}' \
    "$FIXTURES/traffic.ndjson"
}

# What became of all packets: "IFACE BYTES_OF COUNTER PACKETS BYTES" for each row, by an independent reader of each format.
became() { # FORMAT
  local report=("$NETVITALS" report traffic --wide --raw --format "$1" "$OUT/traffic")
  case $1 in
  json) "${report[@]}" | jq -r '.totals[] | "\(.iface) \(.bytes_of) \(.counter) \(.packets) \(.bytes)"' ;;
  ndjson) "${report[@]}" | jq -r 'select(.type == "totals_summary") | . as $e | keys_unsorted[] | select(endswith("_packets")) | rtrimstr("_packets") |
      "\($e.iface) \($e.bytes) \(.) \($e[. + "_packets"]) \($e[. + "_bytes"])"' ;;
  csv) "${report[@]}" | tr -d '\r' | sed '1,/^# section=totals$/d; /^#/,$d' | python3 -c '
import csv, sys
for r in csv.DictReader(sys.stdin):
    print(r["iface"], r["bytes_of"], r["counter"], r["packets"], r["bytes"])' ;;
  prometheus | openmetrics) "${report[@]}" | sed -n 's/^netvitals_traffic_totals_\(packets\|bytes\)_total{.*iface="\([^"]*\)",bytes_of="\([^"]*\)",counter="\([^"]*\)"} /\1 \2 \3 \4 /p' | became_pairs ;;
  statsd) "${report[@]}" | sed -n 's/^netvitals\.traffic\.totals\.\(packets\|bytes\):\([0-9]*\)|c|#iface:\([^,]*\),bytes_of:\([^,]*\),counter:\([^,]*\)$/\1 \3 \4 \5 \2/p' | became_pairs ;;
  influx) "${report[@]}" | python3 "$ROOT/tests/lib/read-influx" --rows netvitals_traffic_totals iface bytes_of counter packets bytes ;;
  otlp) "${report[@]}" | jq -r '.resourceMetrics[0].scopeMetrics[0].metrics[] | select(.name | startswith("netvitals.traffic.totals.")) |
      .name[25:] as $name | .sum | select(.isMonotonic) | .dataPoints[] | (.attributes | map({key, value: .value.stringValue}) | from_entries) as $a |
      "\($name) \($a.iface) \($a.bytes_of) \($a.counter) \(.asInt)"' | became_pairs ;;
  text) "${report[@]}" | sed '1,/^What became of all packets$/d; /^$/,$d' | became_columns ;;
  markdown) "${report[@]}" | sed '1,/^### What became of all packets$/d' | sed -n '/---/d; s/\\//g; /^|/p' | became_columns -F ' *[|] *' ;;
  html) "${report[@]}" | python3 "$ROOT/tests/lib/read-html" --rows iface bytes_of counter packets bytes ;;
  esac
}
# From "packets|bytes IFACE BYTES_OF COUNTER VALUE".
became_pairs() { awk '{ k = $2 " " $3 " " $4; if (!(k in n)) order[++count] = k; n[k]++; v[k, $1] = $5 } END { for (i = 1; i <= count; i++) print order[i], v[order[i], "packets"], v[order[i], "bytes"] }'; }
# From a table with a heading.
became_columns() { awk "$@" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next } NF { print $at["iface"], $at["bytes_of"], $at["counter"], $at["packets"], $at["bytes"] }'; }

@test "all formats say what became of all packets, in the same rows" {
  requires jq python3
  local format
  became_stream >"$OUT/traffic"
  became json >"$OUT/expected"
  cat >"$OUT/want" <<'END'
encaps.pcap ip seen 32 1794
encaps.pcap ip accounted 32 1794
encaps.pcap ip overflow 0 0
encaps.pcap ip not_ours 0 0
encaps.pcap ip non_ip 0 0
encaps.pcap ip bad_header 0 0
encaps.pcap ip outer_fragments 0 0
encaps.pcap ip rejected_outer 0 0
eth1 wire seen 39 2000
eth1 wire accounted 32 1794
eth1 wire overflow 7 206
END
  diff "$OUT/want" <(head -n 11 "$OUT/expected")
  assert_equal "$(wc -l <"$OUT/expected")" 16
  for format in $(formats); do
    echo "$format"
    became "$format" >"$OUT/got"
    diff "$OUT/expected" "$OUT/got"
  done
  # people are not shown parts that are 0, and no sum of a sum and its parts
  "$NETVITALS" report traffic --format html "$OUT/traffic" >"$OUT/page.html"
  python3 "$ROOT/tests/lib/read-html" --rows iface bytes_of counter packets bytes <"$OUT/page.html" >"$OUT/got"
  diff <(grep -v ' 0 0$' "$OUT/expected") "$OUT/got"
  assert_equal "$(grep -c '<tfoot>' "$OUT/page.html")" 1
  assert_equal "$("$NETVITALS" report traffic "$OUT/traffic" | grep -c '^\(encaps.pcap\|eth1\) ')" 5
  "$NETVITALS" report traffic --format markdown "$OUT/traffic" >"$OUT/markdown"
  assert_equal "$(grep -c '^| \(encaps.pcap\|eth1\) ' "$OUT/markdown")" 5
}

@test "without traffic_totals no format has a table of what became of all packets" {
  local format
  sed '/traffic_totals/d' "$FIXTURES/traffic.ndjson" >"$OUT/traffic"
  for format in $(formats); do
    echo "$format"
    "$NETVITALS" report traffic --format "$format" "$OUT/traffic" >"$OUT/got"
    run -1 grep -i 'totals\|became' "$OUT/got"
  done
}

@test "all formats carry the loss budget" {
  # 3 events lost, 1 line cut short
  all | report json | jq -e '.loss.events_lost == 3 and .loss.lines_rejected == 1'
  all | report csv | grep -q '^# report=rtt .* events_lost=3 lines_rejected=1 '
  all | report prometheus | grep -qx 'netvitals_events_lost_total 3'
  all | report openmetrics | grep -qx 'netvitals_lines_rejected_total 1'
  all | report influx | grep -q '^netvitals_loss,report=rtt .*events_lost=3i,lines_rejected=1i'
  all | report statsd | grep -qx 'netvitals.events_lost:3|c'
  all | report otlp | jq -e '.resourceMetrics[0].scopeMetrics[0].metrics[] | select(.name == "netvitals.events_lost") | .sum.dataPoints[0].asInt == "3"'
  all | report markdown | grep -q 'could not deliver 3, malformed lines 1'
  all | report html | grep -q 'title="events_lost"><b>3</b>'
  all | report text | grep -q '^loss: 3 events lost, 1 line'
}

@test "promtool finds nothing wrong with the metrics" {
  requires promtool
  all | report prometheus >"$OUT/metrics"
  run promtool check metrics <"$OUT/metrics"
  assert_equal "$status" 0
  assert_equal "$output" ""
  grep -q 'host="a,b=c d\\"e\\\\f|g\\nh<i>&j`k\*l_m#n\\\\"' "$OUT/metrics"
}

@test "metrics have base units, and a family stands in one piece" {
  all | report prometheus >"$OUT/metrics"
  grep -q '^netvitals_rtt_p50_seconds{.*raddr="198.18.0.2".*} 0\.0[0-9]*$' "$OUT/metrics"
  grep -q '^netvitals_rtt_loss_ratio{' "$OUT/metrics"
  grep -q '^netvitals_rtt_info{.*verdict="lossy"} 1$' "$OUT/metrics"
  run grep -E '_(ns|us|ppm)(_total)?[{ ]' "$OUT/metrics"
  assert_equal "$output" ""
  assert_equal "$(grep -v '^#' "$OUT/metrics" | sed 's/[{ ].*//; s/^\(netvitals_rtt_seconds\)_.*/\1/' | uniq | sort | uniq -d)" ""
}

@test "the histogram of round trips is what jq counts, bucket by bucket" {
  local bound want
  report prometheus <"$OUT/stream" | grep '^netvitals_rtt_seconds.*raddr="198.18.0.2"' >"$OUT/metrics"
  jq -R 'fromjson? | select(.type == "sctp_hb_ack" and .raddr == "198.18.0.2" and (.verdict | . == "ok" or . == "late")) | .rtt_ns' \
    "$OUT/stream" >"$OUT/values"
  for bound in 0.001048575:1048575 0.016777215:16777215 0.033554431:33554431 68.719476735:68719476735; do
    want=$(jq -s "map(select(. <= ${bound#*:})) | length" "$OUT/values")
    assert_equal "$(sed -n "s/.*le=\"${bound%:*}\"} //p" "$OUT/metrics")" "$want"
  done
  want=$(jq -rs '"\(length) \(add)"' "$OUT/values")
  assert_equal "$(sed -n 's/^netvitals_rtt_seconds_count.*} //p' "$OUT/metrics")" "${want% *}"
  assert_equal "$(sed -n 's/.*le="+Inf"} //p' "$OUT/metrics")" "${want% *}"
  assert_equal "$(sed -n 's/^netvitals_rtt_seconds_sum.*} //p' "$OUT/metrics" | tr -d .)" "$(printf %010d "${want#* }")"
}

@test "OpenMetrics: names without _total in TYPE, units as suffix, an end" {
  all | report openmetrics >"$OUT/metrics"
  assert_equal "$(tail -n 1 "$OUT/metrics")" "# EOF"
  run grep -E '^# (TYPE|HELP|UNIT) [a-z_]*_total ' "$OUT/metrics"
  assert_equal "$output" ""
  grep -qx '# UNIT netvitals_rtt_p50_seconds seconds' "$OUT/metrics"
  awk '/^# UNIT/ && $3 !~ ("_" $4 "$") { print; bad = 1 } END { exit bad }' "$OUT/metrics"
}

@test "more rows than 1000 become one series, and the totals stay" {
  local i
  for i in $(seq 1100); do
    echo "{\"type\":\"sctp_hb_sent\",\"ts_us\":1790000000000000,\"netns\":1,\"assoc_id\":$i,\"lport\":1,\"raddr\":\"198.18.0.1\",\"rport\":2}"
  done | report prometheus >"$OUT/metrics"
  assert_equal "$(grep -c '^netvitals_rtt_sent_total{' "$OUT/metrics")" 1001
  grep -q '^netvitals_rtt_sent_total{.*raddr="other".*} 100$' "$OUT/metrics"
  grep -qx 'netvitals_rtt_rows 1100' "$OUT/metrics"
}

@test "InfluxDB lines: tags sorted, a name's specials escaped, time at the end" {
  all | report influx >"$OUT/lines"
  python3 "$ROOT/tests/lib/read-influx" netvitals_rtt sent <"$OUT/lines"
  grep -qF 'host=a\,b\=c\ d"e\f|g_h<i>&j`k*l_m#n,' "$OUT/lines"
  grep -q ' 1790001800000000000$' "$OUT/lines"
}

@test "InfluxDB: an integer beyond 63 bits is written as unsigned" {
  echo '{"type":"rtt_summary","ts_us":1790000000000000,"netns":1,"assoc_id":1,"lport":1,"rport":1,"raddr":"198.18.0.1","sent":18446744073709551615,"acked":0,"missed":9223372036854775807,"late":0,"discarded":0,"received":0,"probes_sent":0,"probes_acked":0}
{"type":"ready","ts_us":1790000000000000}' | report influx | grep -q 'sent=18446744073709551615u,acked=0i,missed=9223372036854775807i'
}

@test "CSV is read back by a CSV reader, with every column" {
  all | report csv >"$OUT/csv"
  python3 - "$OUT/csv" <<'PYTHON'
import csv, sys
with open(sys.argv[1], newline="", errors="surrogateescape") as f:
    rows = [r for r in csv.reader(f) if not r[0].startswith("#")]
assert all(len(r) == len(rows[0]) for r in rows), "rows differ in length"
assert 'a,b=c d"e\\f|g\nh<i>&j`k*l_m#n\\' in [r[0] for r in rows]
PYTHON
}

@test "the HTML page is complete in itself and well-formed" {
  all | report html >"$OUT/page.html"
  python3 "$ROOT/tests/lib/read-html" sent <"$OUT/page.html"
  run grep -iE '<script|<link|@import|url\(|(src|href)=' "$OUT/page.html"
  assert_equal "$output" ""
  grep -q '<svg ' "$OUT/page.html"
  grep -q 'prefers-color-scheme:dark' "$OUT/page.html"
  grep -q '@media print' "$OUT/page.html"
  run grep -F 'h<i>' "$OUT/page.html"
  assert_equal "$output" ""
}

@test "the HTML page draws a path's line, its band, and the windows without an answer" {
  "$ROOT/tests/lib/make-heartbeats" 2 10 | report html >"$OUT/page.html"
  # six paths; the two that die are shaded from then on
  assert_equal "$(grep -c '<text class="name"' "$OUT/page.html")" 6
  grep -q '198.18.0.73 38412 <tspan class="bad">stalled</tspan>' "$OUT/page.html"
  [ "$(grep -o 'class="line"' "$OUT/page.html" | wc -l)" -ge 6 ]
  [ "$(grep -o 'class="shade m0"' "$OUT/page.html" | wc -l)" -gt 20 ]
  # windows were found by the stream's length: some hundred at most
  [ "$(grep -o 'class="tip"' "$OUT/page.html" | wc -l)" -le 1800 ]
}

# plain: the same page; what draws it there is Chromium's work, and other tests make pages
# bats test_tags=plain
@test "headless Chromium renders the HTML page and logs no error" {
  requires chromium
  "$ROOT/tests/lib/make-heartbeats" 1 10 | report html >"$OUT/page.html"
  timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-background-networking --enable-logging=stderr \
    --user-data-dir="$OUT/profile" --hide-scrollbars --window-size=1140,1700 --screenshot="$OUT/page.png" \
    "file://$OUT/page.html" 2>"$OUT/log"
  run grep -E 'CONSOLE' "$OUT/log"
  assert_equal "$output" ""
  # a picture of that size, not a blank one
  file_size=$(stat -c %s "$OUT/page.png")
  [ "$file_size" -gt 50000 ]
}

# Ten domains, whose shares change from window to window, and three cgroups.
traffic_and_cgroups() {
  jq -cn 'range(12) as $w | range(10) as $k | ((10 - $k) * 100000 * (1 + ($w + $k) % 3)) as $bytes |
    {type: "flow", ts_us: (1790000010000000 + $w * 10000000), iface: "eth0", sub: "10.128.0.7", peer: "203.0.113.\($k)",
     name: "cdn.site\($k).example", evidence: "sni", bytes_up: ($bytes / 10), bytes_down: $bytes,
     packets_up: ($bytes / 1000), packets_down: ($bytes / 1000), interval_us: 10000000}'
  jq -cn '(["/a", 3000000000, 5000000, 1000000], ["/b", 1000000000, 0, 0], ["/c", 500000000, 200000, 1800000]) as [$path, $ns, $rx, $tx] |
    {ts_us: 1790000010000000, hierarchy_id: 0, cgroup_id: $ns, path: $path, interval_us: 10000000} |
    (. + {type: "cgroup_cpu", run_ns: $ns}), (. + {type: "cgroup_net", rx_bytes: $rx, tx_bytes: $tx})'
}

# drawn FILTER: true for what draw-html measured; $events are those that the page was made of, $charts the charts in order:
# CPU and network of cgroups, redirect, traffic down and up.
drawn() {
  jq -e --slurpfile events "$OUT/events" '
    def about($want; $by): . - $want | fabs <= $by;
    # bars as wide as the numbers are large
    def as_wide_as($numbers): map(.width) as $widths | ($numbers | max) as $most | ($widths | max) as $all |
      ($widths | length) == ($numbers | length) and all(range($widths | length); . as $i | $widths[$i] | about($numbers[$i] * $all / $most; 0.3));
    # the eight largest domains of all, then the sum of the others, for each window
    def layers($key): [$events[] | select(.type == "flow")] | group_by(.ts_us) | map(
      sort_by(.peer) | map(.[$key]) | .[0:8] + [.[8:] | add]);
    def as_high_as($layers): (map(add) | add) as $drawn | ($layers | map(add) | add) as $all |
      . as $heights | length == ($layers | length) and all(range(length) as $w | range(9) as $i | [$w, $i]; . as [$w, $i] |
        $heights[$w][$i] | about($layers[$w][$i] * $drawn / $all; 1));
    . as $page | .charts as $charts | '"$1" "$OUT/drawn" >/dev/null || { echo "not as drawn: $1" >&2; return 1; }
}

# plain: as above
# shellcheck disable=SC2016 # the variables are jq's
# bats test_tags=plain
@test "Chromium draws traffic, cgroups and redirects as large as they are, light and dark" {
  requires chromium
  local scheme
  { traffic_and_cgroups; cat "$FIXTURES/redirect.ndjson"; } >"$OUT/events"
  "$NETVITALS" report all --by name --window 10s --format html "$OUT/events" >"$OUT/page.html"
  for scheme in light dark; do
    "$ROOT/tests/lib/draw-html" "$scheme" "$OUT/page.html" "$OUT/log" >"$OUT/drawn"
    run grep -E 'CONSOLE' "$OUT/log"
    assert_equal "$output" ""
    drawn '.scripts == 0 and .requests == [] and .dark == ("'"$scheme"'" == "dark")'
    drawn '$charts | length == 5 and all(.width > 900 and .height > 50)'
    # each to be seen on what it stands on, and the parts told apart
    drawn '[$charts[] | (.bars, .areas, .legend | .[].fill), .words[]] | length > 90 and all(. != $page.background)'
    drawn '$charts | all(.legend | map(.fill) | length == (unique | length))'

    drawn '$charts[0] | (.legend | map(.text)) == ["CPU"] and (.bars | as_wide_as([3, 1, 0.5]))'
    drawn '$charts[1] | (.legend | map(.text)) == ["SENT", "RECEIVED"] and (.bars | as_wide_as([10, 50, 18, 2]))'
    drawn '$charts[2] | (.legend | map(.text)) == ["SHORT CUT", "TCP"] and (.bars | map(.class)) == ["c0", "c0", "c1", "c0"]
      and (.bars | as_wide_as([5400000, 16000, 4984000, 256000]))'
    # a part begins where the one before it ends, in the colour that the legend gives it
    drawn '$charts[1:3] | all(.bars as $bars | .legend as $legend | $bars |
      all(.fill == $legend[.class[1:] | tonumber].fill) and all(range(1; length) | select($bars[.].class == "c1"); . as $i |
        $bars[$i].x | about($bars[$i - 1].x + $bars[$i - 1].width; 0.1)))'

    drawn '$charts[3:] | map(.names) == [["Down"], ["Up"]]'
    drawn '$charts[3:] | all((.legend | map(.text | sub(" .*"; ""))) == [range(8) | "site\(.).example"] + ["2"] and
      (.areas | map(.fill)) == (.legend | map(.fill)) and (.areas | all(.width > 800 and .height > 10)))'
    drawn '$charts[3].heights | as_high_as(layers("bytes_down"))'
    drawn '$charts[4].heights | as_high_as(layers("bytes_up"))'
  done
}

@test "an empty input gives every format, and no row" {
  local format
  for format in $(formats); do
    echo "$format"
    run "$NETVITALS" report rtt --format "$format" /dev/null
    assert_equal "$status" 0
  done
  "$NETVITALS" report rtt --format html /dev/null | grep -q 'Nothing to report'
  "$NETVITALS" report rtt --format markdown /dev/null | grep -q 'Nothing to report'
}
