#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A script's `begin` says the tool, its version and settings, the kernel and the host, whatever the host's name is.

load ../lib/common

# A bpftrace that prints nothing, and a machine that says that it has all that a script asks for.
test_setup() {
  mkdir "$OUT/bin"
  # shellcheck disable=SC2016 # that script's
  printf '#!/bin/sh\n[ "$1" != --version ] || echo bpftrace v0.23.2\n' >"$OUT/bin/bpftrace"
  chmod +x "$OUT/bin/bpftrace"
  sed -n 's/^k[a-z]*probe:\([a-z0-9_]*\).*/0 t \1/p' "$ROOT"/scripts/*/*.bt >"$OUT/kallsyms"
  sed -n 's/^tracepoint:\([^ ,{/]*\).*/\1/p' "$ROOT"/scripts/*/*.bt | tr : / >"$OUT/points"
  unshare --map-root-user --mount --uts true 2>/dev/null || skip "needs user, mount and host name namespaces"
}

# Runs a command on a host of this name.
on_host() { # HOST COMMAND...
  # shellcheck disable=SC2016 # expanded by the inner shell
  PATH=$OUT/bin:$PATH unshare --map-root-user --mount --uts sh -ec '
    out=$1
    python3 -c "import socket, sys; socket.sethostname(sys.argv[1])" "$2"
    shift 2
    mount -t tmpfs none /sys/bus/event_source/devices; mkdir /sys/bus/event_source/devices/kprobe
    mount -t tmpfs none /sys/kernel; mkdir /sys/kernel/btf; touch /sys/kernel/btf/vmlinux
    sed "s,^,/sys/kernel/tracing/events/," "$out/points" | xargs mkdir -p
    mount -t tmpfs none /sys/module; mkdir /sys/module/sctp
    mount --bind "$out/kallsyms" /proc/kallsyms
    exec "$@"' sh "$OUT" "$@"
}

# plain: only scripts run
# bats test_tags=plain
@test "every script's begin has tool, version, kernel and host" {
  requires jq python3
  # shellcheck disable=SC2016 # the inner shell's, and jq's
  on_host web-1.example sh -c 'for script; do "$script" | head -n 1; done' sh "$ROOT"/scripts/*/*.bt >"$OUT/begins"
  for script in "$ROOT"/scripts/*/*.bt; do basename "$script" .bt; done >"$OUT/tools"
  [ "$(wc -l <"$OUT/tools")" -ge 8 ]
  jq -se --rawfile tools "$OUT/tools" --arg version "$(cat "$ROOT/VERSION")" --arg kernel "$(uname -r)" \
    'map(del(.ts_us)) == ($tools | rtrimstr("\n") / "\n" | map({type: "begin", tool: ., version: $version, kernel: $kernel, host: "web-1.example"}))' \
    "$OUT/begins"
}

@test "a host called a\",\"type\":\"x neither breaks nor forges the line" {
  requires jq python3
  local name=$'a","type":"x\n\x01 \xc3\xa4'
  on_host "$name" "$ROOT/scripts/sctp/sctphb.bt" 5000 2001:db8::1 | head -n 1 >"$OUT/begin"
  assert_jq "$OUT/begin" '.[0] | .type == "begin" and .tool == "sctphb" and .settings == "5000 2001:db8::1" and (has("host") | not)'
  assert_equal "$(jq -r .host_hex "$OUT/begin")" "$(printf %s "$name" | od -An -v -tx1 | tr -d ' \n')"
  run -0 "$NETVITALS" lint - <"$OUT/begin" # host_hex is known
}
