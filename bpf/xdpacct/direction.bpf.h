// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// direction.bpf.h - whose address is it: --ours and --outer-src.
//
// The kernel's LPM trie costs some 30 ns a lookup and every packet needs two, so up to
// PREFIXES_INLINE prefixes of a family are compared one by one (about 1 ns each); the verifier
// drops the comparisons that are not used. Longer lists go to the trie as a whole.
#pragma once

#include "bpf/xdpacct/parse.bpf.h"

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 65536);
    __type(key, struct prefix_trie_key);
    __type(value, __u8);
} ours_trie SEC(".maps"), outer_src_trie SEC(".maps");

static __always_inline bool direction__in_trie(void *trie, __u32 family, const __u64 addr[2])
{
    struct prefix_trie_key key = {.bits = 128};
    if (family == FAMILY_V4) {
        __u32 v4 = addr[0];
        key.addr[10] = key.addr[11] = 0xff;
        __builtin_memcpy(key.addr + 12, &v4, 4);
    } else {
        __builtin_memcpy(key.addr, addr, 16);
    }
    return bpf_map_lookup_elem(trie, &key) != NULL;
}

static __always_inline bool direction__in_list(const volatile struct prefixes *p, __u32 family,
                                               const __u64 addr[2])
{
    if (family == FAMILY_V4) {
#pragma unroll
        for (__u32 i = 0; i < PREFIXES_INLINE; i++)
            if (i < p->v4_count && ((__u32)addr[0] & p->v4[i].mask) == p->v4[i].net)
                return true;
        return false;
    }
#pragma unroll
    for (__u32 i = 0; i < PREFIXES_INLINE; i++)
        if (i < p->v6_count && (addr[0] & p->v6[i].mask[0]) == p->v6[i].net[0] &&
            (addr[1] & p->v6[i].mask[1]) == p->v6[i].net[1])
            return true;
    return false;
}

// Whether addr is in the list (or the list was not given at all).
static __always_inline bool direction_matches(const volatile struct prefixes *p, void *trie,
                                              __u32 family, const __u64 addr[2])
{
    if (p->any)
        return true;
    if (p->use_trie)
        return direction__in_trie(trie, family, addr);
    return direction__in_list(p, family, addr);
}
