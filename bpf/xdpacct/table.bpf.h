// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// table.bpf.h - adds a packet to its flow. The layout and the read protocol are told in xdpacct.h.
//
// Why no locks or atomics in the lines: XDP runs with bottom halves off on one CPU, programs of one
// loader never nest, and each CPU has its own table. A flow whose packets arrive on two CPUs has a
// slot in both tables, which user space adds up.
#pragma once

#include "bpf/xdpacct/parse.bpf.h"

// The lines of all tables, made by the loader: as many tables as CPUs and a few spare ones.
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct line);
} lines SEC(".maps");

// The spill maps, and behind them the hash of subscribers of each.
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, 2 * SPILLS);
    __type(key, __u32);
    __type(value, __u32);
} spills SEC(".maps");

volatile __u16 table_of_cpu[CPUS_MAX];
struct table_counters counters[TABLES_MAX];

// Packets on a CPU without a table: seen, and overflow.
struct counter strays;

// The table of this CPU.
struct cpu_table {
    __u32 first; // of its lines
    struct table_counters *counters;
};

static __always_inline bool table_mine(struct cpu_table *t, const volatile struct settings *s)
{
    __u32 cpu = bpf_get_smp_processor_id();
    if (cpu >= CPUS_MAX)
        return false;
    __u32 index = table_of_cpu[cpu & (CPUS_MAX - 1)];
    if (index == CPU_WITHOUT_TABLE)
        return false;
    // masked, because before 6.8 the verifier forgets a comparison of another copy of a value
    index &= TABLES_MAX - 1;
    t->counters = &counters[index];
    t->first = index << s->table_log2;
    return true;
}

static __always_inline void table_count(const struct cpu_table *t, enum traffic_counter which,
                                        __u32 packets, __u64 bytes)
{
    struct counter *c = &t->counters->of[which];
    c->packets += packets;
    c->bytes += bytes;
}

static __always_inline void table_count_stray(__u64 bytes)
{
    __sync_fetch_and_add(&strays.packets, 1);
    __sync_fetch_and_add(&strays.bytes, bytes);
}

static __always_inline struct line *table__line(const struct cpu_table *t, __u32 index)
{
    index += t->first;
    return bpf_map_lookup_elem(&lines, &index);
}

static __always_inline __u32 table__index(__u64 sum, const volatile struct settings *s)
{
    return flow_hash(sum, s->hash_factors[HASH_FACTORS - 1]) >> s->hash_shift;
}

// Not on the stack, of which this is the far end.
static const struct flow_count no_count;

// The entry of the flow in the spill map, made if there is none; NULL if the map is full.
static __always_inline struct flow_count *table__spilled(void *spill, const struct flow_key *key)
{
    struct flow_count *count = bpf_map_lookup_elem(spill, key);
    if (count)
        return count;
    // another CPU may make it at the same time: BPF_NOEXIST keeps its counts
    bpf_map_update_elem(spill, key, &no_count, BPF_NOEXIST);
    return bpf_map_lookup_elem(spill, key);
}

// A function of its own, not inlined: it is rare, and its stack must not weigh on the usual path.
// Returns 0 if there was no room.
static __noinline int table__try_spill(const struct flow_key *key, __u32 dir, __u32 packets,
                                       __u64 bytes, __u32 index)
{
    void *spill = bpf_map_lookup_elem(&spills, &index);
    struct flow_count *count = spill ? table__spilled(spill, key) : NULL;
    if (!count)
        return 0;
    dir &= 1;
    __sync_fetch_and_add(&count->packets[dir], packets);
    __sync_fetch_and_add(&count->bytes[dir], bytes);
    return 1;
}

// What found no room counts for its subscriber, as far as there is room for subscribers. Not
// inlined for the same reason; the return value has no meaning.
static __noinline int table__overflow(const struct flow_key *key, __u32 dir, __u32 packets,
                                      __u64 bytes, __u32 index)
{
    struct flow_key sub = {.id = FLOW_ID(0, 0, 0, 0, FLOW_ID_FAMILY(key->id)),
                           .sub = {key->sub[0], key->sub[1]}};
    return table__try_spill(&sub, dir, packets, bytes, SPILLS + index);
}

static __always_inline void table_spill(const struct cpu_table *t, const struct flow_key *key,
                                        __u32 dir, __u32 packets, __u64 bytes)
{
    __u32 spill = t->counters->spill;
    if (table__try_spill(key, dir, packets, bytes, spill))
        return;
    table_count(t, COUNT_OVERFLOW, packets, bytes);
    table__overflow(key, dir, packets, bytes, spill);
}

// An IPv4 packet to count, in registers: the key is laid out in memory only if it spills.
struct v4_packet {
    __u64 id;
    __u64 addrs;
    __u32 dir, bytes;
};

static __always_inline void table__spill_v4(const struct cpu_table *t, const struct v4_packet *p,
                                            __u32 packets, __u64 bytes)
{
    struct flow_key key = {
        .id = p->id, .sub = {V4_ADDRS_SUB(p->addrs)}, .peer = {V4_ADDRS_PEER(p->addrs)}};
    table_spill(t, &key, p->dir, packets, bytes);
}

