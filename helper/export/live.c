// SPDX-License-Identifier: Apache-2.0

#include "helper/export/live.h"
#include "helper/exit_codes.h"
#include "schema/encode.h"

#include <stdlib.h>
#include <string.h>

static int open_recent(struct live *l, size_t i)
{
    l->recent_from_us[i] = event_now_us();
    return session_open(&l->recent[i], l->name, l->options);
}

int live_open(struct live *l, const char *name, const struct report_options *options,
              enum live_counters counters)
{
    *l = (struct live){.name = name, .options = options, .counters = counters};
    l->recent_count = counters == LIVE_DELTAS ? 1 : 2;
    int rc = session_open(&l->all, name, options);
    for (size_t i = 0; i < l->recent_count && rc == EXIT_OK; i++)
        rc = open_recent(l, i);
    if (rc != EXIT_OK)
        live_close(l);
    return rc;
}

void live_close(struct live *l)
{
    session_close(&l->all);
    for (size_t i = 0; i < l->recent_count; i++)
        session_close(&l->recent[i]);
}

static void take_batch(void *context, const struct event *events, size_t count)
{
    struct live *l = context;
    session_add_batch(&l->all, events, count);
    for (size_t i = 0; i < l->recent_count; i++)
        session_add_batch(&l->recent[i], events, count);
}

static void take_bad_line(void *context, uint64_t line, const char *why)
{
    struct live *l = context;
    session_bad_line(&l->all, line, why);
    for (size_t i = 0; i < l->recent_count; i++)
        l->recent[i].loss.lines_rejected++;
}

struct feed *live_feed(struct live *l)
{
    const struct feed_sink sink = {.events = take_batch, .bad_line = take_bad_line, .context = l};
    return feed_new(&sink);
}

int live_turn(struct live *l)
{
    size_t last = l->recent_count - 1;
    session_close(&l->recent[0]);
    memmove(l->recent, l->recent + 1, last * sizeof(*l->recent));
    memmove(l->recent_from_us, l->recent_from_us + 1, last * sizeof(*l->recent_from_us));
    return open_recent(l, last);
}

// ---- rows of all times and recent ones put together

static int compare_labels(const struct cell *a, const struct cell *b, void *table)
{
    return row_compare_labels(table, a, b);
}

// The row with the same labels in a table sorted by them; NULL if there is none.
static const struct cell *find_row(const struct table *sorted, const struct cell *row)
{
    size_t low = 0, high = sorted->row_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct cell *at = &sorted->cells[middle * sorted->column_count];
        int order = row_compare_labels(sorted, row, at);
        if (order == 0)
            return at;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static bool comes_from_recent(const struct column *c, enum live_counters counters)
{
    if (c->unit == UNIT_NONE || (c->flags & (COLUMN_LABEL | COLUMN_STATE)))
        return false;
    return counters == LIVE_DELTAS || !(c->flags & COLUMN_COUNTER);
}

// Rows of recent times alone: a correction took all that was in them, which is less than nothing in
// recent times. Without them, what was sent of them before would stay.
static void add_emptied_rows(struct table *all, const struct table *recent, const bool *found)
{
    for (size_t row = 0; recent->cells && row < recent->row_count; row++) {
        const struct cell *from = &recent->cells[row * recent->column_count];
        struct cell *to = found[row] ? NULL : table_add_row(all);
        for (size_t c = 0; to && c < all->column_count; c++)
            to[c] = from[c].kind == CELL_TEXT ? cell_copy(all, from[c].text) : from[c];
    }
}

static void merge_rows(struct table *all, struct table *recent, enum live_counters counters)
{
    bool *found = calloc(recent->row_count + 1, sizeof(*found));
    if (!found || all->column_count != recent->column_count) {
        free(found);
        return;
    }
    table_sort(recent, compare_labels, recent);
    for (size_t row = 0; row < all->row_count; row++) {
        struct cell *cells = &all->cells[row * all->column_count];
        const struct cell *from = find_row(recent, cells);
        if (from)
            found[(size_t)(from - recent->cells) / recent->column_count] = true;
        for (size_t c = 0; c < all->column_count; c++) {
            if (!comes_from_recent(&all->columns[c], counters))
                continue;
            // nothing happened: counters stand still, and there is no quantile of nothing
            bool counts = (all->columns[c].flags & COLUMN_COUNTER) && cells[c].kind == CELL_U64;
            cells[c] = from ? from[c] : counts ? cell_u64(0) : (struct cell){.kind = CELL_ABSENT};
        }
    }
    if (counters == LIVE_DELTAS)
        add_emptied_rows(all, recent, found);
    free(found);
}

size_t live_fill(const struct live *l, uint64_t now_us, struct report *reports)
{
    static const char *const sources[] = {"-"};
    for (size_t i = 0; i < l->all.count; i++) {
        struct report recent;
        session_fill(&l->all, i, now_us, sources, 1, &reports[i]);
        session_fill(&l->recent[0], i, now_us, sources, 1, &recent);
        merge_rows(&reports[i].rows, &recent.rows, l->counters);
        if (l->counters == LIVE_DELTAS) {
            reports[i].loss = l->recent[0].loss;
            // of stored events, `now` is their last timestamp, long before we began
            bool stored = now_us < l->recent_from_us[0];
            reports[i].from_us = stored ? l->all.from_us : l->recent_from_us[0];
            reports[i].to_us = now_us;
        }
        report_release(&recent);
    }
    return l->all.count;
}
