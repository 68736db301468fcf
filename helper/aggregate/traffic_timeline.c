// SPDX-License-Identifier: Apache-2.0
//
// traffic_timeline.c - the traffic report as series over time, for plots: a row for each key and
// window.

#include "helper/aggregate/traffic.h"

static const struct column time_column = {"window_us", "TIME", UNIT_US, COLUMN_TIME};

static const struct column values[] = {
    {"bytes_down", "Down", UNIT_BYTES, COLUMN_COUNTER | COLUMN_STACK},
    {"bytes_up", "Up", UNIT_BYTES, COLUMN_COUNTER | COLUMN_STACK},
};

static void add_point(const struct traffic *t, size_t index, struct table *table)
{
    const struct traffic_key *key = keymap_key_at(t->cells, index);
    const struct traffic_cell *cell = keymap_cell_at(t->cells, index);
    if (key->window_us == 0 || traffic_cell_is_empty(cell)) // a summary of all times has no place
        return;
    struct cell *c = table_add_row(table);
    if (!c)
        return;
    *c++ = cell_u64(key->window_us);
    c += traffic_key_cells(t, key, table, c);
    *c++ = cell_u64(cell->bytes_down);
    *c++ = cell_u64(cell->bytes_up);
}

void traffic_timeline(const struct traffic *t, struct report *report)
{
    struct column keys[TRAFFIC_DIMENSIONS];
    struct table *table =
        t->windows.length_us ? report_add_section(report, "timeline", "Traffic over time") : NULL;
    if (!table)
        return;
    table->plot_only = true;
    table->window_us = t->windows.length_us;
    table_add_columns(table, &time_column, 1);
    table_add_columns(table, keys, traffic_key_columns(t->by, keys));
    table_add_columns(table, values, sizeof(values) / sizeof(*values));
    for (size_t i = 0; i < keymap_count(t->cells); i++)
        add_point(t, i, table);
}
