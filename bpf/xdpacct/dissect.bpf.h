// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// dissect.bpf.h - walks down to the innermost IP packet, below at most two tunnels.
//
// The outermost layer is inlined: for most packets it is all there is. Inner layers are looked at
// by a global function, which the verifier checks once and not once for every way to get there.
#pragma once

#include "bpf/xdpacct/decap.bpf.h"
#include "bpf/xdpacct/direction.bpf.h"
#include "bpf/xdpacct/fragments.bpf.h"

enum { TUNNELS_MAX = 2 };

const volatile struct settings settings;

// What is found, and where to go on.
struct walk {
    struct ip_layer ip; // the innermost one so far
    __u32 class; // COUNT_SEEN: an IP packet, to be attributed; else the counter that it belongs to
    __u32 encap; // tunnels taken off
    __u32 tunnels;   // how many
    __u32 pieces;    // 1: a tunnel packet around it came in pieces, of which this is the first
    __u32 opened;    // 1: a tunnel was opened, there is one more layer
    __u32 off;       // of the next layer
    __u32 ethertype; // of the next layer, in network order; 0: an Ethernet frame
};

// For `xdpacct probe` alone.
__u32 vlan_packets[VLANS];

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, OUTER_SOURCES_MAX);
    __type(key, struct outer_source);
    __type(value, __u64);
} outer_sources SEC(".maps");

static __always_inline void dissect__note_vlan(__u32 vlan)
{
    if (settings.flags & SETTING_PROBE && vlan & VLANS)
        __sync_fetch_and_add(&vlan_packets[vlan & (VLANS - 1)], 1);
}

static __always_inline void dissect__note_source(const struct ip_layer *ip, const struct decap *d)
{
    if (!(settings.flags & SETTING_PROBE))
        return;
    struct outer_source key = {.src = {ip->src[0], ip->src[1]},
                               .family = ip->family,
                               .encap = d->encap,
                               .has_id = d->has_id,
                               .id = d->id};
    __u64 one = 1, *packets = bpf_map_lookup_elem(&outer_sources, &key);
    if (packets)
        __sync_fetch_and_add(packets, 1);
    else
        bpf_map_update_elem(&outer_sources, &key, &one, BPF_NOEXIST);
}

// Later pieces of a packet, and what their first piece said.
static __always_inline __u32 dissect__fragment(struct ip_layer *ip, bool may_open)
{
    bool tunnel = may_open && decap_carries_tunnel(ip->proto, settings.encaps);
    return fragment_recall(ip, tunnel) ? COUNT_OUTER_FRAGMENTS : COUNT_SEEN;
}

static __always_inline bool dissect__outer_src_ok(const struct ip_layer *ip)
{
    return ip->family == FAMILY_V4
               ? direction_matches_v4(&settings.outer_src, &outer_src_trie, ip->src[0])
               : direction_matches_v6(&settings.outer_src, &outer_src_trie, ip->src);
}

// The ids of --tunnel-id.
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u8);
} tunnel_ids SEC(".maps");

static __always_inline bool dissect__tunnel_id_ok(const struct decap *d)
{
    if (!(settings.flags & SETTING_TUNNEL_IDS))
        return true;
    __u32 id = d->id;
    return d->has_id && bpf_map_lookup_elem(&tunnel_ids, &id);
}

// Opens the tunnel, if the packet carries one that may be opened, and comes from where tunnels may
// come from with an id that they may have.
static __always_inline void dissect__tunnel(struct cursor *c, struct walk *w, bool outermost)
{
    struct decap d = {};
    int rc = decap_open(c, &w->ip, &d, &settings);
    if (w->ip.fragment)
        fragment_remember(&w->ip, rc == DECAP_DONE);
    if (rc == DECAP_CUT)
        w->class = COUNT_BAD_HEADER;
    if (rc != DECAP_DONE)
        return;
    if (outermost && !(dissect__outer_src_ok(&w->ip) && dissect__tunnel_id_ok(&d))) {
        w->class = COUNT_REJECTED_OUTER;
        return;
    }
    if (outermost)
        dissect__note_source(&w->ip, &d);
    w->opened = 1;
    w->pieces |= w->ip.fragment;
    w->encap |= d.encap << (4 * (w->tunnels & 1));
    w->tunnels++;
    w->off = c->off;
    w->ethertype = d.ethertype;
}

static __always_inline void dissect__layer(struct xdp_md *ctx, struct walk *w, bool outermost)
{
    struct cursor c = parse_start((void *)(long)ctx->data, (void *)(long)ctx->data_end);
    c.off = w->off;
    w->opened = 0;
    __u16 type = w->ethertype ? w->ethertype : parse_ethernet(&c);
    HIDE(&c, c.off);
    if (outermost)
        dissect__note_vlan(c.vlan);
    if (type != bpf_htons(ETH_P_IP) && type != bpf_htons(ETH_P_IPV6)) {
        w->class = type ? COUNT_NON_IP : COUNT_BAD_HEADER;
        return;
    }
    if (!parse_ip(ctx, &c, type, &w->ip)) {
        w->class = COUNT_BAD_HEADER;
        return;
    }
    if (!w->ip.first)
        w->class = dissect__fragment(&w->ip, w->tunnels < TUNNELS_MAX);
    else if (w->tunnels < TUNNELS_MAX)
        dissect__tunnel(&c, w, outermost);
    else if (w->ip.fragment)
        fragment_remember(&w->ip, false);
}

// One layer below a tunnel header. The result is in *w; the return value has no meaning.
__noinline int dissect_inner(struct xdp_md *ctx, struct walk *w)
{
    if (w)
        dissect__layer(ctx, w, false);
    return 0;
}

static __always_inline void dissect(struct xdp_md *ctx, struct walk *w)
{
    dissect__layer(ctx, w, true);
    if (!w->opened)
        return;
    struct walk inner = *w;
    dissect_inner(ctx, &inner);
    if (inner.opened)
        dissect_inner(ctx, &inner);
    *w = inner;
}
