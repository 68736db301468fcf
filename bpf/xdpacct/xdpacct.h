// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// xdpacct.h - what the XDP program and its loader share: settings, the flow table's layout,
// counters.
//
// The flow table. Every CPU has a table of its own: 64-byte lines, in an array that user space maps
// into its memory. A line holds two IPv4 flows or one IPv6 flow, keys and counters together, so
// that a packet touches one cache line. A flow may lie in two lines only, LINE and its neighbour
// (LINE ^ 1); if both are taken by others it goes to the spill map, an ordinary hash with atomic
// adds, and if that is full the packet is counted as overflow, beside for its subscriber in a hash
// of subscribers: so it is known whose flows are short of it. Only the CPU that owns a table writes
// to it, without atomics.
//
// The read protocol. User space never reads a table that is being written: it gives the CPU an
// empty table (table_of_cpu), waits until every program run that may still hold the old one is over
// (an RCU grace period), and then owns the old one, reads it and clears it. So no slot can be torn,
// no count can fall between two intervals, and a flow that went idle is gone by itself. Each
// table has its own counters of seen packets, which change hands with it: in every interval they
// match the flows exactly. So does the spill map that a table's packets go to, one of two, and with
// it the hash of subscribers: the counters say which. CPUs change one after the other, so both maps
// are in use for a while.
#pragma once

#include <linux/types.h>

enum {
    CPUS_MAX = 1024, // CPU numbers above have no table: their packets are counted as overflow
    CPU_WITHOUT_TABLE = 0xffff,
    VXLAN_PORTS_MAX = 4,
    GENEVE_PORT = 6081,
    GTP_PORT = 2152,
    PREFIXES_INLINE = 4,  // per family; more go to pages or an LPM trie
    HASH_FACTORS = 6,     // words of an IPv6 flow's key, and one
    FRAGMENTS_MAX = 8192, // packets in pieces that are remembered at a time
    FRAGMENT_AGE_MAX_S = 30,
    SPILLS = 2,        // spill maps, and as many hashes of subscribers that found no room in them
    TABLES_MAX = 2048, // tables, the spare ones included; a power of two
};

// What became of a packet. Each seen packet is in exactly one of the classes overflow …
// rejected_outer, or in a flow. The rest are properties of packets that are in a class already.
enum traffic_counter {
    COUNT_SEEN,
    COUNT_OVERFLOW,
    COUNT_NOT_OURS,
    COUNT_NON_IP,
    COUNT_BAD_HEADER,
    COUNT_OUTER_FRAGMENTS,
    COUNT_REJECTED_OUTER,
    COUNT_LOCAL,      // accounted, both sides ours: counted once, for its source
    COUNT_TRUNCATED,  // accounted or not ours; the copy held less than its IP header says
    COUNT_AGGREGATED, // the same; longer than the MTU: merged by GRO or LRO before we saw it
    COUNT_TRAFFIC
};

struct counter {
    __u64 packets;
    __u64 bytes;
};

// The counters of one table, in cache lines of its own.
struct table_counters {
    struct counter of[COUNT_TRAFFIC];
    __u32 spill; // the spill map to use; set before a CPU gets the table
} __attribute__((aligned(64)));

// Tunnels, as 4 bits each in a flow's key: the outer one in the low half, the inner one in the high
// half.
enum encap {
    ENCAP_NONE,
    ENCAP_GRE,
    ENCAP_ERSPAN,
    ENCAP_VXLAN,
    ENCAP_GENEVE,
    ENCAP_GTP,
    ENCAP_IPIP, // IPv4 or IPv6 directly in IPv4 or IPv6 (4 and 41)
    ENCAP_COUNT
};

enum direction { DIR_UP, DIR_DOWN };

enum flow_by { BY_FLOW, BY_SUBSCRIBER, BY_PEER };

// The first word of a slot and of a spilled flow's key. 0 is a free slot: the family is never 0.
//   bits 0-15 sub_port, 16-31 peer_port (both in network order), 32-39 protocol, 40-47 encap, 48-55
//   family
#define FLOW_ID(sub_port, peer_port, proto, encap, family)                                         \
    ((__u64)(sub_port) | (__u64)(peer_port) << 16 | (__u64)(proto) << 32 | (__u64)(encap) << 40 |  \
     (__u64)(family) << 48)
// In a slot, bits 56-63 belong to names.bpf.h.
#define FLOW_ID_MASK          (~0ull >> 8)
#define FLOW_ID_SUB_PORT(id)  ((__u16)(id))
#define FLOW_ID_PEER_PORT(id) ((__u16)((id) >> 16))
#define FLOW_ID_PROTO(id)     ((__u8)((id) >> 32))
#define FLOW_ID_ENCAP(id)     ((__u8)((id) >> 40))
#define FLOW_ID_FAMILY(id)    ((__u8)((id) >> 48))

enum { FAMILY_V4 = 4, FAMILY_V6 = 6 };

// The two addresses of an IPv4 flow in one word; both in network order.
#define V4_ADDRS(sub, peer)  ((__u64)(sub) << 32 | (__u32)(peer))
#define V4_ADDRS_SUB(addrs)  ((__u32)((addrs) >> 32))
#define V4_ADDRS_PEER(addrs) ((__u32)(addrs))

