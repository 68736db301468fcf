// SPDX-License-Identifier: Apache-2.0

#include "helper/report/exposition.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct exposition {
    FILE *out;
    bool openmetrics;
};

static const char *escape_label(char c)
{
    return c == '\\' ? "\\\\" : c == '"' ? "\\\"" : c == '\n' ? "\\n" : NULL;
}

// Counters are called NAME_total; in OpenMetrics, HELP, TYPE and UNIT then name NAME.
static void print_head(const struct exposition *e, const struct metric *m, const char *type,
                       const char *help, const char *what)
{
    bool openmetrics_type = e->openmetrics || strcmp(type, "info") != 0;
    const char *suffix = e->openmetrics          ? ""
                         : m->counter            ? "_total"
                         : !strcmp(type, "info") ? "_info"
                                                 : "";
    fprintf(e->out, "# HELP %s%s %s%s%s\n", m->name, suffix, help, what ? ": " : "",
            what ? what : "");
    fprintf(e->out, "# TYPE %s%s %s\n", m->name, suffix, openmetrics_type ? type : "gauge");
    if (e->openmetrics && m->unit)
        fprintf(e->out, "# UNIT %s %s\n", m->name, m->unit);
}

static void print_label(const struct exposition *e, bool *first, const char *key, struct text value)
{
    fprintf(e->out, "%s%s=\"", *first ? "{" : ",", key);
    print_escaped(e->out, value, escape_label);
    fputc('"', e->out);
    *first = false;
}

struct extra_label {
    const char *key; // NULL: none
    struct text value;
};

// The labels of a row, and one more; those of all rows beyond the limit if row is
// EXPOSITION_ROWS_MAX.
static void print_labels(const struct exposition *e, const struct table *t, size_t row, bool states,
                         struct extra_label extra)
{
    bool first = true;
    for (size_t c = 0; c < t->column_count; c++) {
        const struct column *column = &t->columns[c];
        const struct cell *cell = &t->cells[row * t->column_count + c];
        char number[24];
        if (!(column->flags & COLUMN_LABEL) && !(states && metric_is_state(column)))
            continue;
        if (row == EXPOSITION_ROWS_MAX) {
            print_label(e, &first, column->key, TEXT_LITERAL("other"));
        } else if (cell->kind == CELL_TEXT) {
            print_label(e, &first, column->key, cell->text);
        } else if (cell->kind == CELL_U64) {
            snprintf(number, sizeof(number), "%" PRIu64, cell->u64);
            print_label(e, &first, column->key, text_of(number));
        }
    }
    if (extra.key)
        print_label(e, &first, extra.key, extra.value);
    fputs(first ? " " : "} ", e->out);
}

static void print_value(const struct exposition *e, const struct cell *cell, unsigned decimals)
{
    if (cell->kind == CELL_I64 && cell->i64 < 0)
        fputc('-', e->out);
    print_decimal(e->out,
                  cell->kind == CELL_I64 && cell->i64 < 0 ? -(uint64_t)cell->i64 : cell->u64,
                  decimals);
    fputc('\n', e->out);
}

static void print_sample_name(const struct exposition *e, const struct metric *m)
{
    fprintf(e->out, "%s%s", m->name, m->counter ? "_total" : "");
}

// The sum of the rows beyond the limit; one that does not fit 64 bits stays at the nearest value.
static struct cell sum_of_rest(const struct table *t, size_t column)
{
    __int128 sum = 0;
    for (size_t row = EXPOSITION_ROWS_MAX; row < t->row_count; row++) {
        const struct cell *cell = &t->cells[row * t->column_count + column];
        sum += cell->kind == CELL_U64   ? (__int128)cell->u64
               : cell->kind == CELL_I64 ? cell->i64
                                        : 0;
    }
    if (sum < 0)
        return cell_i64(sum < INT64_MIN ? INT64_MIN : (int64_t)sum);
    return cell_u64(sum > UINT64_MAX ? UINT64_MAX : (uint64_t)sum);
}

static void print_column(const struct exposition *e, const struct table *t, size_t column,
                         const struct metric *m)
{
    const struct extra_label direction = {m->direction.ptr ? "direction" : NULL, m->direction};
    for (size_t row = 0; row < t->row_count && row < EXPOSITION_ROWS_MAX; row++) {
        const struct cell *cell = &t->cells[row * t->column_count + column];
        if (cell->kind != CELL_U64 && cell->kind != CELL_I64)
            continue;
        print_sample_name(e, m);
        print_labels(e, t, row, false, direction);
        print_value(e, cell, m->decimals);
    }
    if (t->row_count > EXPOSITION_ROWS_MAX && m->adds_up && !t->sum_row) {
        struct cell rest = sum_of_rest(t, column);
        print_sample_name(e, m);
        print_labels(e, t, EXPOSITION_ROWS_MAX, false, direction);
        print_value(e, &rest, m->decimals);
    }
}

// True if an earlier column belongs to the family: bytes_up before bytes_down.
static bool is_continued(const struct report *r, const struct table *t, size_t column,
                         const char *name)
{
    struct metric m;
    for (size_t c = 0; c < column; c++)
        if (metric_of_column(r, t, c, &m) && strcmp(m.name, name) == 0)
            return true;
    return false;
}

static void print_numbers(const struct exposition *e, const struct report *r, const struct table *t)
{
    for (size_t c = 0; c < t->column_count; c++) {
        struct metric family, m;
        if (!metric_of_column(r, t, c, &family) || is_continued(r, t, c, family.name))
            continue;
        print_head(e, &family, family.counter ? "counter" : "gauge", r->title,
                   family.direction.ptr ? family.unit : t->columns[c].title);
        for (size_t k = c; k < t->column_count; k++)
            if (metric_of_column(r, t, k, &m) && strcmp(m.name, family.name) == 0)
                print_column(e, t, k, &m);
    }
}

