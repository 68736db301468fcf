// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// names.bpf.h - copies the packets that names are found in to user space, and as few others as can
// be.
//
// These are DNS answers, and what a subscriber sends first on a flow, where that can be a hello:
// TLS, HTTP, or an Initial packet of QUIC. How much more of a flow is to be copied stands in the
// highest byte of its slot's first word, so that a packet of an established flow costs one
// comparison. A slot lives for one interval; in the next, the flow's first payload is looked at
// again, and is none of these then.
//
// Bounds: NAME_UNITS of 256 bytes or 8 packets of hellos for a flow and interval, NAME_DONE
// segments of answers over TCP, NAME_COPIES_PER_S for a subscriber. (Answers over UDP are bounded
// by that alone: forwarders get all of theirs on one port.) What a bound or a full ring buffer kept
// back is counted in name_losses.
#pragma once

#include <linux/tcp.h>
#include <linux/udp.h>
#include "bpf/xdpacct/names/packet.h"
#include "bpf/xdpacct/parse.bpf.h"

enum {
    NAME_UNIT_BYTES = 256,
    NAME_UNITS = 32,    // of a flow: 8 KiB
    NAME_UNITS_MIN = 4, // that a packet costs: so 8 packets
    // left for a stream that begins in no known way: two packets may be out of order
    NAME_UNITS_LATER = 8,
    NAME_DONE = 255,        // nothing more is wanted
    NAME_UNSEEN_ACKS = 251, // no payload yet, one segment without; up to NAME_DONE one more each
    NAME_UNSEEN = 0,        // no payload yet
    NAME_STATE_SHIFT = 56,
    NAME_COPIES_PER_S = 2000,
    NAME_SUBSCRIBERS = 16384, // whose copies are counted at a time
    NAME_SPILLED = 16384,     // flows in the spill map whose state is kept at a time
    DNS_PORT = 53,
    QUIC_VERSION_1 = 0x00000001,
    QUIC_VERSION_2 = 0x6b3343cf,
};

// The loader sets its size.
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
} name_copies SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct name_packet);
} name_buffers SEC(".maps");

struct name_subscriber {
    __u64 address[2];
};

struct name_rate {
    __u32 second;
    __u32 copies;
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, NAME_SUBSCRIBERS);
    __type(key, struct name_subscriber);
    __type(value, struct name_rate);
} name_rates SEC(".maps");

// States of flows that have no slot, and of hellos that have begun. Losing one costs copies that
// nobody needs, or a name; no count.
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, NAME_SPILLED);
    __type(key, struct flow_key);
    __type(value, __u64);
} name_states SEC(".maps");

struct name_losses name_losses;

// The payload of a packet, and what of it is there.
struct payload {
    __u32 off;    // of its first byte
    __u32 full;   // bytes, as the IP header says
    __u32 len;    // bytes that can be copied
    __u32 seq;    // TCP
    __u32 syn;    // TCP: 1
    __u32 wanted; // 1: to be copied
};

static __always_inline __u32 names__frame_len(struct xdp_md *ctx)
{
    return settings.flags & SETTING_FRAGS ? bpf_xdp_get_buff_len(ctx) : ctx->data_end - ctx->data;
}

// Finds the payload of a TCP segment or UDP datagram. False if its header is cut short.
static __always_inline bool names__payload(struct xdp_md *ctx, struct cursor *c,
                                           const struct ip_layer *ip, struct payload *p)
{
    __u32 header = sizeof(struct udphdr);
    c->off = ip->l4;
    p->seq = p->syn = p->wanted = 0;
    if (ip->proto == IPPROTO_TCP) {
        struct tcphdr *tcp = parse__peek(c, sizeof(*tcp));
        if (!tcp)
            return false;
        header = tcp->doff * 4;
        p->syn = tcp->syn;
        p->seq = bpf_ntohl(tcp->seq) + tcp->syn;
    }
    p->off = ip->l4 + header;
    __u32 end = ip->start + ip->bytes, length = names__frame_len(ctx);
    p->full = end > p->off ? end - p->off : 0;
    p->len = end < length ? end : length;
    p->len = p->len > p->off ? p->len - p->off : 0;
    return true;
}

// Whether the subscriber may have one more copy in this second.
static __always_inline bool names__admit(const struct flow_key *key)
{
    struct name_subscriber sub = {{key->sub[0], key->sub[1]}};
    struct name_rate *rate = bpf_map_lookup_elem(&name_rates, &sub);
    if (!rate) {
        struct name_rate first = {clock_s, 1};
        bpf_map_update_elem(&name_rates, &sub, &first, BPF_ANY);
        return true;
    }
    if (rate->second != clock_s) {
        rate->second = clock_s;
        rate->copies = 0;
    }
    if (rate->copies >= NAME_COPIES_PER_S) {
        __sync_fetch_and_add(&name_losses.over_limit, 1);
        return false;
    }
    __sync_fetch_and_add(&rate->copies, 1);
    return true;
}

