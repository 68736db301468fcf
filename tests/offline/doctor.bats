#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# netvitals doctor on made-up hosts: a copy of /proc and /sys says what is missing, and the cure.

load ../lib/common

# A host where everything is there.
test_setup() {
  HOST=$OUT/host
  mkdir -p "$HOST/proc/sys/kernel" "$HOST/proc/self" "$HOST/proc/net/sctp" "$HOST/sys/kernel/btf" \
    "$HOST/sys/kernel/tracing" "$HOST/sys/kernel/security" "$HOST/sys/bus/event_source/devices/kprobe"
  echo 6.1.0-18-amd64 >"$HOST/proc/sys/kernel/osrelease"
  : >"$HOST/sys/kernel/btf/vmlinux"
  : >"$HOST/sys/kernel/btf/sctp"
  : >"$HOST/sys/kernel/tracing/available_events"
  echo '[none] integrity confidentiality' >"$HOST/sys/kernel/security/lockdown"
  printf '%s\n' 'cgroup2 /sys/fs/cgroup cgroup2 rw 0 0' 'bpf /sys/fs/bpf bpf rw 0 0' >"$HOST/proc/self/mounts"
}

doctor() { run --separate-stderr "$NETVITALS" doctor --root "$HOST" --format json "$@"; }

# What one need says: need found detail/cure
assert_need() { # NEED FOUND [CURE-REGEX]
  echo "$output" >"$OUT/json"
  assert_jq "$OUT/json" ".[0].needs[] | select(.need == \"$1\") | .found == \"$2\" and (.cure | test(\"${3:-^$}\"))" "$1 is $2"
}

@test "a host where everything is there can run every tool" {
  doctor
  assert_equal "$status" 0
  echo "$output" >"$OUT/json"
  assert_jq "$OUT/json" '.[0].tools | length >= 5 and all(.can_run)'
  assert_need sctp_btf yes
}

@test "an old kernel, no BTF, no tracefs, lockdown" {
  echo 5.10.0-28-amd64 >"$HOST/proc/sys/kernel/osrelease"
  rm "$HOST/sys/kernel/btf/vmlinux" "$HOST/sys/kernel/tracing/available_events"
  echo 'none integrity [confidentiality]' >"$HOST/sys/kernel/security/lockdown"
  doctor
  assert_equal "$status" 4
  assert_need kernel no '5[.]15'
  assert_need btf no CONFIG_DEBUG_INFO_BTF
  assert_need tracefs no 'mount -t tracefs'
  assert_need lockdown no 'lockdown='
}

@test "SCTP: loadable, missing, without type information" {
  rmdir "$HOST/proc/net/sctp"
  doctor sctphb
  assert_equal "$status" 4
  assert_need sctp no 'modules-extra'
  mkdir -p "$HOST/lib/modules/6.1.0-18-amd64"
  echo 'kernel/net/sctp/sctp.ko: kernel/lib/libcrc32c.ko' >"$HOST/lib/modules/6.1.0-18-amd64/modules.dep"
  doctor sctphb
  assert_need sctp no 'modprobe sctp'
  mkdir -p "$HOST/proc/net/sctp" "$HOST/sys/module/sctp/sections"
  rm "$HOST/sys/kernel/btf/sctp"
  doctor sctphb
  assert_need sctp yes
  assert_need sctp_btf no MODULES
}

@test "a kernel without kprobes stops the SCTP scripts and nothing else" {
  rmdir "$HOST/sys/bus/event_source/devices/kprobe"
  doctor
  assert_equal "$status" 4
  assert_need kprobes no CONFIG_KPROBES
  assert_jq "$OUT/json" '.[0].tools | map(select(.can_run | not) | .tool) == ["sctphb", "sctppath"]'
  doctor xdpacct cgroup
  assert_equal "$status" 0
}

@test "no cgroup v2 stops sockredir" {
  echo 'cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0' >"$HOST/proc/self/mounts"
  doctor sockredir
  assert_equal "$status" 4
  assert_need cgroup_v2 no 'mount -t cgroup2'
  doctor cgroup
  assert_equal "$status" 0
}

@test "the text says can run or cannot run and gives the command" {
  rmdir "$HOST/proc/net/sctp"
  run "$NETVITALS" doctor --root "$HOST" sctphb
  assert_equal "$status" 4
  [[ $output == *"sctphb     cannot run here: SCTP in the kernel"* ]]
  [[ $output == *"→ "* ]]
}

@test "a tool that is not there is a usage error" {
  run "$NETVITALS" doctor no-such
  assert_equal "$status" 2
}

@test "without privileges it says so instead of failing" {
  requires root
  run setpriv --reuid=65534 --clear-groups --bounding-set=-all "$NETVITALS" doctor xdpacct
  assert_equal "$status" 4
  [[ $output == *"no       root privileges"*"sudo netvitals doctor"* ]]
}

@test "this very host is examined without a trace" {
  run "$NETVITALS" doctor
  [ "$status" -eq 0 ] || [ "$status" -eq 4 ]
  [[ $output == *"$(uname -r)"* ]]
}