// Counters are of one interval. Packets and bytes of a direction share a word, so that a packet is
// one addition. The bytes would wrap first (a packet has 14 bytes or more): when they are about to,
// the word goes to the spill map.
struct slot_v4 {
    __u64 id;
    __u64 addrs;    // subscriber and peer, V4_ADDRS
    __u64 count[2]; // by direction, SLOT_COUNT
};

#define SLOT_COUNT(packets, bytes) ((__u64)(packets) << 32 | (__u32)(bytes))
#define SLOT_PACKETS(count)        ((__u32)((count) >> 32))
#define SLOT_BYTES(count)          ((__u32)(count))

// The word where the line's second IPv4 slot would have its id holds bytes, which never reach 2^50:
// so it never looks like the id of an IPv4 flow.
struct slot_v6 {
    __u64 id;
    __u64 sub[2], peer_net; // network order
    __u64 bytes[2];
    __u64 peer_host;
    __u32 packets[2];
};

struct line {
    union {
        struct slot_v4 v4[2];
        struct slot_v6 v6;
        __u64 words[8];
    };
};

// The hash of a flow, of which the top bits are the index of its line: sum is that of its key's
// words, each times a factor of its own, and factor the last one. The sum alone will not do:
// consecutive addresses times an unlucky factor crowd into few lines.
static inline __attribute__((always_inline)) __u64 flow_hash(__u64 sum, __u64 factor)
{
    sum = (sum ^ sum >> 32) * factor;
    return (sum ^ sum >> 32) * factor;
}

// A flow in the spill map, or a subscriber in the hash of subscribers: of an id it has the family
// alone, and no peer. IPv4 addresses lie in the low half of word 0, the rest is 0.
struct flow_key {
    __u64 id;
    __u64 sub[2], peer[2];
};

struct flow_count {
    __u64 packets[2];
    __u64 bytes[2];
};

// A packet in pieces: only its first one has ports.
struct fragment_key {
    __u64 src[2], dst[2]; // as in flow_key
    __u32 id;
    __u32 proto;
};

struct fragment {
    __u32 ports;  // source in the low half, destination in the high half, as on the wire
    __u32 seen_s; // clock_s at the first piece
    __u32 tunnel; // 1: it carries a tunnel packet, whose inner length was counted with the first
                  // piece
};

// A prefix to compare with: net is masked already.
struct prefix_v4 {
    __u32 net, mask; // network order
};

struct prefix_v6 {
    __u64 net[2], mask[2]; // network order
};

struct prefixes {
    struct prefix_v4 v4[PREFIXES_INLINE];
    struct prefix_v6 v6[PREFIXES_INLINE];
    __u32 v4_count, v6_count;
    __u32 use_trie; // too many for the above: all of them are in the trie, and IPv4 ones of --ours
                    // in pages
    __u32 any;      // none given: everything matches
};

// A long list of IPv4 prefixes: a page for the first byte of an address, and further ones for the
// bytes after it where that does not decide.
enum { PAGE_NONE, PAGE_ALL, PAGE_FIRST }; // PAGE_FIRST + n: look at page n

struct prefix_page {
    __u32 of[256]; // by the value of the byte
};

struct prefix_trie_key {
    __u32 bits;
    __u8 addr[16]; // IPv4 in its mapped form
};

enum { VLANS = 4096, OUTER_SOURCES_MAX = 1024 };

// `xdpacct probe`: where tunnels come from.
struct outer_source {
    __u64 src[2]; // as in flow_key
    __u32 family;
    __u32 encap;
    __u32 has_id; // 1: it names an id
    __u32 id;
};

// Which names are looked for.
enum names_mode { NAMES_OFF, NAMES_DNS, NAMES_ALL };

// Packets with names that could not be copied to user space, since the start.
struct name_losses {
    __u64 ring_full;  // user space did not keep up
    __u64 over_limit; // more of one subscriber than are taken
};

enum {
    SETTING_WIRE_BYTES = 1,  // count frames instead of IP packets
    SETTING_FRAGS = 2,       // loaded as xdp.frags: a frame may be longer than data_end - data
    SETTING_PROBE = 8,       // note VLANs and where tunnels come from
    SETTING_READING = 4,     // frame_bytes tells the length of the frame
    SETTING_TUNNEL_IDS = 32, // only tunnels with an id that is in tunnel_ids are ours
    SETTING_LOAD_BYTES = 16, // the kernel has bpf_xdp_load_bytes (5.18, commit 3f364222d032)
};

// Constants of a run: set between open and load, so that the verifier drops what is not used.
struct settings {
    struct prefixes ours;
    struct prefixes outer_src;
    __u64 v6_mask[2]; // of the subscriber's address, network order
    // Of flow_hash: odd, and secret, so that no subscriber can aim at one line.
    __u64 hash_factors[HASH_FACTORS];
    __u32 hash_shift;                   // 64 - table_log2
    __u32 table_log2;                   // of the lines of a table
    __u32 encaps;                       // bit ENCAP_*: may be opened
    __u32 by;                           // enum flow_by
    __u32 verdict;                      // XDP_PASS or XDP_DROP
    __u32 mtu;                          // at the start
    __u32 flags;                        // SETTING_*
    __u32 names;                        // enum names_mode
    __u16 vxlan_ports[VXLAN_PORTS_MAX]; // network order, 0: none
    __u16 tunnel_port_first;            // all UDP ports of tunnels that may be opened lie in
    __u16 tunnel_port_span;             // first … first + span - 1, host order
};
