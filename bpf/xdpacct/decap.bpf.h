// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// decap.bpf.h - takes off a tunnel's header: GRE (RFC 2784, 2890), ERSPAN I to III, VXLAN (RFC
// 7348), GENEVE (RFC 8926), GTP-U (3GPP TS 29.281), IP in IP (RFC 2003, 4213).
//
// A header that is not exactly what this file knows is not opened: the packet is counted as what it
// is outside. PPTP (GRE version 1) is one of these, and ERSPAN III with anything but Ethernet in
// it.
#pragma once

#include "bpf/xdpacct/parse.bpf.h"

enum {
    GRE_CHECKSUM = 0x8000,
    GRE_KEY = 0x2000,
    GRE_SEQUENCE = 0x1000,
    GRE_OTHER = 0x4fff, // routing (RFC 1701), reserved bits, and a version that is not 0
    GRE_ETHERNET = 0x6558,
    GRE_ERSPAN = 0x88be,
    GRE_ERSPAN_III = 0x22eb,
    ERSPAN_SESSION_MASK = 0x3ff, // of its second 16 bits
    ERSPAN_II_BYTES = 8,
    ERSPAN_III_BYTES = 12,
    ERSPAN_SUBHEADER_BYTES = 8,
    ERSPAN_FRAME_TYPE = 0x7c, // of byte 10: 0 is Ethernet
    ERSPAN_HAS_SUBHEADER = 1, // of byte 11
    VXLAN_HAS_VNI = 0x08,
    GENEVE_CONTROL = 0x80,
    GTP_V1 = 0x30,       // version 1, protocol type GTP
    GTP_OPTIONAL = 0x07, // E, S or PN: four more bytes
    GTP_EXTENSION = 0x04,
    GTP_T_PDU = 0xff,
    GTP_EXTENSIONS_MAX = 4,
};

enum decap_result {
    DECAP_NONE, // no tunnel that may be opened: the packet counts as it is
    DECAP_DONE, // the cursor stands at the inner packet
    DECAP_CUT,  // a tunnel, but its header is cut short
};

struct decap {
    __u32 encap;     // enum encap
    __u16 ethertype; // of the inner packet, in network order; 0: an Ethernet frame
    __u16 has_id;    // 1: id is there; only looked for if somebody asks (decap__ids)
    __u32 id;        // VNI, key or session, in host order
};

static __always_inline bool decap__ids(const volatile struct settings *s)
{
    return s->flags & (SETTING_TUNNEL_IDS | SETTING_PROBE);
}

static __always_inline void decap__set_id(struct decap *d, __u32 id)
{
    d->has_id = 1;
    d->id = id;
}

// The VNI of VXLAN and GENEVE: the upper three bytes of the second word.
static __always_inline void decap__set_vni(struct decap *d, const __u8 *header)
{
    decap__set_id(d, bpf_ntohl(*(const __be32 *)(header + 4)) >> 8);
}

static __always_inline void decap__set_session(struct decap *d, const __u8 *header)
{
    decap__set_id(d, bpf_ntohs(*(const __be16 *)(header + 2)) & ERSPAN_SESSION_MASK);
}

// The type of a raw inner packet by its first nibble; 0 if it is neither IPv4 nor IPv6.
static __always_inline int decap__raw_ip(struct cursor *c, struct decap *d)
{
    __u8 *first = parse__peek(c, 1);
    if (!first)
        return DECAP_CUT;
    if (*first >> 4 == 4)
        d->ethertype = bpf_htons(ETH_P_IP);
    else if (*first >> 4 == 6)
        d->ethertype = bpf_htons(ETH_P_IPV6);
    else
        return DECAP_NONE;
    return DECAP_DONE;
}

// What a protocol number of GRE or GENEVE announces. False if it is nothing that we open.
static __always_inline bool decap__inner_type(__be16 proto, struct decap *d)
{
    if (proto == bpf_htons(ETH_P_IP) || proto == bpf_htons(ETH_P_IPV6))
        d->ethertype = proto;
    else if (proto == bpf_htons(GRE_ETHERNET))
        d->ethertype = 0;
    else
        return false;
    return true;
}

