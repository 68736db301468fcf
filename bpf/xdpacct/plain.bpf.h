// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// plain.bpf.h - reads most packets of most interfaces: Ethernet, IPv4 without options, whole, TCP
// or UDP, no tunnel. By a few comparisons and without a call; whatever is not that, or not quite
// right, is left to dissect.bpf.h.
#pragma once

#include "bpf/xdpacct/parse.bpf.h"

enum {
    // The words at 12 and at 20 of such a frame, as they lie in memory: type, version and header
    // length; fragment flags and offset, protocol.
    PLAIN_TYPE_MASK = 0x00ffffff,
    PLAIN_TYPE = 0x00450008,
    PLAIN_FRAGMENT_MASK = 0x0000ffbf,
    PLAIN_PROTO_SHIFT = 24,
};

struct plain {
    __u32 src, dst; // network order
    __u32 ports;
    __u32 bytes; // IP total length
    __u64 id;    // FLOW_ID without the ports
};

// Its length is checked as well: the frame holds all of it.
static __always_inline bool plain_parse(struct xdp_md *ctx, const volatile struct settings *s,
                                        struct plain *p)
{
    void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
    __u32 *words = data + 12;
    struct iphdr *h = data + sizeof(struct ethhdr);
    __u32 *ports = (void *)(h + 1);
    if ((void *)(ports + 1) > data_end)
        return false;
    __u32 fragment_proto = words[2];
    if ((words[0] & PLAIN_TYPE_MASK) != PLAIN_TYPE || fragment_proto & PLAIN_FRAGMENT_MASK)
        return false;
    p->ports = *ports;
    p->src = h->saddr;
    p->dst = h->daddr;
    p->bytes = bpf_ntohs(h->tot_len);
    if (p->bytes < sizeof(*h) || p->bytes > s->mtu || (void *)h + p->bytes > data_end)
        return false;
    __u32 proto = fragment_proto >> PLAIN_PROTO_SHIFT;
    if (proto == IPPROTO_TCP) {
        p->id = FLOW_ID(0, 0, IPPROTO_TCP, ENCAP_NONE, FAMILY_V4);
        return true;
    }
    p->id = FLOW_ID(0, 0, IPPROTO_UDP, ENCAP_NONE, FAMILY_V4);
    return proto == IPPROTO_UDP &&
           (__u16)(bpf_ntohs(p->ports >> 16) - s->tunnel_port_first) >= s->tunnel_port_span;
}
