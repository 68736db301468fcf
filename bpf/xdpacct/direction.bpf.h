// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// direction.bpf.h - whose address is it: --ours and --outer-src.
//
// The kernel's LPM trie costs some 30 ns a lookup and every packet needs two, so up to
// PREFIXES_INLINE prefixes of a family are compared one by one (about 1 ns each); the verifier
// drops the comparisons that are not used. Longer lists go to the trie as a whole, but the IPv4
// prefixes of --ours to pages, by which an address is decided in one to four steps.
#pragma once

#include "bpf/xdpacct/parse.bpf.h"

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 65536);
    __type(key, struct prefix_trie_key);
    __type(value, __u8);
} ours_trie SEC(".maps"), outer_src_trie SEC(".maps");

static __always_inline bool direction__in_list_v4(const volatile struct prefixes *p, __u32 addr)
{
    __u32 count = p->v4_count;
#pragma unroll
    for (__u32 i = 0; i < PREFIXES_INLINE; i++)
        if (i < count && (addr & p->v4[i].mask) == p->v4[i].net)
            return true;
    return false;
}

static __always_inline bool direction__in_list_v6(const volatile struct prefixes *p,
                                                  const __u64 addr[2])
{
    __u32 count = p->v6_count;
#pragma unroll
    for (__u32 i = 0; i < PREFIXES_INLINE; i++)
        if (i < count && (addr[0] & p->v6[i].mask[0]) == p->v6[i].net[0] &&
            (addr[1] & p->v6[i].mask[1]) == p->v6[i].net[1])
            return true;
    return false;
}

// Whether addr is in the list, or the list was not given at all.
static __always_inline bool direction_matches_v4(const volatile struct prefixes *p, void *trie,
                                                 __u32 addr)
{
    if (p->any)
        return true;
    if (!p->use_trie)
        return direction__in_list_v4(p, addr);
    struct prefix_trie_key key = {.bits = 128, .addr = {[10] = 0xff, [11] = 0xff}};
    __builtin_memcpy(key.addr + 12, &addr, sizeof(addr));
    return bpf_map_lookup_elem(trie, &key) != NULL;
}

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct prefix_page);
} ours_pages SEC(".maps");

// Not inlined: the key on its stack must not weigh on the usual path.
static __noinline int direction__in_pages(__u32 addr)
{
    __u32 index = 0;
    addr = bpf_ntohl(addr);
    for (int shift = 24; shift >= 0; shift -= 8) {
        struct prefix_page *page = bpf_map_lookup_elem(&ours_pages, &index);
        if (!page)
            return 0;
        __u32 next = page->of[addr >> shift & 0xff];
        if (next < PAGE_FIRST)
            return next == PAGE_ALL;
        index = next - PAGE_FIRST;
    }
    return 0;
}

// Whether addr is in --ours, which was given.
static __always_inline bool direction_listed_v4(const volatile struct prefixes *ours, __u32 addr)
{
    if (ours->use_trie)
        return direction__in_pages(addr);
    return direction__in_list_v4(ours, addr);
}

static __always_inline bool direction_ours_v4(const volatile struct prefixes *ours, __u32 addr)
{
    return ours->any || direction_listed_v4(ours, addr);
}

static __always_inline bool direction_matches_v6(const volatile struct prefixes *p, void *trie,
                                                 const __u64 addr[2])
{
    if (p->any)
        return true;
    if (!p->use_trie)
        return direction__in_list_v6(p, addr);
    struct prefix_trie_key key = {.bits = 128};
    __builtin_memcpy(key.addr, addr, sizeof(key.addr));
    return bpf_map_lookup_elem(trie, &key) != NULL;
}
