#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# schema/events.def is the only list of events: what scripts print and what docs say must be in it.

load ../lib/common

@test "docs/events.md is fresh (make events-doc writes it)" {
  "$NETVITALS" schema --format markdown | diff "$ROOT/docs/events.md" -
}

@test "the schema as JSON is JSON, and names every event once" {
  "$NETVITALS" schema --format json >"$OUT/schema.json"
  assert_jq "$OUT/schema.json" '.[0].events | length > 20 and (map(.type) | length == (unique | length))'
}

# "type":"x", and the keys of the same printf. KEY_hex stands for KEY.
@test "every event and key that a script prints is in the schema" {
  "$NETVITALS" schema --format json >"$OUT/schema.json"
  jq -r '.events[] | .type as $t | .fields[] | $t + " " + .key' "$OUT/schema.json" | sort >"$OUT/known"
  cat "$ROOT"/scripts/*/*.bt | grep -o '\\"[a-z0-9_]*\\":' | tr -d '\\":' | sed 's/_hex$//' | sort -u >"$OUT/printed"
  [ -s "$OUT/printed" ]
  local key unknown=
  while read -r key; do
    case $key in type | ts_us) continue ;; esac
    grep -q " $key\$" "$OUT/known" || unknown+=" $key"
  done <"$OUT/printed"
  assert_equal "$unknown" ""
  cat "$ROOT"/scripts/*/*.bt | grep -o '\\"type\\":\\"[a-z0-9_]*' | sed 's/.*"//' | sort -u >"$OUT/types"
  while read -r key; do
    grep -q "^$key " "$OUT/known" || unknown+=" $key"
  done <"$OUT/types"
  assert_equal "$unknown" ""
}
