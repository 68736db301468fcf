// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// fragments.bpf.h - gives the later pieces of a packet the ports of its first one.
//
// Losing an entry (the map is an LRU one, and small) or seeing pieces out of order costs the ports
// only: the piece is counted for the same addresses and protocol, with ports 0. The clock is a word
// that user space sets every second, so that no helper is needed.
#pragma once

#include "bpf/xdpacct/parse.bpf.h"

volatile __u32 clock_s;

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, FRAGMENTS_MAX);
    __type(key, struct fragment_key);
    __type(value, struct fragment);
} fragments SEC(".maps");

static __always_inline void fragment__key(const struct ip_layer *ip, struct fragment_key *key)
{
    key->src[0] = ip->src[0];
    key->src[1] = ip->src[1];
    key->dst[0] = ip->dst[0];
    key->dst[1] = ip->dst[1];
    key->id = ip->frag_id;
    // RFC 8200, 4.5 names a packet by addresses and id alone, but nothing is lost with the protocol
    key->proto = ip->proto;
}

// Keeps what the first piece said. tunnel: its inner packet is counted, in full, with this piece.
static __always_inline void fragment_remember(const struct ip_layer *ip, bool tunnel)
{
    struct fragment_key key;
    fragment__key(ip, &key);
    struct fragment value = {.ports = ip->ports, .seen_s = clock_s, .tunnel = tunnel};
    bpf_map_update_elem(&fragments, &key, &value, BPF_ANY);
}

// Fills in the ports of a later piece. True if it belongs to a tunnel packet.
static __always_inline bool fragment_recall(struct ip_layer *ip, bool tunnel_if_unknown)
{
    struct fragment_key key;
    fragment__key(ip, &key);
    struct fragment *known = bpf_map_lookup_elem(&fragments, &key);
    if (!known || clock_s - known->seen_s > FRAGMENT_AGE_MAX_S)
        return tunnel_if_unknown;
    ip->ports = known->ports;
    return known->tunnel;
}
