#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `netvitals check` for cgroups and for redirection: the line, the numbers behind it, the exit code.

load ../lib/common

check() { run --separate-stderr "$NETVITALS" check "$@"; }

# A cgroup with half of its memory and nine tenths of its tasks used, held back for a tenth of its periods
state() { # TS_US OOM_KILLS PERIODS THROTTLED_NS
  printf '{"type":"cgroup_state","ts_us":%s,"hierarchy":"v2","cgroup_id":7,"path":"/shop","cpu_quota_ns":50000000,"cpu_period_ns":100000000,"memory_bytes":500,"memory_max_bytes":1000,"pids":9,"pids_max":10,"used_ns":1,"oom_kills":%s,"periods":%s,"throttled":1,"throttled_ns":%s}\n' "$@"
}

@test "check cgroup: fine without limits, and its numbers" {
  { state 1790000000000000 0 100 0; state 1790000010000000 0 200 1000000000; } >"$OUT/in"
  check cgroup "$OUT/in"
  assert_equal "$status" 0
  assert_equal "$output" "CGROUP OK - 1 cgroups within their limits | cgroups=1 bad=0 oom_kills=0 throttled=10.0000% memory=50.0000% tasks=90.0000%"
}

@test "check cgroup: throttling and full limits by the limits given" {
  { state 1790000000000000 0 100 0; state 1790000010000000 0 200 1000000000; } >"$OUT/in"
  check cgroup --warn-throttled 10% "$OUT/in"
  assert_equal "$status" 1
  [[ $output == "CGROUP WARNING - /shop: 10.0 % throttled | "* ]]
  check cgroup --warn-throttled 11% "$OUT/in"
  assert_equal "$status" 0
  check cgroup --warn-full 50% --crit-full 90% "$OUT/in"
  assert_equal "$status" 2
  [[ $output == "CGROUP CRITICAL - /shop: 90.0 % of its task limit | "* ]]
  check cgroup --warn-full 50% --crit-full 90% --under /other "$OUT/in"
  assert_equal "$status" 3
}

# By the Monitoring Plugins guidelines a limit that is not set is empty: 0 would be a limit of 0.
@test "check: perfdata have the limits that were given, and no others" {
  perfdata() { # what is behind the bar, whatever the state
    check "$@"
    echo "${output##* | }"
  }
  { state 1790000000000000 0 100 0; state 1790000010000000 0 200 1000000000; } >"$OUT/in"
  assert_equal "$(perfdata cgroup --warn-throttled 20% --crit-full 99% "$OUT/in")" \
    "cgroups=1 bad=0 oom_kills=0 throttled=10.0000%;20.0000 memory=50.0000%;;99.0000 tasks=90.0000%;;99.0000"
  assert_equal "$(perfdata loss --warn-loss 1% --crit-loss 2.5% "$OUT/in")" \
    "lost=0c rejected=0c unaccounted=0B loss=0.0000%;1.0000;2.5000"
  assert_equal "$(perfdata loss "$OUT/in")" "lost=0c rejected=0c unaccounted=0B loss=0.0000%"
  assert_equal "$(perfdata redirect --crit-share 1% "$FIXTURES/redirect.ndjson" | grep -o '^share=[^ ]*' | cut -d ';' -f 2-)" ";1.0000:"
  [[ $(perfdata traffic "$FIXTURES/traffic.ndjson") == "seen="*"B missed=0B" ]]
  local heartbeats=$FIXTURES/sctp-incident.ndjson
  assert_equal "$(perfdata rtt "$heartbeats")" "paths=2 bad=1 p99=119013us loss=66.6666%"
  assert_equal "$(perfdata rtt --crit-p99 1h --crit-loss 20% "$heartbeats")" \
    "paths=2 bad=1 p99=119013us;;3600000000 loss=66.6666%;;20.0000"
}

