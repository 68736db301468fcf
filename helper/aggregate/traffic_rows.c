// SPDX-License-Identifier: Apache-2.0
//
// traffic_rows.c - the rows of the traffic report, what became of all packets, and the check.

#include "helper/aggregate/traffic.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct column values[] = {
    {"bytes_up", "UP", UNIT_BYTES, COLUMN_COUNTER},
    {"bytes_down", "DOWN", UNIT_BYTES, COLUMN_COUNTER},
    {"packets_up", "PACKETS UP", UNIT_PACKETS, COLUMN_COUNTER},
    {"packets_down", "PACKETS DOWN", UNIT_PACKETS, COLUMN_COUNTER},
    {"bytes_per_s", "PER SECOND", UNIT_BYTES, COLUMN_SPARE},
};

static uint64_t volume(const struct traffic_cell *c)
{
    return c->bytes_up + c->bytes_down;
}

// Largest first; equal ones in an order that does not depend on the input's.
static int compare_rows(const void *a, const void *b)
{
    const struct traffic_row *x = a, *y = b;
    if (volume(&x->cell) != volume(&y->cell))
        return volume(&x->cell) > volume(&y->cell) ? -1 : 1;
    int subs = memcmp(&x->key.sub, &y->key.sub, sizeof(x->key.sub));
    int peers = memcmp(&x->key.peer, &y->key.peer, sizeof(x->key.peer));
    if (subs || peers)
        return subs ? subs : peers;
    if (x->key.peer_port != y->key.peer_port)
        return x->key.peer_port < y->key.peer_port ? -1 : 1;
    return (x->key.proto > y->key.proto) - (x->key.proto < y->key.proto);
}

// The cells over all windows.
static struct traffic_row *sum_windows(const struct traffic *t, size_t *count)
{
    size_t cells = keymap_count(t->cells);
    struct keymap *merged =
        keymap_new(sizeof(struct traffic_key), sizeof(struct traffic_cell), cells + 1);
    for (size_t i = 0; merged && i < cells; i++) {
        struct traffic_key key = *(const struct traffic_key *)keymap_key_at(t->cells, i);
        key.window_us = 0;
        struct traffic_cell *to = keymap_cell(merged, &key, keymap_hash(merged, &key));
        if (to)
            traffic_cell_add(to, keymap_cell_at(t->cells, i));
    }
    size_t n = merged ? keymap_count(merged) : 0;
    struct traffic_row *rows = calloc(n + 1, sizeof(*rows));
    *count = 0;
    for (size_t i = 0; rows && i < n; i++) {
        const struct traffic_cell *cell = keymap_cell_at(merged, i);
        if (!traffic_cell_is_empty(cell)) // all of it moved to a name
            rows[(*count)++] =
                (struct traffic_row){*(const struct traffic_key *)keymap_key_at(merged, i), *cell};
    }
    keymap_free(merged);
    if (rows)
        qsort(rows, *count, sizeof(*rows), compare_rows);
    return rows;
}

// From the start of the first interval to the end of the last.
static uint64_t duration_us(const struct traffic *t)
{
    uint64_t from_us = UINT64_MAX, to_us = 0;
    for (size_t i = 0; i < keymap_count(t->totals); i++) {
        const struct totals_cell *cell = keymap_cell_at(t->totals, i);
        from_us = cell->from_us < from_us ? cell->from_us : from_us;
        to_us = cell->to_us > to_us ? cell->to_us : to_us;
    }
    return to_us > from_us ? to_us - from_us : 0;
}

static void fill_values(struct cell *c, const struct traffic_cell *cell, uint64_t duration)
{
    *c++ = cell_u64(cell->bytes_up);
    *c++ = cell_u64(cell->bytes_down);
    *c++ = cell_u64(cell->packets_up);
    *c++ = cell_u64(cell->packets_down);
    if (duration)
        *c = cell_u64((uint64_t)((unsigned __int128)volume(cell) * 1000000 / duration));
}

