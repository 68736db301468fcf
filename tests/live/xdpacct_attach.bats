#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# where: host lab
# shellcheck disable=SC2154
#
# Every refusal that veth and lo can give has its diagnosis: cause, evidence, command.

load ../lib/common
load ../lib/xdpacct

test_setup() {
  requires root netns jq ip
  cd "$OUT" || return 1
}

refused() { # EXIT-CODE ARGUMENT...
  local code=$1
  shift
  run "-$code" --separate-stderr timeout 60 ip netns exec "$receiver" "$xdpacct" "$@"
  [ -z "$output" ]
}

diagnosed() { # TEXT...: the verdict of diag has it, and exits as it says
  local way=4
  [[ $1 != "nothing stands in the way" ]] || way=0
  run "-$way" --separate-stderr timeout 60 ip netns exec "$receiver" "$xdpacct" diag -i "${IFACE:-in}"
  local text
  for text in "$@"; do
    [[ ${lines[-1]} == "verdict: "*"$text"* ]] || {
      printf 'not in the verdict: %s\n%s\n' "$text" "$output" >&2
      return 1
    }
  done
}

# A program that only passes packets, attached by netlink: it stays when its loader is gone.
attach_by_netlink() { # xdpdrv|xdpgeneric
  local object
  object=$(tool pass.bpf)
  ip -n "$receiver" link set dev in "$1" object "$object" section xdp
}

@test "EBUSY: a link is there; its owner is named and stays" {
  make_pair
  start_xdpacct
  refused 4 -i in
  [[ $stderr == *"another program is attached by a link"*"held by xdpacct (pid ${PIDS[acct]})"* ]]
  diagnosed "another program is attached by a link" "pid ${PIDS[acct]}"
  kill -0 "${PIDS[acct]}"
  stop acct
  [ "$status" -eq 0 ]
}

@test "EBUSY: a program attached by netlink is not replaced" {
  make_pair
  attach_by_netlink xdpdrv
  local before
  before=$(ip -n "$receiver" -j -d link show in | jq '.[0].xdp.prog.id')
  refused 4 -i in
  [[ $stderr == *"another program was attached by netlink"*"ip link set dev in xdp off"* ]]
  diagnosed "another program was attached by netlink" "xdp off"
  assert_equal "$(ip -n "$receiver" -j -d link show in | jq '.[0].xdp.prog.id')" "$before"
}

@test "EEXIST: a program in the other mode" {
  make_pair
  attach_by_netlink xdpgeneric
  refused 4 -i in --mode native
  [[ $stderr == *"a program is attached in the other mode"* ]]
  diagnosed "attached"
}

@test "ERANGE: the veth peer's MTU; an xdp.frags program cures it" {
  make_pair
  ip -n "$sender" link set out mtu 9000
  refused 4 -i in --mode native --frags off
  [[ $stderr == *"the veth peer's MTU is larger than a page"*"--frags on"* ]]
  start_xdpacct
  stop acct
  [ "$status" -eq 0 ]
  grep -q "takes no program for frames in one buffer" acct.err
  assert_jq acct.out '.[0].mode == "native"'
}

@test "ENOSPC: the veth peer has more queues than this side" {
  requires ethtool
  make_pair numrxqueues 1
  ip -n "$receiver" link del in
  ip -n "$receiver" link add in numrxqueues 1 type veth peer name out netns "$sender" numtxqueues 3
  ip netns exec "$sender" ethtool -L out tx 3
  ip -n "$receiver" link set in up
  ip -n "$sender" link set out up
  refused 4 -i in --mode native
  [[ $stderr == *"the veth peer sends on more queues"* ]]
  diagnosed "the veth peer sends on more queues"
}

@test "EINVAL: virtio-net's MTU is larger than a page" {
  requires wire
  make_wire
  ip -n "$receiver" link set in mtu 9000
  refused 4 -i in --mode native --frags off
  [[ $stderr == *"virtio wants a frame in one page"*"ip link set dev in mtu 1500"* ]]
  ip -n "$receiver" link set in mtu 1500
  diagnosed "nothing stands in the way"
}

@test "ENODEV: no such interface" {
  make_pair
  refused 1 -i nothing
  [[ $stderr == *"there is no interface 'nothing'"* ]]
  IFACE=nothing diagnosed "there is no such interface"
}

@test "EPERM: without capabilities" {
  make_pair
  command -v capsh >/dev/null || command -v setpriv >/dev/null || skip "needs setpriv"
  run -4 --separate-stderr timeout 60 ip netns exec "$receiver" setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all \
    --reuid 65534 --regid 65534 --clear-groups "$xdpacct" -i in
  [[ $stderr == *"lacks CAP_NET_ADMIN, CAP_BPF"* ]]
}

@test "EOPNOTSUPP: lo has no native mode" {
  make_pair
  refused 4 -i lo --mode native
  [[ $stderr == *"the driver has no XDP in this mode"*"xdpacct -i lo --mode generic"* ]]
  refused 4 -i in --mode offload
  [[ $stderr == *"cannot attach to in in offload mode"* ]]
}

@test "an interface without obstacles is told so" {
  make_pair
  diagnosed "nothing stands in the way"
  run -0 ip netns exec "$receiver" "$xdpacct" diag -i in
  [[ $output == *"driver: veth"* ]]
  [[ $output == *"MTU: 1500"* ]]
  [[ $(ip -n "$receiver" -d link show in) != *prog/xdp* ]]
}
