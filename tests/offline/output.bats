#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# --output FILE: what is there already is neither replaced by another kind of file nor lost.

load ../lib/common

@test "--output writes through a symbolic link and into a device, and keeps the mode" {
  echo old >"$OUT/page"
  chmod 604 "$OUT/page"
  ln -s page "$OUT/link"
  ln -s /dev/null "$OUT/null"
  echo '{"type":"begin"}' | "$NETVITALS" report -o "$OUT/link" || true
  "$NETVITALS" report -o "$OUT/null" <"$OUT/page" || true
  [ -L "$OUT/link" ]
  [ -L "$OUT/null" ]
  [ -c /dev/null ]
  assert_equal "$(stat -c %a "$OUT/page")" 604
}

@test "a run that fails keeps the old report and leaves no temporary file" {
  echo old >"$OUT/page"
  echo rubbish >"$OUT/bad"
  ! "$NETVITALS" report --strict -o "$OUT/page" "$OUT/bad"
  ! "$NETVITALS" report -o "$OUT/page" "$OUT/missing"
  assert_equal "$(cat "$OUT/page")" old
  [ -z "$(find "$OUT" -name '*.tmp')" ]
}
