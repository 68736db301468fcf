// SPDX-License-Identifier: Apache-2.0
//
// cgroup_changes.c - the timeline of the cgroup report.

#include "helper/aggregate/cgroup.h"
#include "helper/report/format.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b, void *context)
{
    const struct cgroup_change *x = a, *y = b;
    const struct intern *words = context;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    if (x->cgroup_id != y->cgroup_id)
        return x->cgroup_id < y->cgroup_id ? -1 : 1;
    if (x->pid != y->pid)
        return x->pid < y->pid ? -1 : 1;
    int c = text_compare(intern_text(words, x->change), intern_text(words, y->change));
    c = c ? c : text_compare(intern_text(words, x->hierarchy), intern_text(words, y->hierarchy));
    return c ? c : text_compare(intern_text(words, x->host), intern_text(words, y->host));
}

void cgroup_changes_sort(struct cgroup_changes *c, const struct intern *words)
{
    if (c->count)
        qsort_r(c->items, c->count, sizeof(*c->items), compare, (void *)words);
}

static void drop_oldest(struct cgroup_changes *c, const struct intern *words)
{
    if (c->count <= CGROUP_CHANGES_MAX)
        return;
    size_t surplus = c->count - CGROUP_CHANGES_MAX;
    cgroup_changes_sort(c, words);
    memmove(c->items, c->items + surplus, CGROUP_CHANGES_MAX * sizeof(*c->items));
    c->count = CGROUP_CHANGES_MAX;
    c->dropped += surplus;
}

void cgroup_changes_add(struct cgroup_changes *c, const struct intern *words,
                        const struct cgroup_change *change)
{
    if (c->count == c->capacity) {
        size_t capacity = c->capacity ? 2 * c->capacity : 256;
        if (capacity > 2 * CGROUP_CHANGES_MAX)
            capacity = 2 * CGROUP_CHANGES_MAX;
        struct cgroup_change *items =
            capacity > c->capacity ? realloc(c->items, capacity * sizeof(*items)) : NULL;
        if (items) {
            c->items = items;
            c->capacity = capacity;
        } else {
            drop_oldest(c, words);
        }
    }
    if (c->count < c->capacity)
        c->items[c->count++] = *change;
    else
        c->dropped++;
}

static const struct column columns[] = {
    {"time", "TIME", UNIT_NONE, COLUMN_LABEL | COLUMN_WHOLE},
    {"host", "HOST", UNIT_NONE, COLUMN_LABEL | COLUMN_WIDE},
    {"hierarchy", "HIERARCHY", UNIT_NONE, COLUMN_LABEL},
    {"change", "CHANGE", UNIT_NONE, COLUMN_LABEL},
    {"path", "PATH", UNIT_NONE, COLUMN_LABEL},
    {"from_path", "FROM", UNIT_NONE, COLUMN_PROSE},
    {"pid", "PID", UNIT_ID, 0},
    {"comm", "NAME", UNIT_NONE, COLUMN_PROSE},
    {"was", "WAS", UNIT_NONE, COLUMN_PROSE},
    {"now", "NOW", UNIT_NONE, COLUMN_PROSE},
    {"cgroup_id", "ID", UNIT_ID, COLUMN_WIDE},
    {"at_us", "TIME", UNIT_NONE, COLUMN_WIDE},
};

struct text cgroup_change_path(const struct cgroup_aggregate *a, const struct cgroup_change *change)
{
    struct cgroup_key key;
    if (change->path)
        return intern_text(a->words, change->path);
    memset(&key, 0, sizeof(key)); // padding is part of the key
    key.id = change->cgroup_id;
    key.host = change->host;
    key.hierarchy = change->hierarchy;
    const struct cgroup_cell *cell = keymap_find(a->cells, &key);
    return cell ? cgroup_path(a, cell) : (struct text){0};
}

static struct cell text_cell(const struct cgroup_aggregate *a, uint32_t id)
{
    return id ? cell_text(intern_text(a->words, id)) : (struct cell){.kind = CELL_ABSENT};
}

static struct cell limit_cell(uint64_t value)
{
    return value == CGROUP_NO_LIMIT ? cell_text(TEXT_LITERAL("none")) : cell_u64(value);
}

static struct cell time_cell(struct table *t, uint64_t at_us)
{
    char text[QUANTITY_MAX];
    return cell_copy(t, text_of(time_format(at_us, text)));
}

static void fill_change(const struct cgroup_aggregate *a, struct table *t,
                        const struct cgroup_change *x)
{
    struct cell *c = table_add_row(t);
    if (!c)
        return;
    *c++ = time_cell(t, x->at_us);
    *c++ = text_cell(a, x->host);
    *c++ = text_cell(a, x->hierarchy);
    *c++ = text_cell(a, x->change);
    struct text path = cgroup_change_path(a, x);
    *c++ = path.ptr ? cell_text(path) : (struct cell){.kind = CELL_ABSENT};
    *c++ = text_cell(a, x->from_path);
    if (x->pid)
        *c = cell_u64(x->pid);
    c++;
    *c++ = text_cell(a, x->comm);
    if (x->has_limits) {
        c[0] = limit_cell(x->was);
        c[1] = limit_cell(x->now);
    }
    c[2] = cell_u64(x->cgroup_id);
    c[3] = cell_u64(x->at_us);
}

static void fill_changes(const struct cgroup_aggregate *a, struct report *report,
                         const struct cgroup_changes *changes)
{
    struct table *t = report_add_section(report, "timeline", "Changes");
    table_add_columns(t, columns, sizeof(columns) / sizeof(*columns));
    t->happened = true;
    uint64_t top = a->options->top ? a->options->top : CGROUP_CHANGES_MAX;
    size_t wanted = 0;
    for (size_t i = 0; i < changes->count; i++)
        wanted += cgroup_wanted(a, changes->items[i].hierarchy,
                                cgroup_change_path(a, &changes->items[i]));
    size_t skip = wanted > top ? wanted - (size_t)top : 0;
    for (size_t i = 0; i < changes->count; i++) {
        const struct cgroup_change *x = &changes->items[i];
        if (!cgroup_wanted(a, x->hierarchy, cgroup_change_path(a, x)))
            continue;
        if (skip)
            skip--;
        else
            fill_change(a, t, x);
    }
}

void cgroup_timeline(struct cgroup_aggregate *a, struct report *report)
{
    struct cgroup_changes all = {.dropped = a->changes.dropped};
    for (size_t i = 0; i < a->changes.count; i++)
        cgroup_changes_add(&all, a->words, &a->changes.items[i]);
    cgroup_limits_changes(a, &all);
    if (all.count) {
        drop_oldest(&all, a->words);
        cgroup_changes_sort(&all, a->words);
        fill_changes(a, report, &all);
    }
    if (all.dropped)
        report_note(report, "timeline: the oldest %llu changes were left out\n",
                    (unsigned long long)all.dropped);
    if (a->limits.dropped)
        report_note(report, "timeline: %llu readings of limits were too many to keep\n",
                    (unsigned long long)a->limits.dropped);
    free(all.items);
}