// Type I has no header of its own, and is told by having no sequence number.
static __always_inline int decap__erspan(struct cursor *c, __u32 flags, struct decap *d,
                                         const volatile struct settings *s)
{
    if (!(flags & GRE_SEQUENCE))
        return DECAP_DONE;
    __u8 *h = parse__take(c, ERSPAN_II_BYTES);
    if (!h)
        return DECAP_CUT;
    if (decap__ids(s))
        decap__set_session(d, h);
    return *h >> 4 == 1 ? DECAP_DONE : DECAP_NONE;
}

// include/net/erspan.h: struct erspan_base_hdr, struct erspan_md2
static __always_inline int decap__erspan_iii(struct cursor *c, struct decap *d,
                                             const volatile struct settings *s)
{
    __u8 *h = parse__take(c, ERSPAN_III_BYTES);
    if (!h)
        return DECAP_CUT;
    if (*h >> 4 != 2 || h[10] & ERSPAN_FRAME_TYPE)
        return DECAP_NONE;
    if (decap__ids(s))
        decap__set_session(d, h);
    if (h[11] & ERSPAN_HAS_SUBHEADER && !parse__take(c, ERSPAN_SUBHEADER_BYTES))
        return DECAP_CUT;
    return DECAP_DONE;
}

// The key stands behind the checksum. False if it is cut off.
static __always_inline bool decap__gre_key(const struct cursor *c, __u32 flags, struct decap *d)
{
    struct cursor at = *c;
    at.off += 4 * !!(flags & GRE_CHECKSUM);
    HIDE(c, at.off);
    __be32 *key = parse__peek(&at, 4);
    if (key)
        decap__set_id(d, bpf_ntohl(*key));
    return key;
}

static __always_inline int decap_gre(struct cursor *c, struct decap *d,
                                     const volatile struct settings *s)
{
    __be16 *h = parse__take(c, 4);
    if (!h)
        return DECAP_CUT;
    __u32 flags = bpf_ntohs(h[0]);
    if (flags & GRE_OTHER)
        return DECAP_NONE;
    bool erspan = h[1] == bpf_htons(GRE_ERSPAN) || h[1] == bpf_htons(GRE_ERSPAN_III);
    if (decap__ids(s) && flags & GRE_KEY && !erspan && !decap__gre_key(c, flags, d))
        return DECAP_CUT;
    c->off += 4 * (!!(flags & GRE_CHECKSUM) + !!(flags & GRE_KEY) + !!(flags & GRE_SEQUENCE));
    d->encap = ENCAP_GRE;
    if (erspan) {
        d->encap = ENCAP_ERSPAN;
        d->ethertype = 0;
        HIDE(c, c->off);
        int rc = h[1] == bpf_htons(GRE_ERSPAN) ? decap__erspan(c, flags, d, s)
                                               : decap__erspan_iii(c, d, s);
        if (rc != DECAP_DONE)
            return rc;
    } else if (!decap__inner_type(h[1], d)) {
        return DECAP_NONE;
    }
    return s->encaps & 1u << d->encap ? DECAP_DONE : DECAP_NONE;
}

static __always_inline int decap_vxlan(struct cursor *c, struct decap *d,
                                       const volatile struct settings *s)
{
    __u8 *h = parse__take(c, 8);
    if (!h)
        return DECAP_CUT;
    if (decap__ids(s))
        decap__set_vni(d, h);
    d->encap = ENCAP_VXLAN;
    d->ethertype = 0;
    return h[0] == VXLAN_HAS_VNI ? DECAP_DONE : DECAP_NONE;
}

static __always_inline int decap_geneve(struct cursor *c, struct decap *d,
                                        const volatile struct settings *s)
{
    __u8 *h = parse__take(c, 8);
    if (!h)
        return DECAP_CUT;
    if (decap__ids(s))
        decap__set_vni(d, h);
    d->encap = ENCAP_GENEVE;
    if (h[0] >> 6 != 0 || h[1] & GENEVE_CONTROL || !decap__inner_type(*(__be16 *)(h + 2), d))
        return DECAP_NONE;
    c->off += (h[0] & 0x3f) * 4;
    return DECAP_DONE;
}

