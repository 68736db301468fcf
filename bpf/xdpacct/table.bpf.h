// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// table.bpf.h - adds a packet to its flow. The layout and the read protocol are told in xdpacct.h.
//
// Why no locks or atomics in the lines: XDP runs with bottom halves off on one CPU, programs of one
// loader never nest, and each CPU has its own table. A flow whose packets arrive on two CPUs has a
// slot in both tables, which user space adds up.
#pragma once

#include "bpf/xdpacct/parse.bpf.h"

// Tables of lines, made by the loader: as many as CPUs and a few spare ones.
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} tables SEC(".maps");

// The spill map in use: entry 0.
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} spills SEC(".maps");

volatile __u16 table_of_cpu[CPUS_MAX];

// Packets on a CPU without a table: seen, and overflow.
struct counter strays;

static __always_inline void *table_mine(void)
{
    __u32 cpu = bpf_get_smp_processor_id();
    if (cpu >= CPUS_MAX)
        return NULL;
    __u32 index = table_of_cpu[cpu];
    return bpf_map_lookup_elem(&tables, &index);
}

static __always_inline void table_count(void *table, __u32 counter, __u32 packets, __u64 bytes)
{
    __u32 index = counter / COUNTERS_PER_LINE;
    struct line *line = bpf_map_lookup_elem(table, &index);
    if (!line)
        return;
    struct counter *c = &line->counters[counter % COUNTERS_PER_LINE];
    c->packets += packets;
    c->bytes += bytes;
}

static __always_inline void table_count_stray(__u64 bytes)
{
    __sync_fetch_and_add(&strays.packets, 1);
    __sync_fetch_and_add(&strays.bytes, bytes);
}

static __always_inline struct line *table__line(void *table, __u32 hash, __u32 mask,
                                                __u32 neighbour)
{
    __u32 index = TABLE_HEAD_LINES + ((hash & mask) ^ neighbour);
    return bpf_map_lookup_elem(table, &index);
}

// The entry of the flow in the spill map, made if there is none; NULL if the map is full.
static __always_inline struct flow_count *table__spilled(void *spill, const struct flow_key *key)
{
    struct flow_count *count = bpf_map_lookup_elem(spill, key);
    if (count)
        return count;
    struct flow_count zero = {};
    // another CPU may make it at the same time: BPF_NOEXIST keeps its counts
    bpf_map_update_elem(spill, key, &zero, BPF_NOEXIST);
    return bpf_map_lookup_elem(spill, key);
}

// A function of its own, not inlined: it is rare, and its stack must not weigh on the usual path.
static __noinline int table_spill(void *table, const struct flow_key *key, __u32 dir, __u32 packets,
                                  __u64 bytes)
{
    __u32 zero = 0;
    void *spill = bpf_map_lookup_elem(&spills, &zero);
    struct flow_count *count = spill ? table__spilled(spill, key) : NULL;
    if (!count) {
        table_count(table, COUNT_OVERFLOW, packets, bytes);
        return 0;
    }
    dir &= 1;
    __sync_fetch_and_add(&count->packets[dir], packets);
    __sync_fetch_and_add(&count->bytes[dir], bytes);
    return 0;
}

static __always_inline __u32 table__hash(__u64 h)
{
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93ull;
    h ^= h >> 32;
    return h;
}

// Adds to an IPv4 slot. bytes is 32 bits wide: before it would wrap, its sum moves to the spill
// map.
static __always_inline void slot__add_v4(struct slot_v4 *slot, void *table,
                                         const struct flow_key *key, __u32 dir, __u32 bytes)
{
    __u32 sum = slot->bytes[dir] + bytes;
    if (sum < bytes) {
        table_spill(table, key, dir, 0, slot->bytes[dir]);
        sum = bytes;
    }
    slot->bytes[dir] = sum;
    slot->packets[dir]++;
}

