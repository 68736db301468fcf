// SPDX-License-Identifier: Apache-2.0
//
// rtt_timeline.c - the rtt report as series over time, for plots: a row for each path and window.

#include "helper/aggregate/rtt.h"

#include <stdlib.h>

static const struct column columns[] = {
    {"window_us", "TIME", UNIT_US, COLUMN_TIME},
    {"host", "HOST", UNIT_NONE, COLUMN_LABEL | COLUMN_WIDE},
    {"netns", "NETNS", UNIT_ID, COLUMN_LABEL | COLUMN_WIDE},
    {"assoc_id", "ASSOC", UNIT_ID, COLUMN_LABEL | COLUMN_WIDE},
    {"lport", "LPORT", UNIT_PORT, COLUMN_LABEL | COLUMN_WIDE},
    {"raddr", "PEER", UNIT_NONE, COLUMN_LABEL},
    {"rport", "PORT", UNIT_PORT, COLUMN_LABEL},
    {"sent", "SENT", UNIT_COUNT, COLUMN_COUNTER},
    {"acked", "ACKED", UNIT_COUNT, COLUMN_COUNTER},
    {"missed", "MISSED", UNIT_COUNT, COLUMN_COUNTER | COLUMN_MARK},
    {"late", "LATE", UNIT_COUNT, COLUMN_COUNTER | COLUMN_MARK},
    {"p50_ns", "P50", UNIT_NS, COLUMN_LINE},
    {"p99_ns", "P99", UNIT_NS, COLUMN_BAND},
    {"max_ns", "MAX", UNIT_NS, 0},
};

struct point {
    uint32_t rank; // of the path in the report
    size_t cell;   // in rtt->paths
    uint64_t window_us;
};

static int compare_points(const void *a, const void *b)
{
    const struct point *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return (x->window_us > y->window_us) - (x->window_us < y->window_us);
}

// From the key of a path without its window to its rank from 1.
static struct keymap *rank_paths(const struct rtt_judged *judged, size_t count)
{
    struct keymap *ranks = keymap_new(sizeof(struct rtt_path_key), sizeof(uint32_t), count + 1);
    for (size_t i = 0; ranks && i < count; i++) {
        uint32_t *rank = keymap_cell(ranks, &judged[i].key, keymap_hash(ranks, &judged[i].key));
        if (rank)
            *rank = (uint32_t)i + 1;
    }
    return ranks;
}

static void add_point(const struct rtt *rtt, size_t index, struct table *t)
{
    const struct rtt_path_key *key = keymap_key_at(rtt->paths, index);
    const struct rtt_path *p = keymap_cell_at(rtt->paths, index);
    struct cell *c = table_add_row(t);
    if (!c)
        return;
    *c++ = cell_u64(key->window_us);
    *c++ = cell_text(intern_text(rtt->words, key->host));
    *c++ = cell_u64(key->netns);
    *c++ = cell_u64(key->assoc_id);
    *c++ = cell_u64(key->lport);
    *c++ = cell_ip(t, key->raddr);
    *c++ = cell_u64(key->rport);
    *c++ = cell_u64(p->sent);
    *c++ = cell_u64(p->acked);
    *c++ = cell_u64(p->missed);
    *c++ = cell_u64(p->late);
    if (p->rtt.total == 0)
        return;
    *c++ = cell_u64(rtt_path_quantile_ns(p, 500000));
    *c++ = cell_u64(rtt_path_quantile_ns(p, 990000));
    *c++ = cell_u64(p->max_ns);
}

// The points that have a time: a summary without windows has none. Returns how many there are.
static size_t collect(const struct rtt *rtt, const struct keymap *ranks, struct point *points)
{
    size_t count = 0;
    for (size_t i = 0; i < keymap_count(rtt->paths); i++) {
        struct rtt_path_key key = *(const struct rtt_path_key *)keymap_key_at(rtt->paths, i);
        uint64_t window_us = key.window_us;
        key.window_us = 0;
        const uint32_t *rank = keymap_find(ranks, &key);
        if (window_us && rank)
            points[count++] = (struct point){*rank, i, window_us};
    }
    return count;
}

void rtt_timeline(const struct rtt *rtt, const struct rtt_judged *judged, size_t count,
                  struct report *report)
{
    struct table *t = report_add_section(report, "timeline", "Round-trip time");
    if (!t)
        return;
    t->plot_only = true;
    t->window_us = rtt->windows.length_us;
    table_add_columns(t, columns, sizeof(columns) / sizeof(*columns));
    struct keymap *ranks = rank_paths(judged, count);
    struct point *points = calloc(keymap_count(rtt->paths) + 1, sizeof(*points));
    if (ranks && points) {
        size_t found = collect(rtt, ranks, points);
        qsort(points, found, sizeof(*points), compare_points);
        for (size_t i = 0; i < found; i++)
            add_point(rtt, points[i].cell, t);
    }
    free(points);
    keymap_free(ranks);
}
