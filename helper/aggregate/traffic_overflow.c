// SPDX-License-Identifier: Apache-2.0
//
// traffic_overflow.c - whose traffic is in no flow, as the flow table was full: not in the rows nor
// in the bill, but a section of its own.

#include "helper/aggregate/traffic.h"

#include <inttypes.h>

// By subscriber where rows or the bill are: else nobody asked whose it is.
bool traffic_overflow_open(struct traffic *t, size_t max)
{
    const uint32_t of_sub = PART_BIT(SUBSCRIBER) | PART_BIT(SUB);
    const uint32_t as_rows = PART_BIT(WINDOW) | PART_BIT(HOST) | PART_BIT(IFACE) | of_sub;
    return traffic_sums_open(&t->overflow, (t->rows.parts & as_rows) | (t->rules ? of_sub : 0),
                             max);
}

static void add(struct traffic *t, struct text host, const struct flow_view *view,
                const struct traffic_counts *counts)
{
    struct traffic_facts facts = {.window_us = windows_start(&t->windows, view->at_us)};
    if (t->overflow.parts & PART_BIT(HOST))
        facts.host = intern_id(t->words, host);
    if (t->overflow.parts & PART_BIT(IFACE))
        facts.iface = intern_id(t->words, view->iface);
    traffic_find_subscriber(t, view, &facts);
    traffic_sums_add(&t->overflow, &facts, counts, 1);
}

void traffic_add_overflow(struct traffic *t, const struct event *ev)
{
    const struct ev_traffic_overflow *o = &ev->traffic_overflow;
    const struct flow_view view = {.iface = o->iface,
                                   .sub = o->sub,
                                   .has_sub = true,
                                   .at_us = ev->ts_us,
                                   .owned_us = ev->ts_us};
    const struct traffic_counts counts = {traffic_count(o->bytes_up), traffic_count(o->bytes_down),
                                          traffic_count(o->packets_up),
                                          traffic_count(o->packets_down)};
    add(t, ev->host, &view, &counts);
}

void traffic_add_overflow_summary(struct traffic *t, const struct event *ev)
{
    const struct ev_overflow_summary *s = &ev->overflow_summary;
    const struct flow_view view = {.iface = s->iface,
                                   .subscriber = s->subscriber,
                                   .sub = s->sub,
                                   .has_sub = EVENT_HAS(ev, overflow_summary, sub),
                                   .at_us = s->window_us,
                                   .owned_us = s->window_us};
    const struct traffic_counts counts = {traffic_count(s->bytes_up), traffic_count(s->bytes_down),
                                          traffic_count(s->packets_up),
                                          traffic_count(s->packets_down)};
    if (s->other)
        traffic_counts_add(&t->overflow.other, &counts, 1);
    else
        add(t, ev->host, &view, &counts);
}

// ---- as a section

// What the producer had no room for by subscriber either.
static void note_unknown(const struct traffic *t, struct report *report)
{
    uint64_t packets = traffic_total(t, F_totals_summary_overflow_packets),
             bytes = traffic_total(t, F_totals_summary_overflow_bytes);
    struct traffic_counts known = t->overflow.other;
    for (size_t i = 0; i < keymap_count(t->overflow.cells); i++)
        traffic_counts_add(&known, keymap_cell_at(t->overflow.cells, i), 1);
    uint64_t known_packets = (uint64_t)traffic_plus(known.packets_up, known.packets_down),
             known_bytes = (uint64_t)traffic_volume(&known);
    if (packets > known_packets && bytes > known_bytes)
        report_note(report,
                    "of the overflow, %" PRIu64 " packets, %" PRIu64
                    " bytes are of subscribers that are not known\n",
                    packets - known_packets, bytes - known_bytes);
}

void traffic_overflow_section(const struct traffic *t, struct report *report)
{
    if (!keymap_count(t->overflow.cells) && traffic_counts_are_zero(&t->overflow.other))
        return;
    struct table *table =
        report_add_section(report, "overflow", "Counted for no flow, as the table was full");
    struct traffic_sums sums =
        traffic_sums_fold(&t->overflow, t->overflow.parts & ~PART_BIT(WINDOW));
    if (table && sums.cells)
        traffic_sums_table(t, &sums, t->options->top, 0, table);
    traffic_sums_close(&sums);
    note_unknown(t, report);
}

// ---- as events

static void set_counts(struct event *out, const struct traffic_counts *c)
{
    EVENT_SET(out, overflow_summary, bytes_up, (uint64_t)c->bytes_up);
    EVENT_SET(out, overflow_summary, bytes_down, (uint64_t)c->bytes_down);
    EVENT_SET(out, overflow_summary, packets_up, (uint64_t)c->packets_up);
    EVENT_SET(out, overflow_summary, packets_down, (uint64_t)c->packets_down);
}

static void summarise_cell(const struct traffic *t, size_t i, summary_fn *emit, void *context)
{
    static const struct ip_addr absent;
    struct traffic_facts f;
    traffic_key_unpack(t->overflow.parts, keymap_key_at(t->overflow.cells, i), &f);
    struct event out = {.type = EV_overflow_summary, .host = intern_text(t->words, f.host)};
    if (f.window_us)
        EVENT_SET(&out, overflow_summary, window_us, f.window_us);
    if (f.iface)
        EVENT_SET(&out, overflow_summary, iface, intern_text(t->words, f.iface));
    if (f.subscriber)
        EVENT_SET(&out, overflow_summary, subscriber, intern_text(t->words, f.subscriber));
    if (!ip_equal(f.sub, absent))
        EVENT_SET(&out, overflow_summary, sub, f.sub);
    set_counts(&out, keymap_cell_at(t->overflow.cells, i));
    emit(context, &out);
}

void traffic_summarise_overflow(const struct traffic *t, summary_fn *emit, void *context)
{
    for (size_t i = 0; i < keymap_count(t->overflow.cells); i++)
        summarise_cell(t, i, emit, context);
    if (!traffic_counts_are_zero(&t->overflow.other)) {
        struct event out = {.type = EV_overflow_summary};
        EVENT_SET(&out, overflow_summary, other, 1);
        set_counts(&out, &t->overflow.other);
        emit(context, &out);
    }
}