static void fill_other(struct table *table, size_t keys, const struct traffic_cell *other,
                       uint64_t duration)
{
    struct cell *c = traffic_cell_is_empty(other) ? NULL : table_add_row(table);
    if (!c)
        return;
    if (keys)
        c[0] = cell_text(TEXT_LITERAL("other"));
    fill_values(c + keys, other, duration);
}

static void note_totals(const struct traffic *t, struct report *report)
{
    static const char *const names[TOTALS] = {
        [TOTAL_SEEN] = "seen",
        [TOTAL_ACCOUNTED] = "accounted",
        [TOTAL_OVERFLOW] = "overflow",
        [TOTAL_NOT_OURS] = "not ours",
        [TOTAL_NON_IP] = "not IP",
        [TOTAL_BAD_HEADER] = "bad header",
        [TOTAL_OUTER_FRAGMENTS] = "outer fragments",
        [TOTAL_REJECTED_OUTER] = "rejected outer",
    };
    struct totals_cell sum = {0};
    for (size_t i = 0; i < keymap_count(t->totals); i++) {
        const struct totals_cell *cell = keymap_cell_at(t->totals, i);
        for (int c = 0; c < TOTALS; c++) {
            sum.packets[c] += cell->packets[c];
            sum.bytes[c] += cell->bytes[c];
        }
    }
    if (!keymap_count(t->totals))
        return;
    for (int c = 0; c < TOTALS; c++)
        if (sum.packets[c] || c <= TOTAL_ACCOUNTED)
            report_note(report, "%s: %" PRIu64 " packets, %" PRIu64 " bytes\n", names[c],
                        sum.packets[c], sum.bytes[c]);
    uint64_t packets = 0, bytes = 0;
    for (int c = TOTAL_ACCOUNTED; c < TOTALS; c++) {
        packets += sum.packets[c];
        bytes += sum.bytes[c];
    }
    if (packets != sum.packets[TOTAL_SEEN] || bytes != sum.bytes[TOTAL_SEEN])
        report_note(report,
                    "these contradict each other: the parts are %" PRIu64 " packets, %" PRIu64
                    " bytes\n",
                    packets, bytes);
}

void traffic_rows(const struct traffic *t, struct report *report)
{
    struct column keys[TRAFFIC_DIMENSIONS];
    size_t key_count = traffic_key_columns(t->by, keys), count;
    table_add_columns(&report->rows, keys, key_count);
    table_add_columns(&report->rows, values, sizeof(values) / sizeof(*values));
    struct traffic_row *rows = sum_windows(t, &count);
    struct traffic_cell other = t->other;
    uint64_t duration = duration_us(t), top = t->options->top;
    for (size_t i = 0; rows && i < count; i++) {
        if (top && i >= top) {
            traffic_cell_add(&other, &rows[i].cell);
            continue;
        }
        struct cell *c = table_add_row(&report->rows);
        if (c)
            fill_values(c + traffic_key_cells(t, &rows[i].key, &report->rows, c), &rows[i].cell,
                        duration);
    }
    fill_other(&report->rows, key_count, &other, duration);
    note_totals(t, report);
    if (t->out_of_memory || !rows)
        report_note(report, "out of memory: some events are missing above\n");
    free(rows);
}

enum check_state traffic_check(void *self, uint64_t now_us, struct check_result *result)
{
    const struct traffic *t = self;
    (void)now_us;
    uint64_t seen = 0, missed = 0;
    for (size_t i = 0; i < keymap_count(t->totals); i++) {
        const struct totals_cell *cell = keymap_cell_at(t->totals, i);
        seen += cell->bytes[TOTAL_SEEN];
        missed += cell->bytes[TOTAL_OVERFLOW] + cell->bytes[TOTAL_BAD_HEADER];
    }
    snprintf(result->perfdata, sizeof(result->perfdata), "seen=%" PRIu64 "B missed=%" PRIu64 "B",
             seen, missed);
    if (!keymap_count(t->totals)) {
        snprintf(result->text, sizeof(result->text), "no traffic_totals came in");
        return CHECK_UNKNOWN;
    }
    snprintf(result->text, sizeof(result->text),
             "%" PRIu64 " bytes seen, %" PRIu64 " of them not accounted", seen, missed);
    return missed ? CHECK_WARNING : CHECK_OK;
}
