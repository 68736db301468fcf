// SPDX-License-Identifier: Apache-2.0
//
// traffic_rows.c - the rows of the traffic report.

#include "helper/aggregate/traffic.h"

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

void traffic_rows(const struct traffic *t, struct report *report)
{
    const bool windowed = t->rows.parts & PART_BIT(WINDOW);
    struct traffic_sums folded = {0};
    if (windowed)
        folded = traffic_sums_fold(&t->rows, t->rows.parts & ~PART_BIT(WINDOW));
    const struct traffic_sums *sums = windowed ? &folded : &t->rows;
    if (sums->cells)
        traffic_sums_table(t, sums, t->options->top, duration_us(t), &report->rows);
    if (report->rows.row_count == 0 && keymap_count(t->totals)) {
        report->why_empty = "no flow in the input, only what became of the packets, which is below";
        report->how_to_feed = "Flows are of the addresses that xdpacct --ours names.";
    }
    if (t->out_of_memory || !sums->cells)
        report_note(report, "out of memory: some events are missing above\n");
    traffic_sums_close(&folded);
}
