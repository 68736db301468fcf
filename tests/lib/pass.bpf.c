// SPDX-License-Identifier: GPL-2.0-only
//
// pass.bpf.c - an XDP program that lets everything pass, as another tool of the host may have one.

#define SECTION(name) __attribute__((section(name), used))

SECTION("xdp") int pass(void *packet)
{
    (void)packet;
    return 2; // XDP_PASS
}

SECTION("license") char licence[] = "GPL";
