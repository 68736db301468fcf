// SPDX-License-Identifier: GPL-2.0-only
//
// xdpacct.bpf.c - counts every byte that an interface receives for the subscriber it belongs to.
//
// A packet goes through three steps: dissect (dissect.bpf.h) finds the innermost IP packet;
// attribute finds whose it is; the table (table.bpf.h) adds it to its flow. Whatever happens, the
// packet is counted as seen once, and either in a flow or in exactly one other counter; and the
// verdict is the one that the loader set, never anything else.
//
// Most packets are plain ones of flows that are in the table already. count_plain does only these,
// in as few instructions as can be, and before it has changed anything it leaves the rest to
// count_any.

#include "bpf/xdpacct/dissect.bpf.h"
#include "bpf/xdpacct/names.bpf.h"
#include "bpf/xdpacct/plain.bpf.h"
#include "bpf/xdpacct/table.bpf.h"

char LICENSE[] SEC("license") = "GPL";

// --read: length of the frame on the wire, of which the capture may hold less.
volatile __u32 frame_bytes;

static __always_inline __u32 frame_length(struct xdp_md *ctx)
{
    __u32 flags = settings.flags;
    if (flags & SETTING_READING)
        return frame_bytes;
    if (flags & SETTING_FRAGS)
        return bpf_xdp_get_buff_len(ctx);
    return ctx->data_end - ctx->data;
}

static __always_inline __u64 flow_id(__u32 ports, __u32 proto, __u32 encap, __u32 family, bool down)
{
    if (settings.by != BY_FLOW)
        return FLOW_ID(0, 0, 0, encap, family);
    if (down)
        ports = ports >> 16 | ports << 16;
    return FLOW_ID(ports, 0, proto, encap, family);
}

// Both sides ours: counted once, for its source. Returns false if neither is.
static __always_inline bool count_sides(const struct cpu_table *t, bool up, bool down, __u32 bytes)
{
    if (up && down)
        table_count(t, COUNT_LOCAL, 1, bytes);
    else if (!up && !down)
        table_count(t, COUNT_NOT_OURS, 1, bytes);
    return up || down;
}

static __always_inline void account_v4(struct xdp_md *ctx, const struct cpu_table *t,
                                       struct ip_layer *ip, __u32 encap, __u32 bytes)
{
    __u32 src = ip->src[0], dst = ip->dst[0];
    bool up = direction_ours_v4(&settings.ours, src);
    bool down = direction_ours_v4(&settings.ours, dst);
    if (!count_sides(t, up, down, bytes))
        return;
    __u32 sub = up ? src : dst, peer = up ? dst : src;
    if (settings.by == BY_SUBSCRIBER)
        peer = 0;
    struct v4_packet packet = {.id = flow_id(ip->ports, ip->proto, encap, FAMILY_V4, !up),
                               .addrs = V4_ADDRS(sub, peer),
                               .dir = up ? DIR_UP : DIR_DOWN,
                               .bytes = bytes};
    __u64 *slot_id = table_add_v4(t, &packet, &settings);
    if (names_wanted(packet.id, packet.dir, slot_id)) {
        struct flow_key key = {.id = packet.id, .sub = {sub}, .peer = {peer}};
        names_look(ctx, ip, &key, packet.dir, slot_id);
    }
}

static __always_inline void account_v6(struct xdp_md *ctx, const struct cpu_table *t,
                                       struct ip_layer *ip, __u32 encap, __u32 bytes)
{
    bool up = direction_matches_v6(&settings.ours, &ours_trie, ip->src);
    bool down = direction_matches_v6(&settings.ours, &ours_trie, ip->dst);
    if (!count_sides(t, up, down, bytes))
        return;
    struct flow_key key = {.id = flow_id(ip->ports, ip->proto, encap, FAMILY_V6, !up)};
    key.sub[0] = (up ? ip->src[0] : ip->dst[0]) & settings.v6_mask[0];
    key.sub[1] = (up ? ip->src[1] : ip->dst[1]) & settings.v6_mask[1];
    if (settings.by != BY_SUBSCRIBER) {
        key.peer[0] = up ? ip->dst[0] : ip->src[0];
        key.peer[1] = up ? ip->dst[1] : ip->src[1];
    }
    __u32 dir = up ? DIR_UP : DIR_DOWN;
    __u64 *slot_id = table_add_v6(t, &key, dir, bytes, &settings);
    if (names_wanted(key.id, dir, slot_id))
        names_look(ctx, ip, &key, dir, slot_id);
}

// The interface's MTU now. What is longer than it was at the start takes the way through here.
volatile __u32 mtu_now;

