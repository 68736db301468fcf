// SPDX-License-Identifier: Apache-2.0
//
// traffic_rows.c - the rows of the traffic report, and what became of all packets.

#include "helper/aggregate/traffic.h"

#include <inttypes.h>

uint64_t traffic_total(const struct traffic *t, unsigned field)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < keymap_count(t->totals); i++)
        sum += ((const struct totals_cell *)keymap_cell_at(t->totals, i))->values[field];
    return sum;
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

static void note_totals(const struct traffic *t, struct report *report)
{
    static const struct {
        const char *name;
        unsigned packets; // number of the field in totals_summary; its bytes are the next one
    } counters[] = {
        {"seen", F_totals_summary_seen_packets},
        {"accounted", F_totals_summary_accounted_packets},
        {"overflow", F_totals_summary_overflow_packets},
        {"not ours", F_totals_summary_not_ours_packets},
        {"not IP", F_totals_summary_non_ip_packets},
        {"bad header", F_totals_summary_bad_header_packets},
        {"outer fragments", F_totals_summary_outer_fragments_packets},
        {"rejected outer", F_totals_summary_rejected_outer_packets},
    };
    uint64_t packets = 0, bytes = 0;
    for (size_t i = 0; keymap_count(t->totals) && i < sizeof(counters) / sizeof(*counters); i++) {
        uint64_t p = traffic_total(t, counters[i].packets),
                 b = traffic_total(t, counters[i].packets + 1);
        packets += i ? p : 0;
        bytes += i ? b : 0;
        if (p || i < 2)
            report_note(report, "%s: %" PRIu64 " packets, %" PRIu64 " bytes\n", counters[i].name, p,
                        b);
    }
    if (packets != traffic_total(t, F_totals_summary_seen_packets) ||
        bytes != traffic_total(t, F_totals_summary_seen_bytes))
        report_note(report,
                    "these contradict each other: the parts are %" PRIu64 " packets, %" PRIu64
                    " bytes\n",
                    packets, bytes);
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
    note_totals(t, report);
    if (t->out_of_memory || !sums->cells)
        report_note(report, "out of memory: some events are missing above\n");
    traffic_sums_close(&folded);
}
