# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# sctp.bash - pairs of network namespaces with SCTP between them: for the tests and for tests/vm/demo.
#
#   sctp_pair NAME [LINKS]              namespaces NAMEa and NAMEb (host and peer) with LINKS (1) veth links; link N has
#                                       10.9.N.1 and 10.9.N.2, 2001:db8:9:N::1 and ::2, its ends are aN and bN.
#                                       Every pair has the same addresses: only the namespace tells them apart.
#                                       Neighbours are known for good: whatever is lost, heartbeats leave.
#   sctp_set NETNS KEY=VALUE...         net.sctp settings of a namespace
#   sctp_netem NETNS DEVICE ARG...      replaces what tc netem does to what leaves DEVICE
#   sctp_netns_id NETNS                 its inode number, as events have it
#   sctp_endpoints_start                starts sctp_endpoints.py; then:
#   endpoint COMMAND NAME...            gives it a command (see there) and waits for the answer
#   endpoint_ask COMMAND NAME...        gives it a command
#   endpoint_answer NAME                and waits for the answer to it
#   sctp_clean_up                       ends all of that
#
# The names of namespaces begin with $SCTP_PREFIX, which NAME and NETNS above leave out.

SCTP_PREFIX=${SCTP_PREFIX:-nv$$}
SCTP_LIB=$(dirname "${BASH_SOURCE[0]}")

# The host sends a heartbeat every 0.5 s (the peer: every second), and the time-outs fit: 14 seconds see about 20 of a path.
SCTP_QUICK="max_init_retransmits=100 rto_initial=300 rto_min=200 rto_max=600 association_max_retrans=1000 path_max_retrans=4"

sctp_pair() {
  local a=$SCTP_PREFIX$1a b=$SCTP_PREFIX$1b links=${2:-1} n side netns own other
  {
    printf 'netns add %s\n' "$a" "$b"
    for ((n = 1; n <= links; n++)); do
      echo "link add a$n netns $a address 02:00:00:00:0$n:01 type veth peer name b$n netns $b address 02:00:00:00:0$n:02"
    done
  } | ip -batch -
  for side in a b; do
    netns=$SCTP_PREFIX$1$side own=1 other=2
    [ $side = a ] || own=2 other=1
    {
      echo "link set lo up"
      for ((n = 1; n <= links; n++)); do
        echo "addr add 10.9.$n.$own/24 dev $side$n"
        echo "addr add 2001:db8:9:$n::$own/64 dev $side$n nodad"
        echo "link set $side$n up"
        echo "neigh replace 10.9.$n.$other lladdr 02:00:00:00:0$n:0$other dev $side$n nud permanent"
        echo "neigh replace 2001:db8:9:$n::$other lladdr 02:00:00:00:0$n:0$other dev $side$n nud permanent"
      done
    } | ip -n "$netns" -batch -
    # shellcheck disable=SC2086 # words
    sctp_set "$1$side" $SCTP_QUICK "hb_interval=$([ $side = a ] && echo 500 || echo 1000)"
  done
}

sctp_set() {
  local netns=$SCTP_PREFIX$1
  shift
  # shellcheck disable=SC2016 # expanded by the inner shell
  ip netns exec "$netns" sh -c 'cd /proc/sys/net/sctp && for s; do echo "${s#*=}" >"${s%%=*}"; done' sh "$@"
}

sctp_netem() {
  local netns=$SCTP_PREFIX$1 device=$2
  shift 2
  tc -n "$netns" qdisc replace dev "$device" root netem limit 10000 "$@"
}

sctp_netns_id() { stat -Lc %i "/run/netns/$SCTP_PREFIX$1"; }

sctp_endpoints_start() {
  coproc SCTP_ENDPOINTS { exec python3 "$SCTP_LIB/sctp_endpoints.py" 3>&-; }
  # shellcheck disable=SC2154 # made by coproc
  SCTP_ENDPOINTS_IN=${SCTP_ENDPOINTS[1]} SCTP_ENDPOINTS_OUT=${SCTP_ENDPOINTS[0]}
}

endpoint() {
  endpoint_ask "$@"
  case $1 in
  forge) endpoint_answer "$SCTP_PREFIX$2" ;;
  *) endpoint_answer "$2" ;;
  esac
}

# Third word of a command: a namespace, which gets its prefix (commands that take none have no third word).
endpoint_ask() {
  local command=$1 name=$2
  shift 2
  case $command in
  listen | connect) set -- "$SCTP_PREFIX$1" "${@:2}" ;;
  forge) name=$SCTP_PREFIX$name ;;
  esac
  echo "$command $name $*" >&"$SCTP_ENDPOINTS_IN"
}

endpoint_answer() {
  local answer
  IFS= read -r -t 120 answer <&"$SCTP_ENDPOINTS_OUT" || answer="no answer"
  [ "$answer" = "ok $1" ] || {
    echo "endpoint: $answer, where 'ok $1' was expected" >&2
    return 1
  }
}

sctp_clean_up() {
  local netns
  [ -z "${SCTP_ENDPOINTS_PID-}" ] || kill "$SCTP_ENDPOINTS_PID" 2>/dev/null || true
  for netns in /run/netns/"$SCTP_PREFIX"*; do
    [ ! -e "$netns" ] || ip netns del "$(basename "$netns")"
  done
}
