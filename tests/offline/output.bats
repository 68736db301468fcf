#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# --output FILE: what is there already is neither replaced by another kind of file nor lost.

load ../lib/common

@test "--output writes through a symbolic link, keeps the mode, and goes into what is no regular file" {
  echo old >"$OUT/page"
  chmod 604 "$OUT/page"
  ln -s page "$OUT/link"
  "$NETVITALS" report rtt --format csv "$FIXTURES/report-rtt.ndjson" >"$OUT/wanted"
  "$NETVITALS" report rtt --format csv -o "$OUT/link" "$FIXTURES/report-rtt.ndjson"
  [ -L "$OUT/link" ]
  cmp "$OUT/page" "$OUT/wanted"
  assert_equal "$(stat -c %a "$OUT/page")" 604
  mkfifo "$OUT/pipe"
  start reader cat "$OUT/pipe"
  "$NETVITALS" report rtt --format csv -o "$OUT/pipe" "$FIXTURES/report-rtt.ndjson"
  wait "${PIDS[reader]}"
  [ -p "$OUT/pipe" ]
  cmp "$OUT/reader.out" "$OUT/wanted"
  # as a link: it is only the link that a mistake would replace
  ln -s /dev/null "$OUT/null"
  "$NETVITALS" report rtt -o "$OUT/null" "$FIXTURES/report-rtt.ndjson"
  [ -L "$OUT/null" ]
}

@test "a run that fails keeps the old report and leaves no temporary file" {
  echo old >"$OUT/page"
  echo rubbish >"$OUT/bad"
  run -3 "$NETVITALS" report rtt --strict -o "$OUT/page" "$OUT/bad"
  run -1 "$NETVITALS" report rtt -o "$OUT/page" "$OUT/missing"
  assert_equal "$(cat "$OUT/page")" old
  [ -z "$(find "$OUT" -name '*.tmp')" ]
}

@test "a view of snapshots that is interrupted leaves its last report, and no temporary file" {
  start view "$NETVITALS" report cgroup --snapshot --follow=1s -o "$OUT/page"
  wait_until 20 catches_signals "${PIDS[view]}"
  stop view INT
  [ -z "$(find "$OUT" -name '*.tmp')" ]
}

catches_signals() { # PID
  awk '/^SigCgt:/ { caught = substr($2, length($2)) } END { exit caught !~ /[2367abefABEF]/ }' "/proc/$1/status"
}

@test "HTML without rows still has what stands below them: a path that the kernel knows and nobody saw" {
  echo '{"type":"begin","ts_us":1700000000000000,"tool":"sctphb"}' >"$OUT/nothing"
  "$NETVITALS" report rtt --assocs="$FIXTURES/sctp-incident.assocs" --format html "$OUT/nothing" >"$OUT/page"
  grep -q 'Nothing to report' "$OUT/page"
  grep -q 'no heartbeat of this path was seen' "$OUT/page"
}
