# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# xdpacct.bash - what the tests of xdpacct share.

xdpacct=${XDPACCT:-$BATS_TEST_DIRNAME/../../build/bin/xdpacct}
frames=$BATS_TEST_DIRNAME/../lib/frames.py

# Sum of a key over the traffic_totals events of a file.
total() { # FILE KEY
  jq -s --arg key "$2" 'map(select(.type == "traffic_totals")[$key] // 0) | add' "$1"
}

# Sum of a key over the flow events that a jq condition selects.
flows() { # FILE KEY [CONDITION]
  jq -s --arg key "$2" "map(select(.type == \"flow\") | select(${3:-true}) | .[\$key]) | add // 0" "$1"
}

# Everything seen is in exactly one place, in each interval, and the flows say the same as the totals.
conserved() { # FILE
  jq -es 'map(select(.type == "traffic_totals")) | length > 0 and all(.[]; . as $t | all(("packets", "bytes");
      . as $u | $t["seen_" + $u] == ([("accounted", "overflow", "not_ours", "non_ip", "bad_header",
      "outer_fragments", "rejected_outer") | $t[. + "_" + $u]] | add)))' "$1" >/dev/null || return 1
  [ "$(flows "$1" bytes_up)" -ge 0 ] || return 1
  [ $(($(flows "$1" bytes_up) + $(flows "$1" bytes_down))) -eq "$(total "$1" accounted_bytes)" ] || return 1
  [ $(($(flows "$1" packets_up) + $(flows "$1" packets_down))) -eq "$(total "$1" accounted_packets)" ]
}

# Sum of the innermost IP packets' lengths as tshark reads them.
tshark_innermost() { # FILE
  tshark -r "$1" -T json -e frame.number -e ip.len -e ipv6.plen -e frame.protocols 2>/dev/null |
    jq 'def innermost: .["frame.protocols"][0] | split(":") | map(select(. == "ip" or . == "ipv6")) | last;
        map(._source.layers | if innermost == "ip" then (.["ip.len"] | last | tonumber)
            elif innermost == "ipv6" then (.["ipv6.plen"] | last | tonumber) + 40 else 0 end) | add'
}
