#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Damage of every kind between good lines: it is counted and named by its line, and nothing around it is lost. And a machine
# that cannot trace: one line that says what is missing, and the cure.
#
# shellcheck disable=SC2030,SC2031,SC2154 # run sets stderr and output; the names of tests are strings

load ../lib/common

# A recorded stream with a piece of damage after every tenth line. The numbers of the damaged lines go to $OUT/damaged.
damage() {
  python3 - "$FIXTURES/sctp-incident.ndjson" "$OUT/damaged" <<'EOF' >"$OUT/in"
import sys

ack = b'{"type":"sctp_hb_ack","ts_us":1795337740000000,"netns":4026532217,"assoc_id":3,"lport":55605,' \
      b'"raddr":"10.9.1.2","rport":5001,"verdict":"ok","rtt_ns":%s}'
bad = [
    ack[:60],                                                           # cut short
    b'{"type":"sctp_hb_ack","x":"' + b"x" * (1 << 20) + b'"}',          # 1 MB
    ack.replace(b"10.9.1.2", b"10.9.\xff.2") % b"1",                    # invalid UTF-8
    ack.replace(b"ok", b"o\0k") % b"1",                                 # NUL
    ack % b"18446744073709551616",                                      # out of range
    ack % b"-1",
    ack % b"1e99",
    b'{"type":"sctp_hb_ack","ts_us":1,"x":' + b"[" * 5000 + b"]" * 5000 + b"}",  # nesting
    b'{"type":"cgroup_fork","ts_us":1795337740000000,"cgroup_id":1,"pid":1,"comm":"a","type":"x"}',  # forged by a name
    b"\xff\xfe\x00",
]
unknown = b'{"type":"from_the_future","ts_us":1795337740000000,"x":[{"y":null}]}'
good = open(sys.argv[1], "rb").read().splitlines()
number, damaged = 0, []
for at, line in enumerate(good):
    sys.stdout.buffer.write(line + b"\n")
    number += 1
    if at % 10 == 9 and bad:
        sys.stdout.buffer.write(bad.pop(0) + b"\n" + unknown + b"\n\n")
        damaged.append(number + 1)
        number += 3
assert not bad
open(sys.argv[2], "w").write("".join(f"{line}\n" for line in damaged))
EOF
}

@test "damage is counted, its lines are named, and nothing around it is lost" {
  requires python3
  damage
  "$NETVITALS" report rtt --format json "$FIXTURES/sctp-incident.ndjson" >"$OUT/clean"
  "$NETVITALS" report rtt --format json "$OUT/in" >"$OUT/report" 2>"$OUT/err"
  assert_equal "$(jq -c .rows "$OUT/report")" "$(jq -c .rows "$OUT/clean")"
  jq -e '.loss.lines_rejected == 10 and .loss.lines_unknown == 10 and .loss.events == 138' "$OUT/report"
  assert_equal "$(grep -o 'line [0-9]*' "$OUT/err" | cut -d' ' -f2)" "$(cat "$OUT/damaged")"
}

@test "--strict stops at the first damaged line with exit code 3, --fail-on-loss says 5 at the end" {
  requires python3
  damage
  run -3 --separate-stderr "$NETVITALS" report rtt --strict "$OUT/in"
  [[ $stderr == *"line $(head -n 1 "$OUT/damaged"):"* ]]
  run -5 "$NETVITALS" report rtt --fail-on-loss "$OUT/in"
}

@test "a process called a\",\"type\":\"x neither breaks nor forges a line" {
  local hex event='{"type":"cgroup_attach","ts_us":1795337740000000,"hierarchy":"v2","cgroup_id":1,"path":"/a","pid":7'
  hex=$(printf 'a","type":"x' | od -An -tx1 | tr -d '\n')
  echo "$event,\"comm_hex\":\"${hex# }\"}" >"$OUT/in"
  "$NETVITALS" report cgroup --format json "$OUT/in" >"$OUT/report"
  jq -e '[.. | objects | select(has("comm"))] | length == 1 and .[0].comm == "a\",\"type\":\"x"' "$OUT/report"
  # as a producer would print it that does not know better
  echo "$event,\"comm\":\"a\",\"type\":\"x\"}" >"$OUT/in"
  run -3 --separate-stderr "$NETVITALS" report cgroup --strict "$OUT/in"
  [[ $stderr == *"line 1: type: given twice"* ]]
}

# ---- a machine that cannot trace

SCRIPT=$ROOT/scripts/sctp/sctphb.bt

# As root of a mount namespace, with MOUNTS done first (shell text).
on_machine() { # MOUNTS COMMAND...
  # shellcheck disable=SC2016 # expanded by the inner shell
  unshare --map-root-user --mount sh -ec "$1"'; shift; exec "$@"' sh "$@"
}

