// SPDX-License-Identifier: Apache-2.0

#include "helper/export/live.h"
#include "helper/exit_codes.h"
#include "helper/report/exposition.h"
#include "schema/encode.h"

#include <stdlib.h>
#include <string.h>

static int open_recent(struct live *l, size_t i)
{
    l->recent_from_us[i] = event_now_us();
    return session_open(&l->recent[i], l->name, &l->everything);
}

int live_open(struct live *l, const char *name, const struct report_options *options,
              enum live_counters counters)
{
    *l = (struct live){
        .name = name, .options = *options, .everything = *options, .counters = counters};
    // which rows there are is up to the session of all times, which knows all paths of cgroups
    l->everything.top = 0;
    l->everything.under = l->everything.hierarchy = NULL;
    l->recent_count = counters == LIVE_DELTAS ? 1 : 2;
    int rc = session_open(&l->all, name, &l->options);
    for (size_t i = 0; i < l->recent_count && rc == EXIT_OK; i++)
        rc = open_recent(l, i);
    if (rc != EXIT_OK)
        live_close(l);
    return rc;
}

void live_close(struct live *l)
{
    for (size_t i = 0; i < l->all.count; i++)
        deltas_release(&l->deltas[i]);
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
    l->lines_unknown = 0;
    return l->feed = feed_new(&sink);
}

// A feed counts lines of an unknown type itself: takes over those that came since the last time.
static void take_unknown_lines(struct live *l)
{
    uint64_t all = l->feed ? feed_counts(l->feed)->unknown : l->lines_unknown;
    uint64_t added = all - l->lines_unknown;
    l->lines_unknown = all;
    l->all.loss.lines_unknown += added;
    for (size_t i = 0; i < l->recent_count; i++)
        l->recent[i].loss.lines_unknown += added;
}

void live_end_feed(struct live *l)
{
    take_unknown_lines(l);
    feed_free(l->feed);
    l->feed = NULL;
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

static int compare(const struct cell *a, const struct cell *b, void *table)
{
    return row_compare_identity(table, a, b);
}

static bool is_of_recent_times(const struct column *c)
{
    return c->unit != UNIT_NONE && !(c->flags & (COLUMN_LABEL | COLUMN_STATE | COLUMN_COUNTER));
}

// Quantiles and rates. There is none of nothing; and none of `other`, which stands for other rows
// in recent times than in all.
static void take_recent(struct table *all, struct table *recent)
{
    if (all->column_count != recent->column_count)
        return;
    table_sort(recent, compare, recent);
    for (size_t row = 0; row < all->row_count; row++) {
        struct cell *cells = &all->cells[row * all->column_count];
        const struct cell *from = row_is_other(all, cells) ? NULL : row_find(recent, cells);
        for (size_t c = 0; c < all->column_count; c++)
            if (is_of_recent_times(&all->columns[c]))
                cells[c] = from ? from[c] : (struct cell){.kind = CELL_ABSENT};
    }
}

static const char *const sources[] = {"-"};

// Fills the report with all rows, whatever --top says.
static void fill_everything(struct live *l, size_t i, uint64_t now_us, struct report *everything)
{
    uint64_t top = l->options.top;
    l->options.top = 0;
    session_fill(&l->all, i, now_us, sources, 1, everything);
    l->options.top = top;
}

// The counters become deltas. False if there is no memory.
static bool take_deltas(struct live *l, size_t i, uint64_t now_us, struct report *report)
{
    if (!l->options.top)
        return deltas_take(&l->deltas[i], report, report);
    struct report everything;
    fill_everything(l, i, now_us, &everything);
    bool done = deltas_take(&l->deltas[i], &everything, report);
    report_release(&everything);
    return done;
}

// Where rows go in and out of `other`, counters become sums of deltas. Not only --top does it: a
// table of metrics has a last row. False if there is no memory.
static bool take_sums(struct live *l, size_t i, uint64_t now_us, struct report *report)
{
    struct table *rows = &report->rows;
    struct report everything = *report;
    bool too_long = rows->row_count > EXPOSITION_ROWS_MAX;
    if (!l->options.top && !too_long && !l->deltas[i].count)
        return true;
    if (l->options.top)
        fill_everything(l, i, now_us, &everything);
    if (too_long)
        rows->row_count = EXPOSITION_ROWS_MAX - 1; // and `other`
    bool done = deltas_sum_rows(&l->deltas[i], &everything, report);
    if (l->options.top)
        report_release(&everything);
    return done;
}

static bool fill_report(struct live *l, size_t i, uint64_t now_us, struct report *report)
{
    struct report recent;
    session_fill(&l->all, i, now_us, sources, 1, report);
    // until the first turn, recent times are all there were
    if (l->filled || l->counters == LIVE_TOTALS) {
        session_fill(&l->recent[0], i, now_us, sources, 1, &recent);
        take_recent(&report->rows, &recent.rows);
        report_release(&recent);
    }
    if (l->counters == LIVE_TOTALS)
        return take_sums(l, i, now_us, report);
    report->loss = l->recent[0].loss;
    // of stored events, `now` is their last timestamp, long before we began
    bool stored = now_us < l->recent_from_us[0];
    report->from_us = stored ? l->all.from_us : l->recent_from_us[0];
    report->to_us = now_us;
    return take_deltas(l, i, now_us, report);
}

size_t live_fill(struct live *l, uint64_t now_us, struct report *reports)
{
    size_t count = 0;
    take_unknown_lines(l);
    for (size_t i = 0; i < l->all.count; i++) {
        if (fill_report(l, i, now_us, &reports[count]))
            count++;
        else
            report_release(&reports[count]);
    }
    l->filled = true;
    return count;
}
