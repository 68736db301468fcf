// SPDX-License-Identifier: Apache-2.0
//
// traffic_merge.c - puts together what several threads read. Their summaries would not do: they are
// by the keys of --by, and to apply rules or pseudonyms to them again would give another bill.

#include "helper/aggregate/traffic.h"

struct merging {
    struct traffic *into;
    const struct traffic *from;
};

static uint32_t word_of(const struct merging *m, uint32_t word)
{
    return word <= INTERN_OTHER ? word
                                : intern_id(m->into->words, intern_text(m->from->words, word));
}

static uint32_t name_of(const struct merging *m, uint32_t word)
{
    return intern_id_below(m->into->words, intern_text(m->from->words, word), TRAFFIC_NAMES_MAX);
}

// The facts with the numbers that words have in `into`.
static void translate(const struct merging *m, struct traffic_facts *f)
{
    f->subscriber = word_of(m, f->subscriber);
    f->host = word_of(m, f->host);
    f->iface = word_of(m, f->iface);
    f->name = f->name <= INTERN_OTHER ? f->name : name_of(m, f->name);
    f->app = word_of(m, f->app);
    f->rate = word_of(m, f->rate);
    f->evidence = word_of(m, f->evidence);
    f->app_before = word_of(m, f->app_before);
    f->rate_before = word_of(m, f->rate_before);
    if (m->into->timeline.cells && f->window_us)
        f->window_us = windows_start(&m->into->windows, f->window_us);
}

static void merge_sums(const struct merging *m, struct traffic_sums *into,
                       const struct traffic_sums *from)
{
    struct traffic_item items[TRAFFIC_QUEUE_MAX];
    size_t cells = into->cells ? keymap_count(from->cells) : 0;
    traffic_counts_add(&into->other, &from->other, 1);
    for (size_t at = 0, few; at < cells; at += few) {
        few = cells - at < TRAFFIC_QUEUE_MAX ? cells - at : TRAFFIC_QUEUE_MAX;
        for (size_t i = 0; i < few; i++) {
            items[i].counts = *(const struct traffic_counts *)keymap_cell_at(from->cells, at + i);
            items[i].sign = 1;
            traffic_key_unpack(from->parts, keymap_key_at(from->cells, at + i), &items[i].facts);
            translate(m, &items[i].facts);
        }
        traffic_sums_add_items(into, items, few, false);
    }
}

static void merge_totals(const struct merging *m)
{
    for (size_t i = 0; i < keymap_count(m->from->totals); i++)
        traffic_merge_totals(m->into, m->from->words, keymap_key_at(m->from->totals, i),
                             keymap_cell_at(m->from->totals, i));
}

static void merge_originals(const struct merging *m)
{
    for (size_t i = 0; i < keymap_count(m->from->originals); i++) {
        const void *pseudonym = keymap_key_at(m->from->originals, i);
        const struct traffic_original *original = keymap_cell_at(m->from->originals, i);
        struct traffic_original *kept =
            keymap_cell(m->into->originals, pseudonym, keymap_hash(m->into->originals, pseudonym));
        if (kept)
            *kept = (struct traffic_original){original->sub, word_of(m, original->subscriber)};
        m->into->out_of_memory |= !kept;
    }
}

void traffic_merge(void *self, const void *other)
{
    const struct merging m = {self, other};
    // windows as long as those of the other, before its sums come in
    traffic_cover(m.into, m.from->windows.first_us);
    traffic_cover(m.into, m.from->windows.last_us);
    merge_sums(&m, &m.into->rows, &m.from->rows);
    merge_sums(&m, &m.into->timeline, &m.from->timeline);
    merge_sums(&m, &m.into->accounts, &m.from->accounts);
    merge_sums(&m, &m.into->overflow, &m.from->overflow);
    merge_totals(&m);
    merge_originals(&m);
    for (size_t i = 0; i < TRAFFIC_PRODUCERS; i++)
        if (m.from->producers[i])
            traffic_add_producer(m.into, intern_text(m.from->words, m.from->producers[i]));
    m.into->more_producers |= m.from->more_producers;
    m.into->lacks |= m.from->lacks;
    m.into->asn_unreadable |= m.from->asn_unreadable;
    m.into->out_of_memory |= m.from->out_of_memory;
}