@test "check cgroup: a process killed in the window is critical, one killed before it is not" {
  { state 1790000000000000 3 0 0; state 1790000010000000 3 0 0; } >"$OUT/before"
  check cgroup "$OUT/before"
  assert_equal "$status" 0
  state 1790000000000000 3 0 0 >"$OUT/once"
  check cgroup "$OUT/once"
  assert_equal "$status" 0
  { state 1790000000000000 3 0 0; state 1790000010000000 5 0 0; } >"$OUT/within"
  check cgroup "$OUT/within"
  assert_equal "$status" 2
  [[ $output == "CGROUP CRITICAL - /shop: 2 killed for want of memory | "*" oom_kills=2 "* ]]
}

@test "check cgroup: a kill in a cgroup of which nobody said the path is named as in the report" {
  echo '{"type":"cgroup_oom","ts_us":1790000000000000,"hierarchy":"v2","cgroup_id":30,"pid":7}' >"$OUT/in"
  check cgroup "$OUT/in"
  assert_equal "$status" 2
  [[ $output == "CGROUP CRITICAL - (id 30): 1 killed for want of memory | "* ]]
  "$NETVITALS" report cgroup --format json "$OUT/in" >"$OUT/report"
  assert_jq "$OUT/report" '.[0].rows[0].path == "(id 30)"'
}

memory() { # SECONDS CGROUP_ID PATH OOM_KILLS OOM_KILLS_BELOW
  printf '{"type":"cgroup_state","ts_us":%s,"hierarchy":"v2","cgroup_id":%s,"path":"%s","oom_kills":%s,"oom_kills_below":%s}\n' "$((1790000000 + $1))000000" "${@:2}"
}

@test "check cgroup: a kill counts once, not in every cgroup above it, and does when its cgroup is gone" {
  {
    memory 0 1 /a 0 5
    memory 0 2 /a/b 0 5
    memory 0 3 /a/b/c 4 0
    memory 0 4 /a/b/d 1 0 # removed behind its kill
    memory 0 5 /a-z 0 0
  } >"$OUT/first"
  {
    memory 10 1 /a 0 8
    memory 10 2 /a/b 0 8
    memory 10 3 /a/b/c 6 0
    memory 10 5 /a-z 0 0
  } >"$OUT/second"
  killed() { # [OPTION...]
    check cgroup "$@" "$OUT/first" "$OUT/second"
    grep -o ' oom_kills=[0-9]*' <<<"$output" | cut -d= -f2
  }
  assert_equal "$(killed)" 3
  assert_equal "$(killed --under /a/b)" 3
  assert_equal "$(killed --under /a/b/c)" 2
  check cgroup "$OUT/first" "$OUT/second"
  assert_equal "$status" 2
  [[ $output == "CGROUP CRITICAL - /a/b: 3 killed for want of memory | "* ]]
  # and by way of summaries
  "$NETVITALS" report cgroup --format ndjson "$OUT/first" >"$OUT/first.sum"
  "$NETVITALS" report cgroup --format ndjson "$OUT/second" >"$OUT/second.sum"
  check cgroup "$OUT/second.sum" "$OUT/first.sum"
  [[ $output == *" oom_kills=3 "* ]]
  # each row says its own ones
  cat "$OUT/first" "$OUT/second" | "$NETVITALS" report cgroup --format json - >"$OUT/report"
  assert_jq "$OUT/report" '.[0].rows | map([.path, .oom_kills, .oom_kills_below]) |
    . == [["/a", 0, 3], ["/a/b", 0, 3], ["/a/b/c", 2, null], ["/a/b/d", 1, null], ["/a-z", 0, null]]'
}

@test "check cgroup: kills of a cgroup that was removed and made again, and what was before, are told apart" {
  {
    memory 0 1 /s 0 5
    memory 0 2 /s/job 5 0
    memory 5 1 /s 0 5 # nothing is below: job is gone, its old kills stay
    memory 10 1 /s 0 6
    memory 10 3 /s/job 1 0
  } >"$OUT/in"
  check cgroup "$OUT/in"
  [[ $output == "CGROUP CRITICAL - /s: 1 killed for want of memory | "*" oom_kills=1 "* ]]
  memory 20 1 /s 0 7 >>"$OUT/in"
  memory 20 3 /s/job 2 0 >>"$OUT/in"
  check cgroup "$OUT/in"
  [[ $output == *" oom_kills=2 "* ]]
  head -n 3 "$OUT/in" >"$OUT/before"
  check cgroup "$OUT/before"
  assert_equal "$status" 0
}

