// SPDX-License-Identifier: Apache-2.0
//
// traffic_totals.c - what became of all packets, by interface: the section `totals`.

#include "helper/aggregate/traffic.h"

#include <inttypes.h>

// The first is the sum of the others.
static const struct {
    const char *name;
    unsigned packets; // number of the field in totals_summary; its bytes are the next one
} counters[] = {
    {"seen", F_totals_summary_seen_packets},
    {"accounted", F_totals_summary_accounted_packets},
    {"overflow", F_totals_summary_overflow_packets},
    {"not_ours", F_totals_summary_not_ours_packets},
    {"non_ip", F_totals_summary_non_ip_packets},
    {"bad_header", F_totals_summary_bad_header_packets},
    {"outer_fragments", F_totals_summary_outer_fragments_packets},
    {"rejected_outer", F_totals_summary_rejected_outer_packets},
};
enum { COUNTERS = sizeof(counters) / sizeof(*counters) };

static const struct column columns[] = {
    {"host", "HOST", UNIT_NONE, COLUMN_LABEL},
    {"iface", "IFACE", UNIT_NONE, COLUMN_LABEL},
    {"bytes_of", "BYTES OF", UNIT_NONE, COLUMN_LABEL},
    {"counter", "COUNTER", UNIT_NONE, COLUMN_LABEL},
    {"packets", "PACKETS", UNIT_PACKETS, COLUMN_COUNTER},
    {"bytes", "BYTES", UNIT_BYTES, COLUMN_COUNTER},
};
enum { HOST, IFACE, BYTES_OF, COUNTER, PACKETS, BYTES, COLUMNS };

uint64_t traffic_total(const struct traffic *t, unsigned field)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < keymap_count(t->totals); i++)
        sum += ((const struct totals_cell *)keymap_cell_at(t->totals, i))->values[field];
    return sum;
}

static const struct totals_key *key_at(const struct traffic *t, size_t i)
{
    return keymap_key_at(t->totals, i);
}

static bool several_hosts(const struct traffic *t)
{
    for (size_t i = 1; i < keymap_count(t->totals); i++)
        if (key_at(t, i)->host != key_at(t, 0)->host)
            return true;
    return false;
}

// The word for what bytes are, INTERN_NONE if no totals say it. *mixed: several are said.
static uint32_t bytes_of(const struct traffic *t, bool *mixed)
{
    uint32_t said = INTERN_NONE;
    *mixed = false;
    for (size_t i = 0; i < keymap_count(t->totals); i++) {
        uint32_t word = key_at(t, i)->bytes;
        *mixed |= word && said && word != said;
        said = word ? word : said;
    }
    return said;
}

static void add_rows(const struct traffic *t, size_t i, struct table *table)
{
    const struct totals_key *key = key_at(t, i);
    const struct totals_cell *cell = keymap_cell_at(t->totals, i);
    for (size_t k = 0; k < COUNTERS; k++) {
        struct cell *c = table_add_row(table);
        if (!c)
            return;
        c[HOST] = cell_text(intern_text(t->words, key->host));
        c[IFACE] = cell_text(intern_text(t->words, key->iface));
        c[BYTES_OF] = cell_text(intern_text(t->words, key->bytes));
        c[COUNTER] = cell_text(text_of(counters[k].name));
        c[PACKETS] = cell_u64(cell->values[counters[k].packets]);
        c[BYTES] = cell_u64(cell->values[counters[k].packets + 1]);
    }
}

// By what was counted; the counters of one stay in their order.
static int compare_rows(const struct cell *a, const struct cell *b, void *context)
{
    int order = 0;
    (void)context;
    for (size_t c = 0; c < COUNTER && order == 0; c++)
        order = cell_compare(&a[c], &b[c]);
    return order;
}

// The sum of the parts, as wide as the sum itself. rows: the counters of one interface.
static uint64_t sum_of_parts(const struct cell *rows, size_t column)
{
    uint64_t sum = 0;
    for (size_t k = 1; k < COUNTERS; k++)
        sum += rows[k * COLUMNS + column].u64;
    return sum;
}

// Names no interface: notes are printed as they are, and its name is the stream's.
static void note_contradictions(const struct table *table, struct report *report)
{
    const struct cell *first = NULL;
    size_t count = 0;
    for (size_t row = 0; row + COUNTERS <= table->row_count; row += COUNTERS) {
        const struct cell *rows = &table->cells[row * COLUMNS];
        if (rows[PACKETS].u64 == sum_of_parts(rows, PACKETS) &&
            rows[BYTES].u64 == sum_of_parts(rows, BYTES))
            continue;
        first = count++ ? first : rows;
    }
    if (!first)
        return;
    report_note(report,
                "these contradict each other: %" PRIu64 " packets, %" PRIu64
                " bytes were seen, the parts are %" PRIu64 " packets, %" PRIu64 " bytes",
                first[PACKETS].u64, first[BYTES].u64, sum_of_parts(first, PACKETS),
                sum_of_parts(first, BYTES));
    if (count > 1)
        report_note(report, "; so do those of %zu other interface%s", count - 1,
                    count > 2 ? "s" : "");
    report_note(report, "\n");
}

static void note_bytes(const struct traffic *t, struct report *report)
{
    bool mixed;
    struct text word = intern_text(t->words, bytes_of(t, &mixed));
    if (mixed)
        report_note(report,
                    "bytes of different kinds (xdpacct --bytes) are in one report: rows that "
                    "add them up say nothing\n");
    else if (text_equal(word, TEXT_LITERAL("ip")))
        report_note(report, "bytes: innermost IP lengths\n");
    else if (text_equal(word, TEXT_LITERAL("wire")))
        report_note(report, "bytes: whole frames\n");
}

void traffic_totals(const struct traffic *t, struct report *report)
{
    struct table *table = keymap_count(t->totals)
                              ? report_add_section(report, "totals", "What became of all packets")
                              : NULL;
    if (!table)
        return;
    table->sum_row = counters[0].name;
    table_add_columns(table, columns, COLUMNS);
    if (!several_hosts(t))
        table->columns[HOST].flags |= COLUMN_WIDE;
    bool mixed;
    if (bytes_of(t, &mixed) == INTERN_NONE)
        table->columns[BYTES_OF].flags |= COLUMN_WIDE;
    for (size_t i = 0; i < keymap_count(t->totals); i++)
        add_rows(t, i, table);
    table_sort(table, compare_rows, NULL);
    note_bytes(t, report);
    note_contradictions(table, report);
}
