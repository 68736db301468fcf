// SPDX-License-Identifier: Apache-2.0
//
// traffic_timeline.c - the traffic report as series over time, for plots: a row for each key and
// window.

#include "helper/aggregate/traffic.h"

static const struct column values[] = {
    {"bytes_down", "Down", UNIT_BYTES, COLUMN_COUNTER | COLUMN_STACK},
    {"bytes_up", "Up", UNIT_BYTES, COLUMN_COUNTER | COLUMN_STACK},
};

static void add_point(const struct traffic *t, size_t index, struct table *table)
{
    const struct traffic_sums *s = &t->timeline;
    const struct traffic_counts *counts = keymap_cell_at(s->cells, index);
    // what a correction took away more of than this window held cannot be drawn
    bool drawable = counts->bytes_down >= 0 && counts->bytes_up >= 0;
    struct cell *c = drawable && !traffic_counts_are_zero(counts) ? table_add_row(table) : NULL;
    struct traffic_facts facts;
    if (!c)
        return;
    traffic_key_unpack(s->parts, keymap_key_at(s->cells, index), &facts);
    c = traffic_key_cells(s->parts, &facts, t->words, table, c);
    *c++ = cell_u64((uint64_t)counts->bytes_down);
    *c = cell_u64((uint64_t)counts->bytes_up);
}

void traffic_timeline(const struct traffic *t, struct report *report)
{
    struct table *table = report_add_section(report, "timeline", "Traffic over time");
    if (!table)
        return;
    table->plot_only = true;
    table->window_us = t->windows.length_us;
    traffic_key_columns(t->timeline.parts, table, 0);
    table_add_columns(table, values, sizeof(values) / sizeof(*values));
    for (size_t i = 0; i < keymap_count(t->timeline.cells); i++)
        add_point(t, i, table);
}
