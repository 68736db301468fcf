#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A real full disk under the recorder: a small tmpfs.
# where: host lab

load ../lib/common

test_setup() {
  requires root jq
  STORE=$OUT/disk/store
  mkdir "$OUT/disk"
  mount -t tmpfs -o size=400k "store-$UNIQUE" "$OUT/disk"
  at_exit umount -l "$OUT/disk"
}

# Events FROM to TO that zstd can make little smaller.
noise() {
  awk -v from="$1" -v to="$2" 'BEGIN { srand(from); for (i = from; i <= to; i++) {
    printf "{\"type\":\"end\",\"ts_us\":%d000000,\"reason\":\"", 1700000000 + i
    for (k = 0; k < 40; k++) printf "%c", 97 + int(rand() * 26)
    print "\"}" } }'
}

flushed() { [ -n "$(find "$STORE" -name '*.part' -size +1k)" ]; }
said() { grep -q "$1" "$OUT/recorder.err"; }

@test "a full disk: events are dropped and counted, and the store says so once there is room" {
  mkfifo "$OUT/pipe"
  "$NETVITALS" record --dir "$STORE" --host web1 --segment-time 30d --flush 100ms \
    <"$OUT/pipe" 2>"$OUT/recorder.err" 3>&- &
  # shellcheck disable=SC2034 # for stop and teardown
  PIDS["recorder"]=$!
  exec 7>"$OUT/pipe"
  noise 1 3000 >&7
  wait_until 20 flushed
  head -c 300k /dev/zero >"$OUT/disk/ballast" || true
  noise 3001 20000 >&7
  wait_until 20 said 'No space left on device; events are counted and dropped'
  noise 20001 20100 >&7
  rm "$OUT/disk/ballast"
  wait_until 20 said 'can be written again'
  noise 20101 20200 >&7
  exec 7>&-
  stop recorder TERM
  assert_equal "$status" 0
  local lost
  lost=$(sed -n 's/.*can be written again; \([0-9]*\) events were lost/\1/p' "$OUT/recorder.err")
  [ "$lost" -ge 100 ]
  "$NETVITALS" report rtt --format json "$STORE" >"$OUT/report.json"
  assert_jq "$OUT/report.json" ".[0].loss | .events_lost == $lost and .events + .events_lost == 20201"
}