# The script says in one line that WHAT, and how to cure it, and that this machine cannot.
assert_cannot() { # WHAT COMMAND...
  local what=$1
  shift
  run -4 --separate-stderr "$@"
  assert_equal "$output" ""
  assert_equal "$(wc -l <<<"$stderr")" 1
  [[ $stderr == "sctphb: $what"*"; cure: "* ]] || {
    echo "$stderr" >&2
    return 1
  }
}

have_kprobes='mount -t tmpfs none /sys/bus/event_source/devices; mkdir /sys/bus/event_source/devices/kprobe'
have_btf='mount -t tmpfs none /sys/kernel; mkdir /sys/kernel/btf; touch /sys/kernel/btf/vmlinux'

# plain: only scripts run
# bats test_tags=plain
@test "bpftrace is missing" {
  mkdir "$OUT/bin"
  local tool
  for tool in sh env true dirname readlink basename sed awk date od tr cat uname id grep sort; do
    ln -s "$(type -P "$tool")" "$OUT/bin/"
  done
  assert_cannot "bpftrace is missing" env PATH="$OUT/bin" "$SCRIPT"
}

# plain: only scripts run
# bats test_tags=plain
@test "not root" {
  requires bpftrace
  unshare --user true 2>/dev/null || skip "needs user namespaces"
  assert_cannot "only root may" unshare --user "$SCRIPT" # nobody there, and the tree can be read
}

# plain: only scripts run
# bats test_tags=plain
@test "no BTF, no kprobes, no sctp module, no such function" {
  requires bpftrace
  on_machine : true 2>/dev/null || skip "needs user and mount namespaces"
  assert_cannot "this kernel has no BTF" on_machine 'mount -t tmpfs none /sys/kernel' "$SCRIPT"
  assert_cannot "this kernel has no kprobes" on_machine "$have_btf; mount -t tmpfs none /sys/bus/event_source/devices" "$SCRIPT"
  assert_cannot "the kernel module 'sctp' is not loaded" on_machine \
    "$have_btf; $have_kprobes; mount -t tmpfs none /sys/module" "$SCRIPT"
  assert_cannot "this kernel has no function " on_machine \
    "$have_btf; $have_kprobes; mount -t tmpfs none /sys/module; mkdir /sys/module/sctp; mount --bind /dev/null /proc/kallsyms" "$SCRIPT"
}

# plain: only scripts run
# bats test_tags=plain
@test "arguments that are neither a port nor an address" {
  local wrong
  for wrong in 70000 0 nonsense 1.2.3.400; do
    run -2 --separate-stderr "$SCRIPT" "$wrong"
    assert_equal "$(wc -l <<<"$stderr")" 1
  done
  run -2 "$SCRIPT" 1 2 3
}

# plain: only scripts run
# bats test_tags=plain
@test "an argument that is empty is no port, no address and no interval" {
  run -2 --separate-stderr "$SCRIPT" ""
  assert_equal "$stderr" "sctphb: '' is neither a port nor an address"
  run -2 --separate-stderr "$SCRIPT" 192.0.2.1 ""
  run -2 --separate-stderr "$ROOT/scripts/cgroup/cgio.bt" ""
  assert_equal "$stderr" "cgio: '' is no interval: 1 to 9999 seconds"
}

# plain: only scripts run
# bats test_tags=plain
@test "cgtree without BPF: ended by a signal, it leaves no files behind" {
  mkdir "$OUT/bin" "$OUT/tmp"
  # it waits here, with its files made
  printf '#!/bin/sh\n: >%q/waits\nwhile [ ! -e %q/go ]; do sleep 0.05; done\n' "$OUT" "$OUT" >"$OUT/bin/xargs"
  chmod +x "$OUT/bin/xargs"
  local signal code
  for signal in HUP:129 INT:130 TERM:143; do
    rm -f "$OUT/waits" "$OUT/go"
    # a shell's background commands ignore INT
    start tree env --default-signal PATH="$OUT/bin:$PATH" TMPDIR="$OUT/tmp" "$ROOT/scripts/cgroup/cgtree_proc" 1
    wait_until 20 test -e "$OUT/waits"
    [ -n "$(ls "$OUT/tmp")" ]
    kill "-${signal%:*}" "${PIDS[tree]}"
    touch "$OUT/go"
    code=0
    wait "${PIDS[tree]}" || code=$?
    unset "PIDS[tree]"
    assert_equal "$code" "${signal#*:}"
    assert_equal "$(ls "$OUT/tmp")" ""
  done
}