// Adds to an IPv4 slot. Before its bytes would wrap, what it holds moves to the spill map.
static __always_inline void slot__add_v4(struct slot_v4 *slot, const struct cpu_table *t,
                                         const struct v4_packet *p)
{
    __u64 count = slot->count[p->dir];
    if (SLOT_BYTES(count) + p->bytes < p->bytes) {
        table__spill_v4(t, p, SLOT_PACKETS(count), SLOT_BYTES(count));
        count = 0;
    }
    slot->count[p->dir] = count + SLOT_COUNT(1, p->bytes);
}

// marked: names.bpf.h may have written above the id.
static __always_inline bool slot__is_v4(const struct slot_v4 *slot, const struct v4_packet *p,
                                        bool marked)
{
    if (slot->addrs != p->addrs)
        return false;
    if (marked)
        return (slot->id ^ p->id) << 8 == 0;
    KEEP_BRANCH();
    return slot->id == p->id;
}

// The flow's slot in this line, taken if one is free; NULL if both are other flows'. A line only
// ever fills up, slot 0 before slot 1, so a free slot means that the flow is not further on.
static __always_inline struct slot_v4 *line__slot_v4(struct line *line, const struct v4_packet *p)
{
    struct slot_v4 *slot = &line->v4[0];
    if (slot__is_v4(slot, p, true))
        return slot;
    if (slot->id) {
        if (FLOW_ID_FAMILY(slot->id) == FAMILY_V6)
            return NULL;
        slot = &line->v4[1];
        if (slot__is_v4(slot, p, true))
            return slot;
        if (slot->id)
            return NULL;
    }
    slot->id = p->id;
    slot->addrs = p->addrs;
    return slot;
}

static __always_inline __u32 table__index_v4(const struct v4_packet *p,
                                             const volatile struct settings *s)
{
    return table__index(p->addrs * s->hash_factors[0] + p->id * s->hash_factors[1], s);
}

// The flow's slot in this line, or NULL.
static __always_inline struct slot_v4 *line__find_v4(struct line *line, const struct v4_packet *p,
                                                     bool marked)
{
    if (slot__is_v4(&line->v4[0], p, marked))
        return &line->v4[0];
    return slot__is_v4(&line->v4[1], p, marked) ? &line->v4[1] : NULL;
}

// The slot of a flow that has one, or NULL. Changes nothing. Most flows have the first slot: where
// not, the branch is mistaken, but doing without one costs every packet more.
static __always_inline struct slot_v4 *table_find_v4(const struct cpu_table *t,
                                                     const struct v4_packet *p,
                                                     const volatile struct settings *s, bool marked)
{
    __u32 index = table__index_v4(p, s);
    struct line *line = table__line(t, index);
    struct slot_v4 *slot = line ? line__find_v4(line, p, marked) : NULL;
    if (slot)
        return slot;
    line = table__line(t, index ^ 1);
    return line ? line__find_v4(line, p, marked) : NULL;
}

// Counts a packet. Returns the first word of its flow's slot, or NULL if it went elsewhere.
static __always_inline __u64 *table_add_v4(const struct cpu_table *t, const struct v4_packet *p,
                                           const volatile struct settings *s)
{
    __u32 index = table__index_v4(p, s);
    struct line *line = table__line(t, index);
    if (!line)
        return NULL;
    struct slot_v4 *slot = line__slot_v4(line, p);
    if (!slot) {
        line = table__line(t, index ^ 1);
        slot = line ? line__slot_v4(line, p) : NULL;
    }
    if (!slot) {
        table__spill_v4(t, p, 1, p->bytes);
        return NULL;
    }
    slot__add_v4(slot, t, p);
    return &slot->id;
}

// Before its packets would wrap, what a slot holds moves to the spill map.
static __always_inline __u64 *line__add_v6(struct line *line, const struct cpu_table *t,
                                           const struct flow_key *key, __u32 dir, __u32 bytes)
{
    struct slot_v6 *slot = &line->v6;
    if (!slot->id) {
        slot->id = key->id;
        slot->sub[0] = key->sub[0];
        slot->sub[1] = key->sub[1];
        slot->peer_net = key->peer[0];
        slot->peer_host = key->peer[1];
    } else if ((slot->id & FLOW_ID_MASK) != key->id || slot->sub[0] != key->sub[0] ||
               slot->sub[1] != key->sub[1] || slot->peer_net != key->peer[0] ||
               slot->peer_host != key->peer[1]) {
        return NULL;
    } else if (slot->packets[dir] == (__u32)-1) {
        table_spill(t, key, dir, slot->packets[dir], slot->bytes[dir]);
        slot->packets[dir] = 0;
        slot->bytes[dir] = 0;
    }
    slot->packets[dir]++;
    slot->bytes[dir] += bytes;
    return &slot->id;
}

static __always_inline __u64 *table_add_v6(const struct cpu_table *t, const struct flow_key *key,
                                           __u32 dir, __u32 bytes,
                                           const volatile struct settings *s)
{
    dir &= 1;
    __u64 sum = key->id * s->hash_factors[1] + key->sub[0] * s->hash_factors[0] +
                key->sub[1] * s->hash_factors[2] + key->peer[0] * s->hash_factors[3] +
                key->peer[1] * s->hash_factors[4];
    __u32 index = table__index(sum, s);
    struct line *line = table__line(t, index);
    __u64 *id = line ? line__add_v6(line, t, key, dir, bytes) : NULL;
    if (id)
        return id;
    line = table__line(t, index ^ 1);
    id = line ? line__add_v6(line, t, key, dir, bytes) : NULL;
    if (!id)
        table_spill(t, key, dir, 1, bytes);
    return id;
}
