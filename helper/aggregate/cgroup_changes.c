// SPDX-License-Identifier: Apache-2.0
//
// cgroup_changes.c - the timeline of the cgroup report.

#include "helper/aggregate/cgroup.h"
#include "helper/report/format.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    const struct cgroup_change *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    if (x->cgroup_id != y->cgroup_id)
        return x->cgroup_id < y->cgroup_id ? -1 : 1;
    return x->pid < y->pid ? -1 : x->pid > y->pid;
}

void cgroup_changes_sort(struct cgroup_changes *c)
{
    if (c->count)
        qsort(c->items, c->count, sizeof(*c->items), compare);
}

static void drop_oldest(struct cgroup_changes *c)
{
    if (c->count <= CGROUP_CHANGES_MAX)
        return;
    size_t surplus = c->count - CGROUP_CHANGES_MAX;
    cgroup_changes_sort(c);
    memmove(c->items, c->items + surplus, CGROUP_CHANGES_MAX * sizeof(*c->items));
    c->count = CGROUP_CHANGES_MAX;
    c->dropped += surplus;
}

void cgroup_changes_add(struct cgroup_changes *c, const struct cgroup_change *change)
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
            drop_oldest(c);
        }
    }
    if (c->count < c->capacity)
        c->items[c->count++] = *change;
    else
        c->dropped++;
}

static const struct column columns[] = {
    {"time", "TIME", UNIT_NONE, COLUMN_LABEL},
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
    *c++ = text_cell(a, x->path);
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

void cgroup_timeline(struct cgroup_aggregate *a, struct report *report)
{
    struct cgroup_changes *changes = &a->changes;
    if (!changes->count)
        return;
    drop_oldest(changes);
    cgroup_changes_sort(changes);
    struct table *t = report_add_section(report, "timeline", "Changes");
    table_add_columns(t, columns, sizeof(columns) / sizeof(*columns));
    uint64_t top = a->options->top ? a->options->top : CGROUP_CHANGES_MAX;
    size_t wanted = 0;
    for (size_t i = 0; i < changes->count; i++)
        wanted += cgroup_wanted(a, changes->items[i].hierarchy,
                                intern_text(a->words, changes->items[i].path));
    size_t skip = wanted > top ? wanted - (size_t)top : 0;
    for (size_t i = 0; i < changes->count; i++) {
        const struct cgroup_change *x = &changes->items[i];
        if (!cgroup_wanted(a, x->hierarchy, intern_text(a->words, x->path)))
            continue;
        if (skip)
            skip--;
        else
            fill_change(a, t, x);
    }
    if (changes->dropped)
        report_note(report, "timeline: the oldest %llu changes were left out\n",
                    (unsigned long long)changes->dropped);
}
