#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What every program of netvitals does with a command line.

load ../lib/common

programs() { for p in netvitals sockredir xdpacct; do [ -x "$BUILD/bin/$p" ] && echo "$BUILD/bin/$p"; done; }

# plain: of the programs as they are built
# bats test_tags=plain
@test "--help, --version, man page and completions are there and not empty" {
  local p
  for p in $(programs); do
    "$p" --help | grep -q 'Exit codes: 0 ok'
    "$p" --version | grep -qE '^[a-z]+ [0-9]+\.[0-9]+\.[0-9]+$'
    "$p" --man | grep -q '^.SH SYNOPSIS'
    "$p" --completion=bash | bash -n
    [ -n "$("$p" --completion=zsh)" ]
    [ -n "$("$p" --completion=fish)" ]
  done
}

@test "a wrong call is one line on stderr and exit code 2" {
  local p
  for p in $(programs); do
    run --separate-stderr "$p" --no-such-option
    assert_equal "$status" 2
    assert_equal "$output" ""
    # shellcheck disable=SC2154 # run --separate-stderr sets it
    assert_equal "$(wc -l <<<"$stderr")" 1
  done
  run "$NETVITALS" report rtt --top 1x
  assert_equal "$status" 2
  run "$NETVITALS" report rtt --format toml
  assert_equal "$status" 2
  run "$NETVITALS" report rtt --window
  assert_equal "$status" 2
}

@test "a file that is not there is named, and the others are read" {
  echo '{"type":"ready","ts_us":1}' >"$OUT/in"
  run --separate-stderr "$NETVITALS" report rtt "$OUT/none" "$OUT/in"
  assert_equal "$status" 1
  [[ $stderr == *"$OUT/none"* ]]
  [[ $output == *": 1 event"* ]]
}

@test "an output file appears in one piece or not at all" {
  echo '{"type":"ready","ts_us":1}' >"$OUT/in"
  "$NETVITALS" report rtt --format json -o "$OUT/report.json" "$OUT/in"
  assert_jq "$OUT/report.json" '.[0].report == "rtt"'
  run "$NETVITALS" report rtt -o "$OUT/no/such/folder" "$OUT/in"
  assert_equal "$status" 1
  assert_equal "$(find "$OUT" -name '*.tmp')" ""
}

@test "output that cannot be written fails" {
  [ -e /dev/full ]
  run bash -c "'$NETVITALS' schema >/dev/full"
  assert_equal "$status" 1
}
