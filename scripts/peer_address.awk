# SPDX-License-Identifier: Apache-2.0
#
# peer_address.awk: turns the text of an IPv4 or IPv6 address into what a bpftrace script can compare with kernel memory.
#
# Reads one address, prints `FAMILY WORD WORD WORD WORD`: 2 or 10 as in <sys/socket.h>, then the address's 32-bit words as
# this machine reads them from memory (-v little=1 on little-endian machines; IPv4: one word and three zeros).
# An IPv4-mapped address is printed as IPv4, which it is for the kernel's SCTP. Exit 1: not an address.

BEGIN { OFMT = "%.0f" }

function swap(group) { return (group % 256) * 256 + int(group / 256) }

# Two 16-bit groups as one word.
function word(high, low) {
    if (little != 1) return high * 65536 + low
    return swap(low) * 65536 + swap(high)
}

function hex(text,    value, i) {
    for (i = 1; i <= length(text); i++)
        value = value * 16 + index("0123456789abcdef", tolower(substr(text, i, 1))) - 1
    return value
}

# Dotted IPv4 into byte[1..4]; 0: it is not.
function dotted(text,    i) {
    if (text !~ /^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$/) return 0
    split(text, byte, ".")
    for (i = 1; i <= 4; i++) if (length(byte[i]) > 3 || byte[i] > 255) return 0
    return 1
}

# Groups between colons into group[from + 1...]; how many.
function groups(text, from,    part, n, i) {
    if (text == "") return 0
    n = split(text, part, ":")
    for (i = 1; i <= n; i++) {
        if (i == n && dotted(part[i])) {
            group[from + i] = byte[1] * 256 + byte[2]
            group[from + i + 1] = byte[3] * 256 + byte[4]
            return n + 1
        }
        if (part[i] !~ /^[0-9a-fA-F]+$/ || length(part[i]) > 4) refuse()
        group[from + i] = hex(part[i])
    }
    return n
}

function refuse() { refused = 1; exit 1 }

function ipv4(high, low) { print 2, word(high, low), 0, 0, 0; exit 0 }

{
    if (dotted($0)) ipv4(byte[1] * 256 + byte[2], byte[3] * 256 + byte[4])
    if ($0 !~ /:/ || $0 ~ /:::/ || $0 ~ /::.*::/) refuse()

    gap = index($0, "::")
    n = groups(gap ? substr($0, 1, gap - 1) : $0, 0)
    # what follows the gap is read to 11... and moved to the end of 1..8
    tail = gap ? groups(substr($0, gap + 2), 10) : 0
    if (gap ? n + tail > 7 : n != 8) refuse()
    for (i = 1; i <= tail; i++) group[8 - tail + i] = group[10 + i]

    if (group[1] + group[2] + group[3] + group[4] + group[5] == 0 && group[6] == 65535) ipv4(group[7], group[8])
    print 10, word(group[1], group[2]), word(group[3], group[4]), word(group[5], group[6]), word(group[7], group[8])
}