@test "check cgroup and check redirect: without events nobody knows" {
  check cgroup /dev/null
  assert_equal "$status" 3
  check redirect /dev/null
  assert_equal "$status" 3
}

@test "check redirect: the share of the short cut is what jq adds up, and is held against the limits" {
  local events=$FIXTURES/redirect.ndjson short all percent
  short=$(jq -s 'map(select(.type == "redirect") | .bytes_redirected) | add' "$events")
  all=$(jq -s 'map(select(.type == "redirect") | .bytes_redirected + .bytes_passed) | add' "$events")
  percent=$((short * 1000000 / all))
  check redirect "$events"
  assert_equal "$status" 0
  [[ $output == *" took the short cut | share=$((percent / 10000)).$(printf %04d $((percent % 10000)))% redirected=${short}B passed=$((all - short))B" ]]
  check redirect --warn-share $((percent / 10000 + 1))% "$events"
  assert_equal "$status" 1
  # less is bad: a range that only has a lower end
  [[ $output == *" share="*"%;$((percent / 10000 + 1)).0000: redirected="* ]]
  check redirect --warn-share $((percent / 10000 + 1))% --crit-share $((percent / 10000 + 1))% "$events"
  assert_equal "$status" 2
  check redirect --crit-share $((percent / 10000))% "$events"
  assert_equal "$status" 0
}

@test "check rtt --max-age: a path without any ACK yet is not as old as the epoch, one that DATA keeps busy not silent" {
  echo '{"type":"sctp_hb_sent","ts_us":1793000000000000,"netns":1,"assoc_id":1,"lport":5000,"raddr":"198.18.0.2","rport":3868}' >"$OUT/s"
  # 10 s later something else happens: nothing was answered yet, and nothing is late (the interval is 30 s)
  echo '{"type":"sctp_hb_skip","ts_us":1793000010000000,"netns":1,"assoc_id":1,"lport":5000,"raddr":"198.18.0.2","rport":3868,"reason":"data"}' >>"$OUT/s"
  run -0 "$NETVITALS" check rtt --max-age 90s "$OUT/s"
  [[ $output == "RTT OK - 1 paths answer"* ]]
  # an answer once, then DATA only, for longer than that
  {
    echo '{"type":"sctp_hb_ack","ts_us":1793000000000000,"netns":1,"assoc_id":1,"lport":5000,"raddr":"198.18.0.2","rport":3868,"verdict":"ok","rtt_ns":1000000,"state":"up"}'
    echo '{"type":"sctp_hb_skip","ts_us":1793000200000000,"netns":1,"assoc_id":1,"lport":5000,"raddr":"198.18.0.2","rport":3868,"reason":"data"}'
  } >"$OUT/busy"
  run -0 "$NETVITALS" check rtt --max-age 90s "$OUT/busy"
}

@test "check: a name that strangers chose forges neither a line nor perfdata" {
  local path='/a | load=1\nCGROUP OK - all fine\u001b[2J'
  printf '{"type":"cgroup_state","ts_us":1,"hierarchy":"v2","cgroup_id":7,"path":"%s","memory_bytes":99,"memory_max_bytes":100}\n' "$path" >"$OUT/s"
  run -2 --separate-stderr "$NETVITALS" check cgroup --crit-full 90% "$OUT/s"
  assert_equal "${#lines[@]}" 1
  [[ $output == "CGROUP CRITICAL - "*"/a ? load=1?CGROUP OK - all fine?[2J"* ]]
  assert_equal "$(tr -cd '|' <<<"$output")" "|"
}
