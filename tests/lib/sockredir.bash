# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# sockredir.bash - for the tests of sockredir, beside common.bash.
#
#   make_cgroup NAME           a cgroup of this test in $CG_NAME; its processes and it go at the end
#   make_net                   a network namespace of this test, in which what follows runs: ports that
#                              others use, and their packets on lo, are not here
#   in_net COMMAND...          run COMMAND in that namespace
#   within CGROUP COMMAND...   run COMMAND in it and in the cgroup
#   start_within NAME CGROUP COMMAND...   the same in the background, as `start`
#   start_sockredir CGROUP [OPTION...]    and wait until it is ready; its events are in $OUT/sockredir.out.
#                              With --force: where the preflight refuses, the rest must work all the same
#   redirect_sum KEY           sum of KEY over the redirect events
#   sized HOST LAB             HOST, in the lab (an emulated, slower machine) LAB
#   objects_of PID             the programs, maps and links that it holds, as "prog 17"
#   are_gone FILE              whether the kernel has none of the objects in a file any more

SOCKREDIR=$BUILD/bin/sockredir
command -v bpftool >/dev/null || PATH=$PATH:/usr/sbin
CGROUP_ROOT=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)

end_cgroup() {
  local tries
  for tries in 1 2 3 4 5 6 7 8 9 10; do
    [ -d "$1" ] || return 0
    xargs -r kill -KILL <"$1/cgroup.procs" 2>/dev/null || true
    rmdir "$1" 2>/dev/null && return
    nap 0.1
  done
  echo "cgroup $1 does not go, try $tries: $(cat "$1/cgroup.procs")" >&2
}

make_cgroup() {
  declare -g "CG_$1=$CGROUP_ROOT/$UNIQUE-$1-$BATS_TEST_NUMBER"
  local dir=CG_$1
  mkdir "${!dir}"
  at_exit end_cgroup "${!dir}"
}

make_net() {
  ip netns add "$UNIQUE-net"
  at_exit ip netns del "$UNIQUE-net"
  ip -n "$UNIQUE-net" link set lo up
}

# not `ip netns exec`, which hides /sys/fs/cgroup
in_net() { nsenter --net="/run/netns/$UNIQUE-net" "$@"; }

# shellcheck disable=SC2016 # the inner shell expands
WITHIN=(bash -c 'echo $$ >"$1/cgroup.procs" && shift && exec nsenter "$@"' bash)

within() {
  local cgroup=$1
  shift
  "${WITHIN[@]}" "$cgroup" --net="/run/netns/$UNIQUE-net" "$@"
}

start_within() {
  local name=$1 cgroup=$2
  shift 2
  start "$name" "${WITHIN[@]}" "$cgroup" --net="/run/netns/$UNIQUE-net" "$@"
}

listens() { [ -n "$(in_net ss -Hltn "sport = :$1")" ]; }

start_sockredir() {
  local cgroup=$1
  shift
  start sockredir "$SOCKREDIR" -c "$cgroup" --interval 200ms --force "$@"
  wait_for_event sockredir ready 120
}

sized() { [ -n "${LAB_NAME-}" ] && echo "$2" || echo "$1"; }

redirect_sum() { jq -s "map(select(.type == \"redirect\") | .$1 // 0) | add // 0" "$OUT/sockredir.out"; }

objects_of() { sed -n 's/^\(prog\|map\|link\)_id:[[:space:]]*/\1 /p' "/proc/$1/fdinfo"/* | sort -u; }

are_gone() {
  local kind id
  while read -r kind id; do
    ! bpftool "$kind" show id "$id" >/dev/null 2>&1 || return 1
  done <"$1"
}
