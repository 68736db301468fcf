// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// parse.bpf.h - Ethernet, VLAN tags, IPv4, IPv6 with extension headers, ports.
//
// The verifier walks every path. To keep their number small, what a step found is hidden from it
// before the next one (HIDE): paths that differ only in such values are the same to it then. The
// place in the packet is one of these, so each access is checked against the packet's end again.
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "bpf/xdpacct/xdpacct.h"

enum {
    PARSE_OFFSET_MAX = 4095, // no header starts later: the linear part of a frame is shorter
    VLAN_TAGS_MAX = 3,
    V6_EXTENSIONS_MAX = 6,
    IP_MORE_FRAGMENTS = 0x2000,
    IP_OFFSET_MASK = 0x1fff,
    V6_MORE_FRAGMENTS = 1,
    V6_OFFSET_MASK = 0xfff8,
};

// Always 0, which the verifier does not know.
volatile __u32 parse_zero;

struct cursor {
    void *data, *data_end;
    __u32 off;
    __u32 zero; // parse_zero
    __u32 vlan; // of the last tag, tag bit set; 0: none
};

// After a branch that the verifier can decide, or the CPU foresee: clang must not turn it into a
// selection, which does the work of both sides.
#define KEEP_BRANCH() asm volatile("")

#define HIDE(cursor, value) ((value) += (cursor)->zero)

// An IP packet: one layer of what may be several.
struct ip_layer {
    __u64 src[2], dst[2]; // network order; IPv4 in the low half of word 0
    __u32 family;
    __u32 proto;    // after IPv6 extension headers
    __u32 bytes;    // total length as its header says
    __u32 start;    // offset of the IP header
    __u32 l4;       // offset of what follows the IP headers
    __u32 ports;    // source in the low half, destination in the high half, as on the wire; 0: none
    __u32 frag_id;  // with fragment set
    __u32 fragment; // 1: a piece of a packet
    __u32 first;    // 1: the piece with the ports, or the whole packet
};

static __always_inline struct cursor parse_start(void *data, void *data_end)
{
    return (struct cursor){.data = data, .data_end = data_end, .zero = parse_zero};
}

// len bytes at the cursor, or NULL. Does not move it.
static __always_inline void *parse__peek(const struct cursor *c, __u32 len)
{
    __u32 off = c->off;
    // The verifier wants the very register checked that is added.
    asm volatile("" : "+r"(off));
    if (off > PARSE_OFFSET_MAX)
        return NULL;
    void *at = c->data + off;
    if (at + len > c->data_end)
        return NULL;
    return at;
}

static __always_inline void *parse__take(struct cursor *c, __u32 len)
{
    void *at = parse__peek(c, len);
    c->off += len;
    return at;
}

static __always_inline bool parse__is_vlan(__u16 ethertype)
{
    return ethertype == bpf_htons(ETH_P_8021Q) || ethertype == bpf_htons(ETH_P_8021AD) ||
           ethertype == bpf_htons(ETH_P_QINQ1);
}

// The type of what follows the Ethernet header and its VLAN tags, in network order; 0 if it is cut
// short.
static __always_inline __u16 parse_ethernet(struct cursor *c)
{
    // not struct ethhdr: it is packed, and clang would read it byte by byte
    __be16 *eth = parse__take(c, sizeof(struct ethhdr));
    if (!eth)
        return 0;
    __u16 type = eth[6];
    for (int i = 0; i < VLAN_TAGS_MAX && parse__is_vlan(type); i++) {
        __be16 *tag = parse__take(c, 4);
        if (!tag)
            return 0;
        type = tag[1];
        c->vlan = VLANS | (bpf_ntohs(tag[0]) & (VLANS - 1));
    }
    return type;
}

static __always_inline bool parse_v4(struct cursor *c, struct ip_layer *ip)
{
    struct iphdr *h = parse__peek(c, sizeof(*h));
    if (!h || h->version != 4 || h->ihl < 5)
        return false;
    __u32 header = h->ihl * 4;
    ip->start = c->off;
    ip->family = FAMILY_V4;
    ip->proto = h->protocol;
    ip->bytes = bpf_ntohs(h->tot_len);
    ip->src[0] = h->saddr;
    ip->dst[0] = h->daddr;
    ip->src[1] = ip->dst[1] = 0;
    __u32 frag = bpf_ntohs(h->frag_off);
    ip->fragment = (frag & (IP_MORE_FRAGMENTS | IP_OFFSET_MASK)) != 0;
    ip->first = (frag & IP_OFFSET_MASK) == 0;
    ip->frag_id = h->id;
    c->off += header;
    // options must be there whole: what follows them is found by their length
    return ip->bytes >= header && parse__peek(c, 0) != NULL;
}

