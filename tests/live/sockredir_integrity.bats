#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# where: host lab
#
# sockredir: every byte of many connections is checked while sockredir is started, stopped and killed
# at random. On this kernel 20000 connections, in the lab (an emulated machine) fewer.

# bats sets stderr, make_cgroup sets CG_NAME
# shellcheck disable=SC2154

load ../lib/common
load ../lib/sockredir

CONNECTIONS=${SOCKREDIR_CONNECTIONS:-$([ -n "${LAB_NAME-}" ] && echo 400 || echo 20000)}

test_setup() {
  requires root btf cgroup_v2 netns
  make_cgroup served
  make_net
}

# A namespace with its own 127.0.0.1, in which Fast Open works.
make_namespace() {
  ip netns add "$UNIQUE-$1"
  at_exit ip netns del "$UNIQUE-$1"
  ip -n "$UNIQUE-$1" link set lo up
  ip netns exec "$UNIQUE-$1" sysctl -qw net.ipv4.tcp_fastopen=3
}

# start_traffic NAME NAMESPACE SHARE OPTION...: SHARE of CONNECTIONS in thousandths
start_traffic() {
  local name=$1 namespace=$UNIQUE-$2 connections=$((CONNECTIONS * $3 / 1000))
  shift 3
  TRAFFIC+=("$name")
  start_within "$name" "$CG_served" ip netns exec "$namespace" \
    "$(tool tcp_integrity)" -n "$connections" -w 2 "$@"
}

traffic_runs() {
  local name
  for name in "${TRAFFIC[@]}"; do
    kill -0 "${PIDS[$name]}" 2>/dev/null && return
  done
  return 1
}

@test "$CONNECTIONS connections, both ways at once, with sockredir started, stopped and killed at random: no byte lost, doubled or out of place" {
  make_namespace a
  make_namespace b
  TRAFFIC=()
  start_sockredir "$CG_served"
  # the same addresses and ports in both namespaces
  start_traffic plain-a a 250 -p 17000 -s 1
  start_traffic plain-b b 250 -p 17000 -s 2
  start_traffic v6 a 150 -a ::1 -p 17001 -s 3
  start_traffic mapped a 150 -o mapped -p 17002 -s 4
  start_traffic defer b 100 -o defer -p 17003 -s 5
  start_traffic tfo b 100 -o tfo -p 17004 -s 6
  RANDOM=4711
  local signals=() redirected=0 signal
  while traffic_runs; do
    sleep "$((RANDOM % 3)).$((RANDOM % 10))"
    signal=$([ $((RANDOM % 2)) -eq 0 ] && echo TERM || echo KILL)
    stop sockredir "$signal"
    signals+=("$signal")
    redirected=$((redirected + $(redirect_sum bytes_redirected)))
    start_sockredir "$CG_served"
  done
  stop sockredir TERM
  redirected=$((redirected + $(redirect_sum bytes_redirected)))
  local name connections=0
  for name in "${TRAFFIC[@]}"; do
    wait "${PIDS[$name]}" || { echo "$name: $(cat "$OUT/$name.err")"; return 1; }
    connections=$((connections + $(awk '{ print $2 }' "$OUT/$name.out")))
  done
  echo "connections $connections, redirected bytes $redirected, signals ${signals[*]}"
  assert_equal "$connections" "$CONNECTIONS"
  [ "$redirected" -gt 1000000 ] && [ "${#signals[@]}" -ge 1 ]
}

# says WORD...: the connection has said that, and now goes on
says() {
  wait_until 40 grep -qx "$*" "$OUT/connection.out"
  echo >&7
}

# A socket can join the map after sockredir was killed, while the program that puts it there still runs on another CPU. Here
# that program stays, since its link is pinned.
@test "a connection of which one end joins when sockredir has been killed already: no byte lost" {
  requires bpftool python3
  mkdir "$OUT/bpf"
  mount -t bpf bpf "$OUT/bpf"
  at_exit umount "$OUT/bpf"
  start_sockredir "$CG_served"
  objects_of "${PIDS[sockredir]}" >"$OUT/objects"
  bpftool link pin id "$(sed -n 's/^link //p' "$OUT/objects" | tail -n 1)" "$OUT/bpf/link"
  mkfifo "$OUT/go"
  exec 7<>"$OUT/go"
  # shellcheck disable=SC2016 # the inner shell expands
  start_within connection "$CG_served" sh -c 'exec "$@" <"$0"' "$OUT/go" "$ROOT/tests/lib/half_established.py" 100000
  wait_until 40 grep -qx half "$OUT/connection.out"
  stop sockredir KILL
  says half
  says whole
  wait_until 40 grep -qx sent "$OUT/connection.out"
  rm "$OUT/bpf/link"
  wait_until 20 are_gone "$OUT/objects"
  says sent
  says received 100000
  wait "${PIDS[connection]}"
  exec 7>&-
}