// What is told of a packet beside the counter that it is in.
static __always_inline void count_properties(const struct cpu_table *t, __u32 end, __u32 ip_bytes,
                                             __u32 length)
{
    if (end > length)
        table_count(t, COUNT_TRUNCATED, 1, ip_bytes);
    if (ip_bytes > mtu_now)
        table_count(t, COUNT_AGGREGATED, 1, ip_bytes);
}

static __always_inline int count_walk(struct xdp_md *ctx, const struct cpu_table *t, struct walk *w,
                                      __u32 length)
{
    bool frame = settings.flags & SETTING_WIRE_BYTES || w->class == COUNT_NON_IP ||
                 w->class == COUNT_BAD_HEADER;
    __u32 bytes = frame ? length : w->ip.bytes;
    table_count(t, COUNT_SEEN, 1, bytes);
    if (w->class != COUNT_SEEN) {
        __u32 class = w->class;
        // the verifier wants the register checked that is used
        asm volatile("" : "+r"(class));
        if (class < COUNT_TRAFFIC)
            table_count(t, class, 1, bytes);
        return settings.verdict;
    }
    count_properties(t, w->pieces ? 0 : w->ip.start + w->ip.bytes, w->ip.bytes, length);
    if (w->ip.family == FAMILY_V4)
        account_v4(ctx, t, &w->ip, w->encap, bytes);
    else
        account_v6(ctx, t, &w->ip, w->encap, bytes);
    return settings.verdict;
}

// Any packet. A global function, which the verifier checks once and not for every way to get here.
__noinline int count_any(struct xdp_md *ctx)
{
    __u32 length = frame_length(ctx);
    struct cpu_table t;
    if (!table_mine(&t, &settings)) {
        table_count_stray(length);
        return settings.verdict;
    }
    struct walk w = {.class = COUNT_SEEN};
    dissect(ctx, &w);
    return count_walk(ctx, &t, &w, length);
}

// A plain packet of a flow that has a slot. False for any other, of which nothing was counted.
// Inlined once for each direction, which is a constant then.
static __always_inline bool count_known(const volatile struct settings *s, const struct plain *p,
                                        __u32 length, enum direction dir)
{
    struct cpu_table t;
    if (!table_mine(&t, s))
        return false;
    __u32 sub = dir == DIR_UP ? p->src : p->dst, peer = dir == DIR_UP ? p->dst : p->src;
    struct v4_packet packet = {.id = FLOW_ID(0, 0, 0, ENCAP_NONE, FAMILY_V4),
                               .addrs = V4_ADDRS(sub, peer)};
    __u32 by = s->by;
    if (by == BY_SUBSCRIBER)
        packet.addrs = V4_ADDRS(sub, 0);
    if (by == BY_FLOW)
        packet.id = p->id | (dir == DIR_UP ? p->ports : p->ports >> 16 | p->ports << 16);
    struct slot_v4 *slot = table_find_v4(&t, &packet, s, s->names != NAMES_OFF);
    if (!slot || names_wanted(packet.id, dir, &slot->id))
        return false;
    __u32 bytes = s->flags & SETTING_WIRE_BYTES ? length : p->bytes;
    __u64 sum = slot->count[dir] + SLOT_COUNT(1, bytes);
    if (SLOT_BYTES(sum) < bytes)
        return false;
    slot->count[dir] = sum;
    table_count(&t, COUNT_SEEN, 1, bytes);
    if (s->ours.any)
        table_count(&t, COUNT_LOCAL, 1, bytes);
    return true;
}

// Counts a plain packet whose flow has a slot, and says whether it did.
static __always_inline bool count_plain(struct xdp_md *ctx)
{
    const volatile struct settings *s = &settings;
    // kept in a register: clang would load the address again for each setting
    asm volatile("" : "+r"(s));
    struct plain p;
    if (!plain_parse(ctx, s, &p))
        return false;
    __u32 length = s->flags & SETTING_WIRE_BYTES ? frame_length(ctx) : 0;
    if (s->ours.any)
        return count_known(s, &p, length, DIR_UP);
    if (direction_listed_v4(&s->ours, p.src)) {
        KEEP_BRANCH();
        return !direction_listed_v4(&s->ours, p.dst) && count_known(s, &p, length, DIR_UP);
    }
    return direction_listed_v4(&s->ours, p.dst) && count_known(s, &p, length, DIR_DOWN);
}

// What the program does with a packet; tests/bench/ measures it with other beginnings.
static __always_inline int count_packet(struct xdp_md *ctx)
{
    return count_plain(ctx) ? settings.verdict : count_any(ctx);
}

SEC("xdp")
int xdpacct(struct xdp_md *ctx)
{
    return count_packet(ctx);
}
