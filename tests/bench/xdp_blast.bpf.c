// SPDX-License-Identifier: GPL-2.0-only
//
// xdp_blast.bpf.c - makes each run of a live-frames test a packet of another flow and sends it out
// of an interface.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 flows = 1;
const volatile __u32 ifindex = 0;
const volatile __u64 gap_ns = 0; // between packets; 0: as fast as can be

__u32 at;
__u64 next_ns;

// Waits until the next packet is due. Bounded, so that the verifier sees an end to it.
static __always_inline void wait_for_turn(void)
{
    __u64 now = bpf_ktime_get_ns();
    for (int i = 0; i < 1000 && now < next_ns; i++)
        now = bpf_ktime_get_ns();
    // a late packet does not make the next ones early
    next_ns = (now > next_ns + gap_ns ? now : next_ns) + gap_ns;
}

SEC("xdp")
int blast(struct xdp_md *ctx)
{
    __u32 *addr = (void *)(long)ctx->data + sizeof(struct ethhdr) + offsetof(struct iphdr, saddr);
    if ((void *)(addr + 1) > (void *)(long)ctx->data_end)
        return XDP_ABORTED;
    if (gap_ns)
        wait_for_turn();
    // a step that has no factor in common with the number of flows visits them all, in no simple
    // order
    *addr = bpf_htonl(10u << 24 | (__u32)(at % flows));
    at += 7919;
    return bpf_redirect(ifindex, 0);
}

char LICENSE[] SEC("license") = "GPL";
