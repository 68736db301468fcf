// SPDX-License-Identifier: Apache-2.0
//
// traffic_summary.c - the traffic report as events, and the sums of traffic_totals.

#include "helper/aggregate/traffic.h"

#include <string.h>

// traffic_totals and totals_summary have the same counters, in the same order.
enum {
    FIRST_COUNTER = F_totals_summary_seen_packets,
    SHIFT = F_traffic_totals_seen_packets - F_totals_summary_seen_packets,
};
_Static_assert(F_traffic_totals_rejected_outer_bytes - F_totals_summary_rejected_outer_bytes ==
                   SHIFT,
               "the counters of traffic_totals and totals_summary are the same");

static void add_totals(struct traffic *t, const struct totals_key *key,
                       const struct totals_cell *from)
{
    struct totals_cell *cell = keymap_cell(t->totals, key, keymap_hash(t->totals, key));
    if (!cell) {
        t->out_of_memory = true;
        return;
    }
    if (cell->from_us == 0 || from->from_us < cell->from_us)
        cell->from_us = from->from_us;
    if (from->to_us > cell->to_us)
        cell->to_us = from->to_us;
    for (unsigned i = FIRST_COUNTER; i < F_totals_summary_COUNT; i++)
        cell->values[i] += from->values[i];
}

void traffic_merge_totals(struct traffic *t, const struct intern *words,
                          const struct totals_key *key, const struct totals_cell *cell)
{
    const struct totals_key own = {.host = intern_id(t->words, intern_text(words, key->host)),
                                   .iface = intern_id(t->words, intern_text(words, key->iface)),
                                   .bytes = intern_id(t->words, intern_text(words, key->bytes))};
    add_totals(t, &own, cell);
}

void traffic_add_totals(struct traffic *t, const struct event *ev)
{
    bool summary = ev->type == EV_totals_summary;
    const struct ev_traffic_totals *raw = &ev->traffic_totals;
    const struct ev_totals_summary *sum = &ev->totals_summary;
    const struct event_info *info = &event_table[ev->type];
    struct totals_cell cell = {.from_us = summary ? sum->from_us : ev->ts_us - raw->interval_us,
                               .to_us = summary ? sum->to_us : ev->ts_us};
    for (unsigned i = FIRST_COUNTER; i < F_totals_summary_COUNT; i++) {
        const struct field_info *field = &info->fields[summary ? i : i + SHIFT];
        cell.values[i] = *(const uint64_t *)((const char *)ev + field->offset);
    }
    const struct totals_key key = {
        .host = intern_id(t->words, ev->host),
        .iface = intern_id(t->words, summary ? sum->iface : raw->iface),
        .bytes = intern_id(t->words, summary ? sum->bytes : raw->bytes),
    };
    add_totals(t, &key, &cell);
}

#define SET_WORD(key)                                                                              \
    do {                                                                                           \
        if (f.key)                                                                                 \
            EVENT_SET(&out, traffic_summary, key, intern_text(t->words, f.key));                   \
    } while (0)

static void set_counts(struct event *out, const struct traffic_counts *c)
{
    EVENT_SET(out, traffic_summary, bytes_up, c->bytes_up);
    EVENT_SET(out, traffic_summary, bytes_down, c->bytes_down);
    EVENT_SET(out, traffic_summary, packets_up, c->packets_up);
    EVENT_SET(out, traffic_summary, packets_down, c->packets_down);
}

static void summarise_cell(const struct traffic *t, size_t i, summary_fn *emit, void *context)
{
    static const struct ip_addr absent;
    struct event out = {.type = EV_traffic_summary};
    struct traffic_facts f;
    traffic_key_unpack(t->rows.parts, keymap_key_at(t->rows.cells, i), &f);
    out.host = intern_text(t->words, f.host);
    SET_WORD(iface);
    SET_WORD(subscriber);
    SET_WORD(name);
    SET_WORD(app);
    SET_WORD(rate);
    SET_WORD(evidence);
    if (f.window_us)
        EVENT_SET(&out, traffic_summary, window_us, f.window_us);
    if (!ip_equal(f.sub, absent))
        EVENT_SET(&out, traffic_summary, sub, f.sub);
    if (!ip_equal(f.peer, absent))
        EVENT_SET(&out, traffic_summary, peer, f.peer);
    if (f.proto)
        EVENT_SET(&out, traffic_summary, proto, f.proto);
    if (f.peer_port)
        EVENT_SET(&out, traffic_summary, peer_port, f.peer_port);
    if (f.unverified)
        EVENT_SET(&out, traffic_summary, unverified, 1);
    if (f.name && t->options->full_names)
        EVENT_SET(&out, traffic_summary, full_name, 1);
    set_counts(&out, keymap_cell_at(t->rows.cells, i));
    emit(context, &out);
}

static void summarise_totals(const struct traffic *t, size_t i, summary_fn *emit, void *context)
{
    const struct totals_key *key = keymap_key_at(t->totals, i);
    const struct totals_cell *cell = keymap_cell_at(t->totals, i);
    const struct event_info *info = &event_table[EV_totals_summary];
    struct event out = {.type = EV_totals_summary, .host = intern_text(t->words, key->host)};
    EVENT_SET(&out, totals_summary, iface, intern_text(t->words, key->iface));
    EVENT_SET(&out, totals_summary, from_us, cell->from_us);
    EVENT_SET(&out, totals_summary, to_us, cell->to_us);
    if (key->bytes)
        EVENT_SET(&out, totals_summary, bytes, intern_text(t->words, key->bytes));
    for (unsigned k = FIRST_COUNTER; k < F_totals_summary_COUNT; k++)
        *(uint64_t *)((char *)&out + info->fields[k].offset) = cell->values[k];
    emit(context, &out);
}

void traffic_summarise(void *self, summary_fn *emit, void *context)
{
    const struct traffic *t = self;
    for (size_t i = 0; i < keymap_count(t->rows.cells); i++)
        if (!traffic_counts_are_zero(keymap_cell_at(t->rows.cells, i)))
            summarise_cell(t, i, emit, context);
    if (!traffic_counts_are_zero(&t->rows.other)) {
        struct event out = {.type = EV_traffic_summary};
        EVENT_SET(&out, traffic_summary, other, 1);
        set_counts(&out, &t->rows.other);
        emit(context, &out);
    }
    traffic_summarise_overflow(t, emit, context);
    for (size_t i = 0; i < keymap_count(t->totals); i++)
        summarise_totals(t, i, emit, context);
}
