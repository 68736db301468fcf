// SPDX-License-Identifier: Apache-2.0
//
// redirect.c - the redirect report: what sockredir did for each listening port of a cgroup. Takes
// `redirect` events and their summaries.

#include "helper/aggregate/aggregate.h"
#include "helper/aggregate/intern.h"
#include "helper/aggregate/keymap.h"
#include "helper/report/format.h"
#include "helper/report/perfdata.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORTS_MAX = 1 << 20, CGROUPS_MAX = 1 << 16 };

// Why bytes went by TCP: the key's last word, and its event member.
#define REASONS(ROW)                                                                               \
    ROW(peer)                                                                                      \
    ROW(early)                                                                                     \
    ROW(small)                                                                                     \
    ROW(full)                                                                                      \
    ROW(left)                                                                                      \
    ROW(stop)                                                                                      \
    ROW(shadow)                                                                                    \
    ROW(unknown)

enum reason {
#define ROW(word) REASON_##word,
    REASONS(ROW)
#undef ROW
        REASON_COUNT
};

static const char *const reason_words[REASON_COUNT] = {
#define ROW(word) #word,
    REASONS(ROW)
#undef ROW
};

struct port_key {
    uint32_t cgroup; // interned
    uint32_t port;
};

struct port_cell {
    uint64_t connections;
    uint64_t msgs_redirected, bytes_redirected;
    uint64_t msgs_passed, bytes_passed;
    uint64_t why[REASON_COUNT]; // bytes
};

struct redirect_report {
    const struct report_options *options;
    struct keymap *ports; // struct port_key -> struct port_cell
    struct intern *words;
    struct port_cell other; // what the map had no room for
};

static void redirect_destroy(void *self)
{
    struct redirect_report *r = self;
    keymap_free(r->ports);
    intern_free(r->words);
    free(r);
}

static void *redirect_create(const struct report_options *options)
{
    struct redirect_report *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->options = options;
    r->ports = keymap_new(sizeof(struct port_key), sizeof(struct port_cell), PORTS_MAX);
    r->words = intern_new(CGROUPS_MAX);
    if (r->ports && r->words)
        return r;
    fprintf(stderr, "netvitals: out of memory\n");
    redirect_destroy(r);
    errno = ENOMEM;
    return NULL;
}

static void cell_add(struct port_cell *to, const struct port_cell *from)
{
    for (size_t i = 0; i < sizeof(*to) / sizeof(uint64_t); i++)
        ((uint64_t *)to)[i] += ((const uint64_t *)from)[i];
}

// redirect and redirect_summary have the same keys.
#define TAKE(ev, event, key, cell, words)                                                          \
    do {                                                                                           \
        (key)->cgroup = intern_id(words, (ev)->event.cgroup);                                      \
        (key)->port = (uint32_t)(ev)->event.port;                                                  \
        (cell)->msgs_redirected = (ev)->event.msgs_redirected;                                     \
        (cell)->bytes_redirected = (ev)->event.bytes_redirected;                                   \
        (cell)->msgs_passed = (ev)->event.msgs_passed;                                             \
        (cell)->bytes_passed = (ev)->event.bytes_passed;                                           \
        if (EVENT_HAS(ev, event, connections))                                                     \
            (cell)->connections = (ev)->event.connections;                                         \
    } while (0)

