// SPDX-License-Identifier: GPL-2.0-only
//
// xdpacct.bpf.c - counts every byte that an interface receives for the subscriber it belongs to.
//
// A packet goes through three steps: dissect (dissect.bpf.h) finds the innermost IP packet;
// attribute finds whose it is; the table (table.bpf.h) adds it to its flow. Whatever happens, the
// packet is counted as seen once, and either in a flow or in exactly one other counter; and the
// verdict is the one that the loader set, never anything else.

#include "bpf/xdpacct/dissect.bpf.h"
#include "bpf/xdpacct/names.bpf.h"
#include "bpf/xdpacct/table.bpf.h"

char LICENSE[] SEC("license") = "GPL";

// --read: length of the frame on the wire, of which the capture may hold less.
volatile __u32 frame_bytes;

static __always_inline __u32 frame_length(struct xdp_md *ctx)
{
    if (settings.reading)
        return frame_bytes;
    if (settings.frags)
        return bpf_xdp_get_buff_len(ctx);
    return ctx->data_end - ctx->data;
}

// The flow's key for a packet that goes to the subscriber (down) or comes from it.
static __always_inline void attribute(const struct ip_layer *ip, __u32 encap, bool down,
                                      struct flow_key *key)
{
    __u32 ports = down ? ip->ports >> 16 | ip->ports << 16 : ip->ports;
    key->sub[0] = down ? ip->dst[0] : ip->src[0];
    key->sub[1] = down ? ip->dst[1] : ip->src[1];
    key->peer[0] = down ? ip->src[0] : ip->dst[0];
    key->peer[1] = down ? ip->src[1] : ip->dst[1];
    if (ip->family == FAMILY_V6) {
        key->sub[0] &= settings.v6_mask[0];
        key->sub[1] &= settings.v6_mask[1];
    }
    if (settings.by == BY_FLOW) {
        key->id = FLOW_ID(ports & 0xffff, ports >> 16, ip->proto, encap, ip->family);
        return;
    }
    key->id = FLOW_ID(0, 0, 0, encap, ip->family);
    if (settings.by == BY_SUBSCRIBER)
        key->peer[0] = key->peer[1] = 0;
}

// What is told of a packet beside the counter that it is in.
static __always_inline void count_properties(void *table, const struct walk *w, __u32 length)
{
    if (w->ip.start + w->ip.bytes > length && !w->pieces)
        table_count(table, COUNT_TRUNCATED, 1, w->ip.bytes);
    if (w->ip.bytes > settings.mtu)
        table_count(table, COUNT_AGGREGATED, 1, w->ip.bytes);
}

static __always_inline void account(struct xdp_md *ctx, void *table, struct ip_layer *ip,
                                    __u32 encap, __u32 bytes)
{
    bool up = direction_matches(&settings.ours, &ours_trie, ip->family, ip->src);
    bool down = direction_matches(&settings.ours, &ours_trie, ip->family, ip->dst);
    if (!up && !down) {
        table_count(table, COUNT_NOT_OURS, 1, bytes);
        return;
    }
    if (up && down)
        table_count(table, COUNT_LOCAL, 1, bytes);
    struct flow_key key;
    attribute(ip, encap, !up, &key);
    __u32 dir = up ? DIR_UP : DIR_DOWN;
    __u64 *slot_id;
    if (ip->family == FAMILY_V4)
        slot_id = table_add_v4(table, &key, dir, bytes, &settings);
    else
        slot_id = table_add_v6(table, &key, dir, bytes, &settings);
    if (settings.names)
        names_look(ctx, ip, &key, dir, slot_id);
}

SEC("xdp")
int xdpacct(struct xdp_md *ctx)
{
    struct walk w = {.class = COUNT_SEEN};
    dissect(ctx, &w);

    __u32 length = frame_length(ctx);
    bool frame = settings.wire_bytes || w.class == COUNT_NON_IP || w.class == COUNT_BAD_HEADER;
    __u32 bytes = frame ? length : w.ip.bytes;
    void *table = table_mine();
    if (!table) {
        table_count_stray(bytes);
        return settings.verdict;
    }
    table_count(table, COUNT_SEEN, 1, bytes);
    if (w.class != COUNT_SEEN) {
        table_count(table, w.class, 1, bytes);
        return settings.verdict;
    }
    count_properties(table, &w, length);
    account(ctx, table, &w.ip, w.encap, bytes);
    return settings.verdict;
}
