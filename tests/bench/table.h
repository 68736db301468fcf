// SPDX-License-Identifier: Apache-2.0
//
// table.h - what the comparison programs of `make bench-helper` do with a parsed line: the same
// sums in the same kind of table as the reports keep. C and C++.
#pragma once

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __cplusplus
extern "C" {
#endif
#include "helper/aggregate/keymap.h"
#ifdef __cplusplus
}
#endif

enum { TABLE_KEY_MAX = 64, TABLE_SUMS = 4, TABLE_BUCKETS = 2048 };

// Heartbeats: count, sum, smallest, largest RTT by peer, and their histogram. Flows: bytes and
// packets up and down by subscriber and name.
struct table_cell {
    uint64_t sums[TABLE_SUMS];
    uint32_t *histogram;
};

struct table {
    struct keymap *map;
    uint64_t lines;
};

static inline void table_open(struct table *t)
{
    t->map = keymap_new(TABLE_KEY_MAX, sizeof(struct table_cell), 10000000);
    t->lines = 0;
    if (!t->map)
        exit(1);
}

static inline struct table_cell *table_cell_of(struct table *t, const char *a, size_t a_len,
                                               const char *b, size_t b_len)
{
    char key[TABLE_KEY_MAX] = {0};
    if (a_len + b_len + 2 > sizeof(key))
        exit(1);
    memcpy(key, a, a_len);
    if (b_len) {
        key[a_len] = '\t';
        memcpy(key + a_len + 1, b, b_len);
    }
    t->lines++;
    struct table_cell *cell =
        (struct table_cell *)keymap_cell(t->map, key, keymap_hash(t->map, key));
    if (!cell)
        exit(1);
    return cell;
}

static inline void table_add_heartbeat(struct table *t, const char *raddr, size_t len,
                                       uint64_t rtt_ns)
{
    struct table_cell *c = table_cell_of(t, raddr, len, NULL, 0);
    if (!c->histogram)
        c->histogram = (uint32_t *)calloc(TABLE_BUCKETS, sizeof(*c->histogram));
    unsigned shift = rtt_ns < 128 ? 0 : 57u - (unsigned)__builtin_clzll(rtt_ns);
    uint64_t bucket = ((uint64_t)shift << 6) + (rtt_ns >> shift);
    if (!c->histogram || bucket >= TABLE_BUCKETS)
        exit(1);
    c->histogram[bucket]++;
    if (c->sums[0]++ == 0 || rtt_ns < c->sums[2])
        c->sums[2] = rtt_ns;
    c->sums[1] += rtt_ns;
    if (rtt_ns > c->sums[3])
        c->sums[3] = rtt_ns;
}

static inline void table_add_flow(struct table *t, const char *sub, size_t sub_len,
                                  const char *name, size_t name_len,
                                  const uint64_t values[TABLE_SUMS])
{
    struct table_cell *c = table_cell_of(t, sub, sub_len, name, name_len);
    for (int i = 0; i < TABLE_SUMS; i++)
        c->sums[i] += values[i];
}

static inline void table_print(const struct table *t)
{
    for (size_t i = 0; i < keymap_count(t->map); i++) {
        const struct table_cell *c = (const struct table_cell *)keymap_cell_at(t->map, i);
        printf("%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n",
               (const char *)keymap_key_at(t->map, i), c->sums[0], c->sums[1], c->sums[2],
               c->sums[3]);
    }
}