static __always_inline bool parse__is_v6_extension(__u32 next)
{
    return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_FRAGMENT ||
           next == IPPROTO_AH || next == IPPROTO_DSTOPTS || next == 135 /* mobility */;
}

// What the walk over IPv6 extension headers starts from and finds.
struct v6_walk {
    __u32 off, proto, fragment, first, frag_id;
};

// Steps over one extension header. False if it is cut short.
static __always_inline bool parse__v6_extension(struct cursor *c, struct v6_walk *walk)
{
    __u8 *h = parse__peek(c, 8);
    if (!h)
        return false;
    __u32 len = (h[1] + 1u) * 8;
    if (walk->proto == IPPROTO_FRAGMENT) {
        __u32 frag = bpf_ntohs(*(__be16 *)(h + 2));
        walk->fragment = 1;
        walk->first = (frag & V6_OFFSET_MASK) == 0;
        walk->frag_id = *(__u32 *)(h + 4);
        len = 8;
    } else if (walk->proto == IPPROTO_AH) {
        len = (h[1] + 2u) * 4;
    }
    walk->proto = h[0];
    c->off += len;
    return parse__peek(c, 0) != NULL;
}

// Walks over the extension headers at walk->off. Returns 1, or 0 if they are cut short. A global
// function: the verifier looks at it once, for any argument, and not once for every path that leads
// here.
__noinline int parse_v6_extensions(struct xdp_md *ctx, struct v6_walk *walk)
{
    if (!walk)
        return 0;
    struct cursor c = parse_start((void *)(long)ctx->data, (void *)(long)ctx->data_end);
    c.off = walk->off;
    for (int i = 0; i < V6_EXTENSIONS_MAX && walk->first && parse__is_v6_extension(walk->proto);
         i++) {
        if (!parse__v6_extension(&c, walk))
            return 0;
        HIDE(&c, c.off);
    }
    walk->off = c.off;
    return 1;
}

static __always_inline bool parse_v6(struct xdp_md *ctx, struct cursor *c, struct ip_layer *ip)
{
    struct ipv6hdr *h = parse__peek(c, sizeof(*h));
    if (!h || h->version != 6)
        return false;
    ip->start = c->off;
    ip->family = FAMILY_V6;
    ip->bytes = sizeof(*h) + bpf_ntohs(h->payload_len);
    const __u64 *addr = (const __u64 *)&h->saddr;
    ip->src[0] = addr[0];
    ip->src[1] = addr[1];
    ip->dst[0] = addr[2];
    ip->dst[1] = addr[3];
    struct v6_walk walk = {.off = c->off + sizeof(*h), .proto = h->nexthdr, .first = 1};
    if (parse__is_v6_extension(walk.proto) && !parse_v6_extensions(ctx, &walk))
        return false;
    c->off = walk.off;
    ip->proto = walk.proto;
    ip->fragment = walk.fragment;
    ip->first = walk.first;
    ip->frag_id = walk.frag_id;
    return true;
}

static __always_inline bool parse__has_ports(__u32 proto)
{
    return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
           proto == IPPROTO_UDPLITE || proto == IPPROTO_DCCP;
}

// An IP packet at the cursor, which then stands behind its headers. False if it is cut short or
// inconsistent. Ports that the copy does not hold any more stay 0: the lengths are known all the
// same.
static __always_inline bool parse_ip(struct xdp_md *ctx, struct cursor *c, __u16 ethertype,
                                     struct ip_layer *ip)
{
    bool ok = ethertype == bpf_htons(ETH_P_IP) ? parse_v4(c, ip) : parse_v6(ctx, c, ip);
    if (!ok)
        return false;
    HIDE(c, c->off);
    ip->l4 = c->off;
    HIDE(c, ip->family);
    HIDE(c, ip->proto);
    HIDE(c, ip->fragment);
    HIDE(c, ip->first);
    ip->ports = 0;
    if (ip->first && parse__has_ports(ip->proto)) {
        __u32 *ports = parse__peek(c, sizeof(*ports));
        if (ports)
            ip->ports = *ports;
    }
    return true;
}
