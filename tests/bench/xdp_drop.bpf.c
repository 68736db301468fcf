// SPDX-License-Identifier: GPL-2.0-only
//
// xdp_drop.bpf.c - two programs that count nothing: what a packet costs that nobody looks at, and
// one of which somebody read an address. The sender's CPU has just written it, so the first reading
// fetches it from that CPU's cache.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int drop(struct xdp_md *ctx)
{
    (void)ctx;
    return XDP_DROP;
}

__u32 last_source;

SEC("xdp.read")
int read_and_drop(struct xdp_md *ctx)
{
    struct iphdr *h = (void *)(long)ctx->data + sizeof(struct ethhdr);
    if ((void *)(h + 1) > (void *)(long)ctx->data_end)
        return XDP_ABORTED;
    last_source = h->saddr;
    return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