static void take_reasons(const struct event *ev, struct port_cell *cell)
{
#define ROW(word)                                                                                  \
    if (ev->type == EV_redirect && EVENT_HAS(ev, redirect, bytes_passed_##word))                   \
        cell->why[REASON_##word] = ev->redirect.bytes_passed_##word;                               \
    if (ev->type == EV_redirect_summary && EVENT_HAS(ev, redirect_summary, bytes_passed_##word))   \
        cell->why[REASON_##word] = ev->redirect_summary.bytes_passed_##word;
    REASONS(ROW)
#undef ROW
}

static void redirect_add(void *self, const struct event *ev)
{
    struct redirect_report *r = self;
    struct port_key key = {0};
    struct port_cell cell = {0};
    if (ev->type == EV_redirect)
        TAKE(ev, redirect, &key, &cell, r->words);
    else if (ev->type == EV_redirect_summary)
        TAKE(ev, redirect_summary, &key, &cell, r->words);
    else
        return;
    take_reasons(ev, &cell);
    struct port_cell *to = keymap_cell(r->ports, &key, keymap_hash(r->ports, &key));
    cell_add(to ? to : &r->other, &cell);
}

// ---- rows

static const struct column columns[] = {
    {"cgroup", "CGROUP", UNIT_NONE, COLUMN_LABEL},
    {"port", "PORT", UNIT_PORT, COLUMN_LABEL},
    {"connections", "CONNECTIONS", UNIT_COUNT, COLUMN_COUNTER},
    {"msgs_redirected", "MESSAGES SHORT CUT", UNIT_COUNT, COLUMN_COUNTER | COLUMN_SPARE},
    {"bytes_redirected", "SHORT CUT", UNIT_BYTES, COLUMN_COUNTER | COLUMN_SHARE},
    {"msgs_passed", "MESSAGES TCP", UNIT_COUNT, COLUMN_COUNTER | COLUMN_SPARE},
    {"bytes_passed", "TCP", UNIT_BYTES, COLUMN_COUNTER | COLUMN_SHARE},
    {"redirected_ppm", "SHARE", UNIT_PPM, 0},
    {"why", "WHY TCP (BYTES)", UNIT_NONE, COLUMN_PROSE},
#define ROW(word) {"bytes_passed_" #word, #word, UNIT_BYTES, COLUMN_COUNTER | COLUMN_WIDE},
    REASONS(ROW)
#undef ROW
};

struct row {
    struct text cgroup;
    uint32_t port;
    struct port_cell cell;
};

static uint64_t volume(const struct port_cell *c)
{
    return c->bytes_redirected + c->bytes_passed;
}

// Largest first, then by name: an order that does not depend on the input's.
static int compare_rows(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (volume(&x->cell) != volume(&y->cell))
        return volume(&x->cell) > volume(&y->cell) ? -1 : 1;
    int cgroups = text_compare(x->cgroup, y->cgroup);
    return cgroups ? cgroups : (x->port > y->port) - (x->port < y->port);
}

static struct row *sorted_rows(const struct redirect_report *r, size_t *count)
{
    *count = keymap_count(r->ports);
    struct row *rows = calloc(*count + 1, sizeof(*rows));
    for (size_t i = 0; rows && i < *count; i++) {
        const struct port_key *key = keymap_key_at(r->ports, i);
        rows[i] = (struct row){intern_text(r->words, key->cgroup), key->port,
                               *(const struct port_cell *)keymap_cell_at(r->ports, i)};
    }
    if (rows)
        qsort(rows, *count, sizeof(*rows), compare_rows);
    return rows;
}

static struct cell why(struct table *table, const struct port_cell *cell)
{
    char text[512];
    size_t used = 0;
    for (int i = 0; i < REASON_COUNT; i++)
        if (cell->why[i] && used < sizeof(text))
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %" PRIu64,
                                     used ? ", " : "", reason_words[i], cell->why[i]);
    return used ? cell_copy(table, (struct text){text, strlen(text)}) : (struct cell){CELL_ABSENT};
}

static void fill_row(struct table *table, const struct row *row, bool is_other)
{
    struct cell *c = table_add_row(table);
    const struct port_cell *cell = &row->cell;
    if (!c)
        return;
    *c++ = cell_text(row->cgroup);
    if (!is_other)
        *c = cell_u64(row->port);
    c++;
    *c++ = cell_u64(cell->connections);
    *c++ = cell_u64(cell->msgs_redirected);
    *c++ = cell_u64(cell->bytes_redirected);
    *c++ = cell_u64(cell->msgs_passed);
    *c++ = cell_u64(cell->bytes_passed);
    if (volume(cell))
        *c = cell_u64(
            (uint64_t)((unsigned __int128)cell->bytes_redirected * 1000000 / volume(cell)));
    c++;
    *c++ = why(table, cell);
    for (int i = 0; i < REASON_COUNT; i++)
        *c++ = cell_u64(cell->why[i]);
}

static void redirect_fill(void *self, uint64_t now_us, struct report *report)
{
    (void)now_us;
    const struct redirect_report *r = self;
    size_t count;
    struct row *rows = sorted_rows(r, &count), other = {TEXT_LITERAL("other"), 0, r->other};
    table_add_columns(&report->rows, columns, sizeof(columns) / sizeof(*columns));
    for (size_t i = 0; rows && i < count; i++) {
        if (r->options->top && i >= r->options->top)
            cell_add(&other.cell, &rows[i].cell);
        else
            fill_row(&report->rows, &rows[i], false);
    }
    if (volume(&other.cell) || other.cell.connections)
        fill_row(&report->rows, &other, true);
    free(rows);
}

static void redirect_summarise(void *self, summary_fn *emit, void *context)
{
    const struct redirect_report *r = self;
    size_t count;
    struct row *rows = sorted_rows(r, &count);
    for (size_t i = 0; rows && i < count; i++) {
        const struct port_cell *cell = &rows[i].cell;
        struct event ev = {.type = EV_redirect_summary};
        EVENT_SET(&ev, redirect_summary, cgroup, rows[i].cgroup);
        EVENT_SET(&ev, redirect_summary, port, rows[i].port);
        EVENT_SET(&ev, redirect_summary, connections, cell->connections);
        EVENT_SET(&ev, redirect_summary, msgs_redirected, cell->msgs_redirected);
        EVENT_SET(&ev, redirect_summary, bytes_redirected, cell->bytes_redirected);
        EVENT_SET(&ev, redirect_summary, msgs_passed, cell->msgs_passed);
        EVENT_SET(&ev, redirect_summary, bytes_passed, cell->bytes_passed);
#define ROW(word)                                                                                  \
    if (cell->why[REASON_##word])                                                                  \
        EVENT_SET(&ev, redirect_summary, bytes_passed_##word, cell->why[REASON_##word]);
        REASONS(ROW)
#undef ROW
        emit(context, &ev);
    }
    free(rows);
}

static enum check_state redirect_check(void *self, uint64_t now_us, struct check_result *result)
{
    const struct redirect_report *r = self;
    const struct report_options *o = r->options;
    struct port_cell all = r->other;
    char share[QUANTITY_MAX], bytes[QUANTITY_MAX];
    (void)now_us;
    for (size_t i = 0; i < keymap_count(r->ports); i++)
        cell_add(&all, keymap_cell_at(r->ports, i));
    if (!volume(&all)) {
        snprintf(result->text, sizeof(result->text), "no byte was seen; is sockredir running?");
        return CHECK_UNKNOWN;
    }
    uint64_t share_ppm =
        (uint64_t)((unsigned __int128)all.bytes_redirected * 1000000 / volume(&all));
    snprintf(result->text, sizeof(result->text), "%s of %s took the short cut",
             quantity_format(share_ppm, UNIT_PPM, share),
             quantity_format(volume(&all), UNIT_BYTES, bytes));
    perfdata_add(
        result, "share", share_ppm, "%",
        (struct perf_limits){.warn = o->warn_share_ppm, .crit = o->crit_share_ppm, .least = true});
    perfdata_add(result, "redirected", all.bytes_redirected, "B", (struct perf_limits){0});
    perfdata_add(result, "passed", all.bytes_passed, "B", (struct perf_limits){0});
    return share_ppm < o->crit_share_ppm   ? CHECK_CRITICAL
           : share_ppm < o->warn_share_ppm ? CHECK_WARNING
                                           : CHECK_OK;
}

const struct aggregate aggregate_redirect = {
    .name = "redirect",
    .title = "Local TCP by the short cut",
    .how_to_feed = "Feed it with:  sudo sockredir -c CGROUP | netvitals report redirect",
    .create = redirect_create,
    .add = redirect_add,
    .fill = redirect_fill,
    .summarise = redirect_summarise,
    .check = redirect_check,
    .destroy = redirect_destroy,
};