static __always_inline bool slot__is_v4(const struct slot_v4 *slot, const struct flow_key *key)
{
    return (slot->id & FLOW_ID_MASK) == key->id && slot->sub == (__u32)key->sub[0] &&
           slot->peer == (__u32)key->peer[0];
}

// The first word of the slot if the packet is counted here, or NULL. A line only ever fills up,
// slot 0 before slot 1, so a free slot means that the flow is not further on.
static __always_inline __u64 *line__add_v4(struct line *line, void *table,
                                           const struct flow_key *key, __u32 dir, __u32 bytes)
{
    if (FLOW_ID_FAMILY(line->v4[0].id) == FAMILY_V6)
        return NULL;
#pragma unroll
    for (int i = 0; i < 2; i++) {
        struct slot_v4 *slot = &line->v4[i];
        if (!slot->id) {
            slot->id = key->id;
            slot->sub = key->sub[0];
            slot->peer = key->peer[0];
        } else if (!slot__is_v4(slot, key)) {
            continue;
        }
        slot__add_v4(slot, table, key, dir, bytes);
        return &slot->id;
    }
    return NULL;
}

static __always_inline __u64 *line__add_v6(struct line *line, const struct flow_key *key, __u32 dir,
                                           __u32 bytes)
{
    struct slot_v6 *slot = &line->v6;
    if (!slot->id) {
        slot->id = key->id;
        slot->sub[0] = key->sub[0];
        slot->sub[1] = key->sub[1];
        slot->peer[0] = key->peer[0];
        slot->peer[1] = key->peer[1];
    } else if ((slot->id & FLOW_ID_MASK) != key->id || slot->sub[0] != key->sub[0] ||
               slot->sub[1] != key->sub[1] || slot->peer[0] != key->peer[0] ||
               slot->peer[1] != key->peer[1]) {
        return NULL;
    }
    slot->packets[dir]++;
    slot->bytes[dir] += bytes;
    return &slot->id;
}

// Counts a packet. Returns the first word of its flow's slot, or NULL if it went elsewhere.
static __always_inline __u64 *table_add_v4(void *table, const struct flow_key *key, __u32 dir,
                                           __u32 bytes, const volatile struct settings *s)
{
    dir &= 1;
    __u32 hash = table__hash((key->sub[0] << 32 | (__u32)key->peer[0]) * 0x9e3779b97f4a7c15ull ^
                             key->id ^ s->hash_seed);
    struct line *line = table__line(table, hash, s->line_mask, 0);
    __u64 *id = line ? line__add_v4(line, table, key, dir, bytes) : NULL;
    if (id)
        return id;
    line = table__line(table, hash, s->line_mask, 1);
    id = line ? line__add_v4(line, table, key, dir, bytes) : NULL;
    if (id)
        return id;
    table_spill(table, key, dir, 1, bytes);
    return NULL;
}

static __always_inline __u64 *table_add_v6(void *table, const struct flow_key *key, __u32 dir,
                                           __u32 bytes, const volatile struct settings *s)
{
    dir &= 1;
    __u64 h = (key->sub[0] ^ s->hash_seed) * 0x9e3779b97f4a7c15ull;
    h = (h ^ h >> 32 ^ key->sub[1]) * 0xbf58476d1ce4e5b9ull;
    h = (h ^ h >> 32 ^ key->peer[0]) * 0x94d049bb133111ebull;
    h = (h ^ h >> 32 ^ key->peer[1]) * 0x9e3779b97f4a7c15ull;
    __u32 hash = table__hash(h ^ key->id);
    struct line *line = table__line(table, hash, s->line_mask, 0);
    __u64 *id = line ? line__add_v6(line, key, dir, bytes) : NULL;
    if (id)
        return id;
    line = table__line(table, hash, s->line_mask, 1);
    id = line ? line__add_v6(line, key, dir, bytes) : NULL;
    if (id)
        return id;
    table_spill(table, key, dir, 1, bytes);
    return NULL;
}