// Before 5.18 there is no helper for packet data; frames are linear then. A setting says so, not a
// relocation: for one, libbpf would read the type information of the whole kernel at each start.
static __always_inline long names__load(struct xdp_md *ctx, __u32 off, void *to, __u32 len)
{
    if (settings.flags & SETTING_LOAD_BYTES)
        return bpf_xdp_load_bytes(ctx, off, to, len);
    if (off > PARSE_OFFSET_MAX)
        return -1;
    void *from = (void *)(long)ctx->data + off;
    if (from + len > (void *)(long)ctx->data_end)
        return -1;
    return bpf_probe_read_kernel(to, len, from);
}

// len, of which the verifier knows then that it is 1 to NAME_COPY_MAX: before 6.8 it forgets what a
// comparison told of a value that has been to the stack since.
static __always_inline __u32 names__bound(__u32 len)
{
    asm volatile("" : "+r"(len));
    return ((len - 1) & (NAME_COPY_MAX - 1)) + 1;
}

// Copies a payload to user space; copy->key is set.
static __always_inline void names__copy(struct xdp_md *ctx, struct name_packet *copy,
                                        const struct payload *p, __u32 dir)
{
    __u32 len = p->len < NAME_COPY_MAX ? p->len : NAME_COPY_MAX;
    if (len == 0 || p->off > PARSE_OFFSET_MAX || !names__admit(&copy->key))
        return;
    copy->seq = p->seq;
    copy->len = len;
    copy->full_len = p->full > 65535 ? 65535 : p->full;
    copy->dir = dir;
    if (names__load(ctx, p->off, copy->bytes, names__bound(len)) != 0 ||
        bpf_ringbuf_output(&name_copies, copy, NAME_PACKET_HEAD + names__bound(len), 0) != 0)
        __sync_fetch_and_add(&name_losses.ring_full, 1);
}

static __always_inline __u32 names__units(__u32 len)
{
    __u32 units = (len + NAME_UNIT_BYTES - 1) / NAME_UNIT_BYTES;
    return units < NAME_UNITS_MIN ? NAME_UNITS_MIN : units;
}

// What a stream that has `left` units may still cost after this segment. A ClientHello says how
// long it is: the rest is expected in segments like this one.
static __always_inline __u32 names__left_tcp(const __u8 *start, __u32 left, const struct payload *p)
{
    __u32 units = names__units(p->len), after = left > units ? left - units : 0;
    if (start[0] == 0x16 && start[1] == 3 && start[5] == 1) {
        __u32 need = 9 + (start[6] << 16 | start[7] << 8 | start[8]);
        if (need <= p->full)
            return 0;
        need = (need - p->full) / (p->full | 1) + 2;
        need = need > 8 ? NAME_UNITS : need * units;
        return need < after ? need : after;
    }
    if (left < NAME_UNITS || (start[0] >= 'A' && start[0] <= 'Z'))
        return after;
    return NAME_UNITS_LATER;
}

static __always_inline bool names__unseen(__u32 state)
{
    return state == NAME_UNSEEN || (state >= NAME_UNSEEN_ACKS && state < NAME_DONE);
}

// The state after a segment without payload. A flow that only acknowledges must not be looked at
// for ever: most packets of a download are such.
static __always_inline __u32 names__ack(__u32 state, const struct payload *p)
{
    if (p->syn)
        return NAME_UNITS;
    if (names__unseen(state))
        return state == NAME_UNSEEN ? NAME_UNSEEN_ACKS : state + 1;
    return state > 1 ? state - 1 : NAME_DONE;
}

// A hello can go on after its slot is gone: in the next interval, or on another CPU. So what is
// left of one that has begun stands in name_states as well.
static __always_inline __u32 names__begun(const struct flow_key *key)
{
    __u64 *state = bpf_map_lookup_elem(&name_states, key);
    __u32 left = state ? *state >> NAME_STATE_SHIFT : 0;
    return left <= NAME_UNITS ? left : 0;
}

// known: this segment begins a hello.
static __always_inline void names__keep_begun(const struct flow_key *key, __u32 left, bool known)
{
    __u64 state = (__u64)(left ? left : NAME_DONE) << NAME_STATE_SHIFT;
    // most hellos are one segment: nothing to keep then
    if (left || !known)
        bpf_map_update_elem(&name_states, key, &state, BPF_ANY);
}

// Returns the flow's new state, and says whether the segment is wanted: it may hold a part of a
// hello.
static __always_inline __u32 names__tcp(struct cursor *c, const struct flow_key *key, __u32 state,
                                        struct payload *p)
{
    if (p->full == 0)
        return names__ack(state, p);
    c->off = p->off;
    __u8 short_start[9] = {};
    __u8 *start = parse__peek(c, 9);
    if (!start) {
        __u8 *first = parse__peek(c, 1);
        if (!first)
            return state;
        short_start[0] = *first;
        start = short_start;
    }
    bool known = start[0] == 0x16 || (start[0] >= 'A' && start[0] <= 'Z');
    __u32 units = names__unseen(state) ? NAME_UNITS : state;
    if (names__unseen(state) && !known) {
        units = names__begun(key);
        if (!units)
            return NAME_DONE;
    }
    __u32 left = names__left_tcp(start, units, p);
    names__keep_begun(key, left, known);
    if (p->len > units * NAME_UNIT_BYTES)
        p->len = units * NAME_UNIT_BYTES;
    p->wanted = 1;
    return left ? left : NAME_DONE;
}

