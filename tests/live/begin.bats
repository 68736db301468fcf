#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A loader's `begin` says the tool, its version and settings, the kernel and the host, whatever the host's name is.

load ../lib/common

begin() { # HOST COMMAND...
  # shellcheck disable=SC2016 # expanded by the inner shell
  unshare --uts sh -ec 'python3 -c "import socket, sys; socket.sethostname(sys.argv[1])" "$1"; shift; exec "$@"' sh "$@" | head -n 1
}

@test "begin of a loader: host, kernel, version and settings; a name of a host that forges nothing" {
  requires root jq python3
  local settings=(--read "$FIXTURES/names.pcap") name='a","type":"x'
  begin "$name" "$BUILD/bin/xdpacct" "${settings[@]}" >"$OUT/begin"
  jq -e --arg host "$name" --arg version "$(cat "$ROOT/VERSION")" --arg kernel "$(uname -r)" --arg settings "${settings[*]}" \
    '.type == "begin" and .tool == "xdpacct" and .host == $host and .version == $version and .kernel == $kernel and
      (.settings | endswith($settings))' "$OUT/begin"
  begin $'\xff\x01' "$BUILD/bin/xdpacct" "${settings[@]}" >"$OUT/begin"
  assert_jq "$OUT/begin" '.[0] | .host_hex == "ff01" and .tool == "xdpacct"'
}