static void name_of_table(const struct report *r, const struct table *t, const char *suffix,
                          struct metric *m)
{
    bool main_table = t == &r->rows;
    *m = (struct metric){0};
    snprintf(m->name, sizeof(m->name), "netvitals_%s%s%s%s", r->name, main_table ? "" : "_",
             main_table ? "" : t->name, suffix);
}

// Words (a verdict) are labels of a series of value 1.
static void print_states(const struct exposition *e, const struct report *r, const struct table *t)
{
    struct metric m;
    bool any = false;
    for (size_t c = 0; c < t->column_count; c++)
        any |= metric_is_state(&t->columns[c]);
    if (!any)
        return;
    name_of_table(r, t, "", &m);
    print_head(e, &m, "info", r->title, "words that describe a row");
    for (size_t row = 0; row < t->row_count && row < EXPOSITION_ROWS_MAX; row++) {
        fprintf(e->out, "%s_info", m.name);
        print_labels(e, t, row, true, (struct extra_label){0});
        fputs("1\n", e->out);
    }
}

static void print_bucket(const struct exposition *e, const struct report *r, const struct metric *m,
                         size_t row, size_t bound)
{
    const struct histogram *h = &r->histogram;
    bool last = bound == h->bound_count;
    char *text = NULL;
    size_t size;
    FILE *value = open_memstream(&text, &size);
    if (!value)
        return;
    if (last)
        fputs("+Inf", value);
    else
        print_decimal(value, h->bounds[bound], m->decimals);
    if (fclose(value) == 0) {
        fprintf(e->out, "%s_bucket", m->name);
        print_labels(e, &r->rows, row, false,
                     (struct extra_label){"le", (struct text){text, size}});
        fprintf(e->out, "%" PRIu64 "\n", last ? h->rows[row].total : h->rows[row].counts[bound]);
    }
    free(text);
}

static void print_histogram(const struct exposition *e, const struct report *r)
{
    const struct histogram *h = &r->histogram;
    struct metric m;
    if (h->bound_count == 0 || h->row_count == 0)
        return;
    metric_of_histogram(r, &m);
    print_head(e, &m, "histogram", r->title, h->help);
    for (size_t row = 0; row < h->row_count && row < EXPOSITION_ROWS_MAX; row++) {
        for (size_t bound = 0; bound <= h->bound_count; bound++)
            print_bucket(e, r, &m, row, bound);
        fprintf(e->out, "%s_sum", m.name);
        print_labels(e, &r->rows, row, false, (struct extra_label){0});
        print_decimal(e->out, h->rows[row].sum, m.decimals);
        fprintf(e->out, "\n%s_count", m.name);
        print_labels(e, &r->rows, row, false, (struct extra_label){0});
        fprintf(e->out, "%" PRIu64 "\n", h->rows[row].total);
    }
}

static void print_table(const struct exposition *e, const struct report *r, const struct table *t)
{
    struct metric m;
    if (t->plot_only)
        return;
    name_of_table(r, t, "_rows", &m);
    print_head(e, &m, "gauge", r->title, t == &r->rows ? "rows of the report" : t->title);
    fprintf(e->out, "%s %zu\n", m.name, t->row_count);
    if (t->row_count) {
        print_states(e, r, t);
        print_numbers(e, r, t);
    }
}

static void print_time(const struct exposition *e, const char *name, const char *help,
                       uint64_t ts_us)
{
    struct metric m = {.unit = "seconds"};
    snprintf(m.name, sizeof(m.name), "%s", name);
    print_head(e, &m, "gauge", help, NULL);
    fprintf(e->out, "%s ", m.name);
    print_decimal(e->out, ts_us, 6);
    fputc('\n', e->out);
}

// All reports of a run have the same loss budget: it is the run's.
static void print_run(const struct exposition *e, const struct report *r)
{
    struct metric m = {.name = "netvitals_build"};
    print_head(e, &m, "info", "version of netvitals", NULL);
    fprintf(e->out, "netvitals_build_info{version=\"" NETVITALS_VERSION "\"} 1\n");
    for (const struct loss_item *item = loss_items; item->key; item++) {
        m = (struct metric){.counter = true, .unit = item->unit == UNIT_BYTES ? "bytes" : NULL};
        if (m.unit) // bytes_unaccounted
            snprintf(m.name, sizeof(m.name), "netvitals_%s_bytes", item->key + strlen("bytes_"));
        else
            snprintf(m.name, sizeof(m.name), "netvitals_%s", item->key);
        print_head(e, &m, "counter", item->help, NULL);
        fprintf(e->out, "%s_total %" PRIu64 "\n", m.name, loss_value(&r->loss, item));
    }
    if (r->to_us) {
        print_time(e, "netvitals_first_event_timestamp_seconds", "time of the first event",
                   r->from_us);
        print_time(e, "netvitals_last_event_timestamp_seconds", "time of the last event", r->to_us);
    }
}

void print_exposition(FILE *out, const struct report *const *reports, size_t count,
                      bool openmetrics)
{
    const struct exposition e = {out, openmetrics};
    if (count)
        print_run(&e, reports[0]);
    for (size_t i = 0; i < count; i++) {
        print_table(&e, reports[i], &reports[i]->rows);
        print_histogram(&e, reports[i]);
        for (size_t s = 0; s < reports[i]->section_count; s++)
            print_table(&e, reports[i], &reports[i]->sections[s]);
    }
    if (openmetrics)
        fputs("# EOF\n", out);
}
