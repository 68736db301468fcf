// SPDX-License-Identifier: Apache-2.0
//
// cgroup_summary.c - the cgroups and what changed as events, which another report can take in. They
// come in an order that does not depend on how they were learnt.

#include "helper/aggregate/cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void summarise_cell(const struct cgroup_aggregate *a, const struct cgroup_key *key,
                           const struct cgroup_cell *cell, summary_fn *emit, void *context)
{
    struct event out = {.type = EV_cgroup_summary};
    EVENT_SET(&out, cgroup_summary, cgroup_id, key ? key->id : 0);
    if (key) {
        out.host = intern_text(a->words, key->host);
        EVENT_SET(&out, cgroup_summary, hierarchy, intern_text(a->words, key->hierarchy));
        if (cell->path.at_us) {
            EVENT_SET(&out, cgroup_summary, path, cgroup_path(a, cell));
            EVENT_SET(&out, cgroup_summary, path_us, cell->path.at_us);
        }
    } else {
        EVENT_SET(&out, cgroup_summary, other, 1);
    }
    cgroup_cell_summary(cell, &out);
    emit(context, &out);
}

static void summarise_change(const struct cgroup_aggregate *a, const struct cgroup_change *x,
                             summary_fn *emit, void *context)
{
    struct event out = {.type = EV_cgroup_change_summary, .host = intern_text(a->words, x->host)};
    EVENT_SET(&out, cgroup_change_summary, cgroup_id, x->cgroup_id);
    EVENT_SET(&out, cgroup_change_summary, hierarchy, intern_text(a->words, x->hierarchy));
    EVENT_SET(&out, cgroup_change_summary, at_us, x->at_us);
    EVENT_SET(&out, cgroup_change_summary, change, intern_text(a->words, x->change));
    struct text path = cgroup_change_path(a, x);
    if (path.ptr)
        EVENT_SET(&out, cgroup_change_summary, path, path);
    if (x->from_path)
        EVENT_SET(&out, cgroup_change_summary, from_path, intern_text(a->words, x->from_path));
    if (x->pid)
        EVENT_SET(&out, cgroup_change_summary, pid, x->pid);
    if (x->comm)
        EVENT_SET(&out, cgroup_change_summary, comm, intern_text(a->words, x->comm));
    emit(context, &out);
}

struct item {
    const struct cgroup_key *key;
    const struct cgroup_cell *cell;
    struct text host, hierarchy;
};

static int compare_items(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    int c = text_compare(x->host, y->host);
    c = c ? c : text_compare(x->hierarchy, y->hierarchy);
    return c ? c : (x->key->id > y->key->id) - (x->key->id < y->key->id);
}

static void summarise_cells(const struct cgroup_aggregate *a, summary_fn *emit, void *context)
{
    size_t count = keymap_count(a->cells);
    struct item *items = calloc(count + 1, sizeof(*items));
    if (!items) {
        fprintf(stderr, "netvitals: out of memory: the cgroups are not summarised\n");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct cgroup_key *key = keymap_key_at(a->cells, i);
        items[i] = (struct item){key, keymap_cell_at(a->cells, i), intern_text(a->words, key->host),
                                 intern_text(a->words, key->hierarchy)};
    }
    qsort(items, count, sizeof(*items), compare_items);
    for (size_t i = 0; i < count; i++) {
        summarise_cell(a, items[i].key, items[i].cell, emit, context);
        cgroup_limits_summarise(a, items[i].key, items[i].cell, emit, context);
    }
    free(items);
}

void cgroup_summarise(void *self, summary_fn *emit, void *context)
{
    struct cgroup_aggregate *a = self;
    summarise_cells(a, emit, context);
    if (a->has_other)
        summarise_cell(a, NULL, &a->other, emit, context);
    cgroup_changes_sort(&a->changes, a->words);
    for (size_t i = 0; i < a->changes.count; i++)
        summarise_change(a, &a->changes.items[i], emit, context);
}
