// SPDX-License-Identifier: Apache-2.0
//
// cgroup_limits.c - which limits a cgroup had when, and so when they changed.
//
// Readings come in any order: hours and hosts are merged in whatever order they are named. So the
// readings themselves are kept, by cgroup and limit in order of time, and of a run of equal ones
// the first and the last. What lies between two different ones is a change, found when it is asked
// for.

#include "helper/aggregate/cgroup.h"

#include <stdlib.h>

static const char *const words[CGROUP_LIMIT_COUNT] = {
#define X(key) [CGROUP_LIMIT_##key] = #key,
    CGROUP_LIMITS(X)
#undef X
};

bool cgroup_limit_find(struct text change, enum cgroup_limit *limit)
{
    for (size_t i = 0; i < CGROUP_LIMIT_COUNT; i++)
        if (text_equal(change, text_of(words[i]))) {
            *limit = (enum cgroup_limit)i;
            return true;
        }
    return false;
}

const struct cgroup_limit_reading *cgroup_limit_next(const struct cgroup_limits *limits,
                                                     uint32_t index)
{
    return index ? &limits->items[index - 1] : NULL;
}

// Number of a new reading; 0 if there is no room.
static uint32_t new_reading(struct cgroup_limits *l)
{
    if (l->count == l->capacity) {
        size_t capacity = l->capacity ? 2 * l->capacity : 1024;
        if (capacity > CGROUP_READINGS_MAX)
            capacity = CGROUP_READINGS_MAX;
        struct cgroup_limit_reading *items =
            capacity > l->capacity ? realloc(l->items, capacity * sizeof(*items)) : NULL;
        if (!items)
            return 0;
        l->items = items;
        l->capacity = capacity;
    }
    return (uint32_t)++l->count;
}

static bool same(const struct cgroup_limit_reading *r, uint64_t value)
{
    return r && r->value == value;
}

void cgroup_limit_add(struct cgroup_limits *l, uint32_t *head, uint64_t at_us, uint64_t value)
{
    struct cgroup_limit_reading *before = NULL, *last = NULL, *next = NULL;
    uint32_t after = *head;
    for (; after && l->items[after - 1].at_us <= at_us; after = last->next) {
        before = last;
        last = &l->items[after - 1];
    }
    next = after ? &l->items[after - 1] : NULL;
    if (last && last->at_us == at_us) { // at equal times the larger value stands
        last->value = value > last->value ? value : last->value;
        return;
    }
    if (same(last, value) && same(next, value))
        return;
    if (same(last, value) && same(before, value)) {
        last->at_us = at_us;
        return;
    }
    if (same(next, value) && next->next && same(&l->items[next->next - 1], value)) {
        next->at_us = at_us;
        return;
    }
    size_t last_index = last ? (size_t)(last - l->items) : 0;
    uint32_t new = new_reading(l);
    if (!new) {
        l->dropped++;
        return;
    }
    l->items[new - 1] = (struct cgroup_limit_reading){at_us, value, after};
    if (last)
        l->items[last_index].next = new;
    else
        *head = new;
}

void cgroup_limits_take(struct cgroup_aggregate *a, struct cgroup_cell *cell,
                        const struct event *ev)
{
#define TAKE(event, key, time)                                                                     \
    if (EVENT_HAS(ev, event, key))                                                                 \
        cgroup_limit_add(&a->limits, &cell->limits[CGROUP_LIMIT_##key], time, ev->event.key);
    if (ev->type == EV_cgroup_state) {
#define X(key) TAKE(cgroup_state, key, ev->ts_us)
        CGROUP_LIMITS(X)
#undef X
    } else if (ev->type == EV_cgroup_summary) {
#define X(key) TAKE(cgroup_summary, key, ev->cgroup_summary.key##_us)
        CGROUP_LIMITS(X)
#undef X
    }
#undef TAKE
}

// The changes of one cgroup.
static void find_changes(struct cgroup_aggregate *a, const struct cgroup_key *key,
                         const struct cgroup_cell *cell, struct cgroup_changes *changes)
{
    for (size_t i = 0; i < CGROUP_LIMIT_COUNT; i++) {
        const struct cgroup_limit_reading *r = cgroup_limit_next(&a->limits, cell->limits[i]);
        for (const struct cgroup_limit_reading *next; r; r = next) {
            next = cgroup_limit_next(&a->limits, r->next);
            if (!next || next->value == r->value)
                continue;
            const struct cgroup_change change = {
                .at_us = next->at_us,
                .cgroup_id = key->id,
                .was = r->value,
                .now = next->value,
                .has_limits = true,
                .host = key->host,
                .hierarchy = key->hierarchy,
                .change = intern_id(a->words, text_of(words[i])),
                .path = (uint32_t)cell->path.value,
            };
            cgroup_changes_add(changes, a->words, &change);
        }
    }
}

void cgroup_limits_changes(struct cgroup_aggregate *a, struct cgroup_changes *changes)
{
    for (size_t i = 0; i < keymap_count(a->cells); i++)
        find_changes(a, keymap_key_at(a->cells, i), keymap_cell_at(a->cells, i), changes);
}

void cgroup_limits_summarise(const struct cgroup_aggregate *a, const struct cgroup_key *key,
                             const struct cgroup_cell *cell, summary_fn *emit, void *context)
{
    for (size_t i = 0; i < CGROUP_LIMIT_COUNT; i++) {
        const struct cgroup_limit_reading *r = cgroup_limit_next(&a->limits, cell->limits[i]);
        for (; r && r->next; r = cgroup_limit_next(&a->limits, r->next)) {
            struct event out = {.type = EV_cgroup_change_summary,
                                .host = intern_text(a->words, key->host)};
            EVENT_SET(&out, cgroup_change_summary, cgroup_id, key->id);
            EVENT_SET(&out, cgroup_change_summary, hierarchy,
                      intern_text(a->words, key->hierarchy));
            EVENT_SET(&out, cgroup_change_summary, at_us, r->at_us);
            EVENT_SET(&out, cgroup_change_summary, change, text_of(words[i]));
            EVENT_SET(&out, cgroup_change_summary, now, r->value);
            emit(context, &out);
        }
    }
}
