// SPDX-License-Identifier: GPL-2.0-only
//
// xdp_drop.bpf.c - the null program: what a packet costs that nobody looks at.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int drop(struct xdp_md *ctx)
{
    (void)ctx;
    return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
