// SPDX-License-Identifier: GPL-2.0-only
//
// xdp_testrun.bpf.c - the accounting program and what it is compared with, behind a beginning that
// makes each run a packet of another flow.

#include "bpf/xdpacct/xdpacct.bpf.c"

enum { FLOW_IDS = 1 << 20 };

// Flow numbers in the order in which they are visited; user space fills it.
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, FLOW_IDS);
    __type(key, __u32);
    __type(value, __u32);
} flow_ids SEC(".maps");

// The usual way to count: a preallocated hash of 5-tuples with atomic adds.
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1 << 21);
    __type(key, struct flow_key);
    __type(value, struct counter);
} stock SEC(".maps");

__u32 flow_at;

// Writes the next flow's number into the source address. False never happens; the verifier does not
// know.
static __always_inline bool next_flow(struct xdp_md *ctx)
{
    __u32 *addr = (void *)(long)ctx->data + sizeof(struct ethhdr) + offsetof(struct iphdr, saddr);
    if ((void *)(addr + 1) > (void *)(long)ctx->data_end)
        return false;
    __u32 at = flow_at++ & (FLOW_IDS - 1);
    __u32 *id = bpf_map_lookup_elem(&flow_ids, &at);
    if (!id)
        return false;
    *addr = bpf_htonl(10u << 24 | *id);
    return true;
}

SEC("xdp")
int bench_null(struct xdp_md *ctx)
{
    (void)ctx;
    return settings.verdict;
}

SEC("xdp")
int bench_own(struct xdp_md *ctx)
{
    return next_flow(ctx) ? count_packet(ctx) : XDP_ABORTED;
}

SEC("xdp")
int bench_parse(struct xdp_md *ctx)
{
    struct plain p;
    return next_flow(ctx) && plain_parse(ctx, &settings, &p) && p.bytes ? settings.verdict
                                                                        : XDP_ABORTED;
}

static __always_inline void stock_add(const struct flow_key *key, __u32 bytes)
{
    struct counter *c = bpf_map_lookup_elem(&stock, key);
    if (!c) {
        struct counter zero = {};
        bpf_map_update_elem(&stock, key, &zero, BPF_NOEXIST);
        c = bpf_map_lookup_elem(&stock, key);
        if (!c)
            return;
    }
    __sync_fetch_and_add(&c->packets, 1);
    __sync_fetch_and_add(&c->bytes, bytes);
}

SEC("xdp")
int bench_stock(struct xdp_md *ctx)
{
    struct plain p;
    if (!next_flow(ctx) || !plain_parse(ctx, &settings, &p))
        return XDP_ABORTED;
    bool up = direction_ours_v4(&settings.ours, p.src);
    struct flow_key key = {.id = p.id | (up ? p.ports : p.ports >> 16 | p.ports << 16),
                           .sub = {up ? p.src : p.dst},
                           .peer = {up ? p.dst : p.src}};
    stock_add(&key, p.bytes);
    return settings.verdict;
}