static __always_inline __u32 names__udp(struct cursor *c, __u32 state, struct payload *p)
{
    c->off = p->off;
    __u8 *start = parse__peek(c, 5);
    if (!start || (start[0] & 0xc0) != 0xc0)
        return NAME_DONE;
    __u32 version = (__u32)start[1] << 24 | start[2] << 16 | start[3] << 8 | start[4];
    __u32 type = start[0] >> 4 & 3;
    if (version != QUIC_VERSION_1 && version != QUIC_VERSION_2)
        return NAME_DONE;
    __u32 left = state == NAME_UNSEEN ? NAME_UNITS : state;
    if (type != (version == QUIC_VERSION_2)) // no Initial packet
        return left;
    p->wanted = 1;
    __u32 units = names__units(p->len);
    return left > units ? left - units : NAME_DONE;
}

// The state of a flow in the spill map.
static __always_inline __u64 *names__spilled_state(const struct flow_key *key)
{
    __u64 *state = bpf_map_lookup_elem(&name_states, key);
    if (state)
        return state;
    __u64 unseen = 0;
    bpf_map_update_elem(&name_states, key, &unseen, BPF_ANY);
    return bpf_map_lookup_elem(&name_states, key);
}

// Moves a flow's state on by a packet that the subscriber sent. state is NULL for a flow in the
// spill map.
static __always_inline void names__step(struct cursor *c, const struct ip_layer *ip,
                                        const struct flow_key *key, __u64 *state, struct payload *p)
{
    if (!state)
        state = names__spilled_state(key);
    if (!state)
        return;
    __u32 now = *state >> NAME_STATE_SHIFT, next = now;
    if (now == NAME_DONE)
        return;
    if (ip->proto == IPPROTO_TCP)
        next = names__tcp(c, key, now, p);
    else
        next = names__udp(c, now, p);
    if (next != now)
        *state = (*state & FLOW_ID_MASK) | (__u64)next << NAME_STATE_SHIFT;
}

// Whether one more segment of a resolver's stream is to be copied: what a tunnel sends from port 53
// is not to fill the ring buffer. The subscriber's own packets to that port do not touch the state.
static __always_inline bool names__answer(const struct flow_key *key, const struct payload *p,
                                          __u64 *state)
{
    if (!state)
        state = names__spilled_state(key);
    if (!state || p->len == 0)
        return p->len != 0;
    if (*state >> NAME_STATE_SHIFT == NAME_DONE) {
        __sync_fetch_and_add(&name_losses.over_limit, 1);
        return false;
    }
    *state += 1ULL << NAME_STATE_SHIFT;
    return true;
}

// A global function, which the verifier checks once. state is NULL for a flow that has no slot. The
// return value has no meaning.
__noinline int names_take(struct xdp_md *ctx, struct ip_layer *ip, struct flow_key *key,
                          __u64 *state, __u32 dir)
{
    __u32 zero = 0;
    // The key must lie in a map: before 6.3 memory that was handed to a function is none to look up
    // by.
    struct name_packet *copy = bpf_map_lookup_elem(&name_buffers, &zero);
    if (!ip || !key || !copy)
        return 0;
    copy->key = *key;
    struct payload p;
    struct cursor c = parse_start((void *)(long)ctx->data, (void *)(long)ctx->data_end);
    if (!names__payload(ctx, &c, ip, &p))
        return 0;
    if (dir == DIR_DOWN)
        p.wanted = ip->proto != IPPROTO_TCP || names__answer(&copy->key, &p, state);
    else
        names__step(&c, ip, &copy->key, state, &p);
    if (p.wanted)
        names__copy(ctx, copy, &p, dir);
    return 0;
}

// Whether a packet that was just counted may hold a name. slot_id is the first word of its flow's
// slot, NULL for a flow in the spill map.
static __always_inline bool names_wanted(__u64 id, __u32 dir, const __u64 *slot_id)
{
    if (settings.names == NAMES_OFF)
        return false;
    bool dns = FLOW_ID_PEER_PORT(id) == bpf_htons(DNS_PORT);
    if (dir == DIR_DOWN || dns)
        return dir == DIR_DOWN && dns;
    return settings.names == NAMES_ALL && !(slot_id && *slot_id >> NAME_STATE_SHIFT == NAME_DONE);
}

// Takes a packet that names_wanted. Pieces without ports, and other protocols, hold none.
static __always_inline void names_look(struct xdp_md *ctx, struct ip_layer *ip,
                                       struct flow_key *key, __u32 dir, __u64 *slot_id)
{
    if (ip->first && (ip->proto == IPPROTO_TCP || ip->proto == IPPROTO_UDP))
        names_take(ctx, ip, key, slot_id, dir);
}