// The extension headers of GTP-U: each starts with its length in units of four bytes and ends with
// the type of the next one.
static __always_inline int decap__gtp_extensions(struct cursor *c, __u8 next)
{
    for (int i = 0; i < GTP_EXTENSIONS_MAX && next; i++) {
        HIDE(c, c->off);
        __u8 *len = parse__peek(c, 1);
        if (!len)
            return DECAP_CUT;
        if (*len == 0)
            return DECAP_NONE;
        c->off += *len * 4u;
        c->off--;
        __u8 *last = parse__take(c, 1);
        if (!last)
            return DECAP_CUT;
        next = *last;
    }
    return next ? DECAP_NONE : DECAP_DONE;
}

static __always_inline int decap_gtp(struct cursor *c, struct decap *d)
{
    __u8 *h = parse__take(c, 8);
    if (!h)
        return DECAP_CUT;
    if ((h[0] & 0xf0) != GTP_V1 || h[1] != GTP_T_PDU)
        return DECAP_NONE;
    if (h[0] & GTP_OPTIONAL) {
        __u8 *optional = parse__take(c, 4);
        if (!optional)
            return DECAP_CUT;
        int rc = h[0] & GTP_EXTENSION ? decap__gtp_extensions(c, optional[3]) : DECAP_DONE;
        if (rc != DECAP_DONE)
            return rc;
    }
    HIDE(c, c->off);
    d->encap = ENCAP_GTP;
    return decap__raw_ip(c, d);
}

static __always_inline bool decap__is_vxlan(__u16 port, const volatile __u16 *vxlan_ports)
{
    for (int i = 0; i < VXLAN_PORTS_MAX; i++) {
        __u16 known = vxlan_ports[i];
        if (known && known == port)
            return true;
    }
    return false;
}

// The tunnel that UDP packets to this port carry, if it may be opened.
static __always_inline __u32 decap_udp_kind(__u16 port, const volatile struct settings *s)
{
    if (s->encaps & 1u << ENCAP_VXLAN && decap__is_vxlan(port, s->vxlan_ports))
        return ENCAP_VXLAN;
    if (s->encaps & 1u << ENCAP_GENEVE && port == bpf_htons(GENEVE_PORT))
        return ENCAP_GENEVE;
    if (s->encaps & 1u << ENCAP_GTP && port == bpf_htons(GTP_PORT))
        return ENCAP_GTP;
    return ENCAP_NONE;
}

static __always_inline int decap_udp(struct cursor *c, const struct ip_layer *ip, struct decap *d,
                                     const volatile struct settings *s)
{
    __u32 kind = decap_udp_kind(ip->ports >> 16, s);
    if (kind == ENCAP_NONE)
        return DECAP_NONE;
    if (!parse__take(c, 8))
        return DECAP_CUT;
    return kind == ENCAP_VXLAN    ? decap_vxlan(c, d, s)
           : kind == ENCAP_GENEVE ? decap_geneve(c, d, s)
                                  : decap_gtp(c, d);
}

// True if a piece of a packet of this protocol that is not its first is surely a tunnel's.
static __always_inline bool decap_carries_tunnel(__u32 proto, __u32 allowed)
{
    if (proto == IPPROTO_GRE)
        return allowed & (1u << ENCAP_GRE | 1u << ENCAP_ERSPAN);
    return (proto == IPPROTO_IPIP || proto == IPPROTO_IPV6) && allowed & 1u << ENCAP_IPIP;
}

// Takes off the tunnel header behind the IP layer, if there is one that the settings allow to open.
static __always_inline int decap_open(struct cursor *c, const struct ip_layer *ip, struct decap *d,
                                      const volatile struct settings *s)
{
    if (ip->proto == IPPROTO_UDP)
        return decap_udp(c, ip, d, s);
    if (!decap_carries_tunnel(ip->proto, s->encaps))
        return DECAP_NONE;
    if (ip->proto == IPPROTO_GRE)
        return decap_gre(c, d, s);
    d->encap = ENCAP_IPIP;
    d->ethertype = ip->proto == IPPROTO_IPIP ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
    return DECAP_DONE;
}
