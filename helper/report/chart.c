// SPDX-License-Identifier: Apache-2.0
//
// chart.c - what all charts have: series, scales, axes.

#include "helper/report/chart.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const uint64_t second_us = 1000000;
enum { SERIES_COMPARED_MAX = 256, NAME_PARTS_MAX = 512 };

size_t chart_column(const struct table *t, unsigned flag)
{
    size_t c = 0;
    while (c < t->column_count && !(t->columns[c].flags & flag))
        c++;
    return c;
}

const struct cell *chart_cell(const struct table *t, size_t row, size_t column)
{
    return &t->cells[row * t->column_count + column];
}

uint64_t chart_time(const struct chart *c, size_t row)
{
    return chart_cell(c->table, row, c->time_column)->u64;
}

static int compare_labels(const struct table *t, size_t a, size_t b)
{
    return row_compare_labels(t, chart_cell(t, a, 0), chart_cell(t, b, 0));
}

static int compare_rows(const void *a, const void *b, void *context)
{
    const struct chart *c = context;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int order = compare_labels(c->table, x, y);
    if (order)
        return order;
    uint64_t at_x = chart_time(c, x), at_y = chart_time(c, y);
    return (at_x > at_y) - (at_x < at_y);
}

static int compare_series(const void *a, const void *b, void *context)
{
    const struct chart *c = context;
    size_t x = c->order[((const struct chart_series *)a)->first];
    size_t y = c->order[((const struct chart_series *)b)->first];
    return (x > y) - (x < y);
}

static void cut_series(struct chart *c)
{
    const struct table *t = c->table;
    for (size_t row = 0; row < t->row_count; row++)
        c->order[row] = row;
    qsort_r(c->order, t->row_count, sizeof(*c->order), compare_rows, c);
    for (size_t i = 0; i < t->row_count; i++) {
        if (i == 0 || compare_labels(t, c->order[i - 1], c->order[i]) != 0)
            c->series[c->series_count++] = (struct chart_series){.first = i};
        c->series[c->series_count - 1].count++;
    }
    qsort_r(c->series, c->series_count, sizeof(*c->series), compare_series, c);
}

static bool narrow_labels_differ(const struct table *t, size_t a, size_t b)
{
    for (size_t c = 0; c < t->column_count; c++)
        if ((t->columns[c].flags & (COLUMN_LABEL | COLUMN_WIDE)) == COLUMN_LABEL &&
            cell_compare(chart_cell(t, a, c), chart_cell(t, b, c)) != 0)
            return true;
    return false;
}

static bool needs_wide_names(const struct chart *c)
{
    if (c->series_count > SERIES_COMPARED_MAX)
        return true;
    for (size_t i = 0; i < c->series_count; i++)
        for (size_t k = 0; k < i; k++)
            if (!narrow_labels_differ(c->table, c->order[c->series[i].first],
                                      c->order[c->series[k].first]))
                return true;
    return false;
}

bool chart_open(struct chart *c, FILE *out, const struct report *report, const struct table *table)
{
    *c = (struct chart){.out = out, .report = report, .table = table};
    c->time_column = chart_column(table, COLUMN_TIME);
    if (c->time_column == table->column_count || table->row_count == 0)
        return false;
    c->order = calloc(table->row_count, sizeof(*c->order));
    c->series = calloc(table->row_count, sizeof(*c->series));
    if (!c->order || !c->series) {
        chart_close(c);
        return false;
    }
    c->from_us = UINT64_MAX;
    for (size_t row = 0; row < table->row_count; row++) {
        uint64_t at_us = chart_time(c, row);
        c->from_us = at_us < c->from_us ? at_us : c->from_us;
        c->to_us = at_us + table->window_us > c->to_us ? at_us + table->window_us : c->to_us;
    }
    if (c->to_us == c->from_us)
        c->to_us++;
    cut_series(c);
    c->wide_names = needs_wide_names(c);
    return true;
}

void chart_close(struct chart *c)
{
    free(c->order);
    free(c->series);
    c->order = NULL;
    c->series = NULL;
}

// ---- names

static bool tells_apart(const struct table *t, size_t column)
{
    for (size_t row = 1; row < t->row_count; row++)
        if (cell_compare(chart_cell(t, 0, column), chart_cell(t, row, column)) != 0)
            return true;
    return false;
}

void chart_name(FILE *out, const struct table *t, size_t row, bool wide, size_t characters)
{
    char name[NAME_PARTS_MAX] = "";
    size_t at = 0;
    bool any_label = false;
    for (size_t c = 0; c < t->column_count; c++) {
        const struct column *column = &t->columns[c];
        const struct cell *cell = chart_cell(t, row, c);
        bool is_wide = column->flags & COLUMN_WIDE;
        any_label |= (column->flags & COLUMN_LABEL) != 0;
        if (!(column->flags & COLUMN_LABEL) || cell->kind == CELL_ABSENT)
            continue;
        if (is_wide && !(wide && tells_apart(t, c)))
            continue;
        if (at + 64 >= sizeof(name))
            break;
        at += (size_t)snprintf(name + at, sizeof(name) - at, "%s%s%s", at ? " " : "",
                               is_wide ? column->key : "", is_wide ? " " : "");
        if (cell->kind == CELL_TEXT)
            at += (size_t)snprintf(name + at, sizeof(name) - at, "%.*s", (int)cell->text.len,
                                   cell->text.ptr);
        else
            at += (size_t)snprintf(name + at, sizeof(name) - at, "%" PRIu64, cell->u64);
        at = at < sizeof(name) ? at : sizeof(name) - 1;
    }
    const struct text unnamed = any_label ? TEXT_LITERAL("–") : TEXT_LITERAL("all");
    html_text_cut(out, at ? (struct text){name, at} : unnamed, characters);
}

// ---- scales

int chart_x(const struct chart *c, uint64_t at_us)
{
    __extension__ unsigned __int128 width = CHART_RIGHT - CHART_LEFT;
    return CHART_LEFT + (int)(width * (at_us - c->from_us) / (c->to_us - c->from_us));
}

int chart_y(uint64_t value, uint64_t max, int bottom)
{
    __extension__ unsigned __int128 height = (unsigned)(bottom - CHART_TOP);
    if (value >= max)
        return CHART_TOP;
    return bottom - (int)(height * value / max);
}

uint64_t chart_step(uint64_t max, enum unit unit)
{
    static const uint64_t factors[] = {1, 2, 5};
    (void)unit;
    for (uint64_t power = 1; power <= UINT64_MAX / 100; power *= 10)
        for (size_t i = 0; i < sizeof(factors) / sizeof(*factors); i++)
            if (factors[i] * power * 4 >= max)
                return factors[i] * power;
    return max / 4;
}

static uint64_t time_step_us(uint64_t range_us)
{
    static const unsigned steps_s[] = {1,     2,     5,     10,    15,     30,    60,
                                       120,   300,   600,   900,   1800,   3600,  7200,
                                       10800, 21600, 43200, 86400, 172800, 604800};
    for (size_t i = 0; i < sizeof(steps_s) / sizeof(*steps_s); i++)
        if (range_us / (steps_s[i] * second_us) <= 10)
            return steps_s[i] * second_us;
    return range_us / (10 * 86400 * second_us) * 86400 * second_us;
}

// ---- axes

void chart_point(FILE *out, int x, int y)
{
    fprintf(out, "%d.%d,%d.%d", x / 10, x % 10, y / 10, y % 10);
}

static void print_line(FILE *out, const char *class, int x1, int y1, int x2, int y2)
{
    fprintf(out, "<path class=\"%s\" d=\"M", class);
    chart_point(out, x1, y1);
    fputc('L', out);
    chart_point(out, x2, y2);
    fputs("\"/>", out);
}

static void print_y_axis(const struct chart *c, int bottom, uint64_t max, enum unit unit,
                         bool per_second)
{
    char label[QUANTITY_MAX];
    uint64_t step = chart_step(max, unit);
    for (uint64_t value = 0; step && value <= max; value += step) {
        int y = chart_y(value, max, bottom);
        print_line(c->out, "grid", CHART_LEFT, y, CHART_RIGHT, y);
        fprintf(c->out, "<text class=\"y\" x=\"%d\" y=\"%d\">%s%s</text>", CHART_LEFT / 10 - 6,
                y / 10 + 4, value ? quantity_format(value, unit, label) : "0",
                value && per_second ? "/s" : "");
    }
}

static void print_x_axis(const struct chart *c, int bottom)
{
    uint64_t step_us = time_step_us(c->to_us - c->from_us);
    uint64_t at_us = (c->from_us + step_us - 1) / step_us * step_us;
    uint64_t day = 0;
    const char *form = step_us < 60 * second_us      ? "%H:%M:%S"
                       : step_us < 86400 * second_us ? "%H:%M"
                                                     : "%m-%d";
    for (; at_us <= c->to_us; at_us += step_us) {
        char label[32];
        time_t seconds = (time_t)(at_us / second_us);
        struct tm tm;
        bool new_day = day && at_us / (86400 * second_us) != day;
        if (!gmtime_r(&seconds, &tm) ||
            !strftime(label, sizeof(label), new_day ? "%m-%d" : form, &tm))
            return;
        day = at_us / (86400 * second_us);
        int x = chart_x(c, at_us);
        print_line(c->out, "tick", x, bottom, x, bottom + 50);
        if (x < CHART_RIGHT - 200)
            fprintf(c->out, "<text class=\"x\" x=\"%d\" y=\"%d\">%s</text>", x / 10,
                    bottom / 10 + 18, label);
    }
}

void chart_axes(const struct chart *c, int bottom, uint64_t max, enum unit unit, bool per_second)
{
    fprintf(c->out, "<svg viewBox=\"0 0 %d %d\" role=\"img\">", CHART_WIDTH / 10, bottom / 10 + 24);
    print_y_axis(c, bottom, max, unit, per_second);
    print_x_axis(c, bottom);
    print_line(c->out, "axis", CHART_LEFT, bottom, CHART_RIGHT, bottom);
}

void chart_tip(const struct chart *c, size_t row, int bottom)
{
    const struct table *t = c->table;
    uint64_t at_us = chart_time(c, row);
    char time[QUANTITY_MAX], quantity[QUANTITY_MAX];
    int x = chart_x(c, at_us), width = chart_x(c, at_us + t->window_us) - x;
    fprintf(c->out,
            "<rect class=\"tip\" x=\"%d.%d\" y=\"%d\" width=\"%d.%d\" height=\"%d\"><title>%.19sZ",
            x / 10, x % 10, CHART_TOP / 10, width / 10, width % 10, (bottom - CHART_TOP) / 10,
            time_format(at_us, time));
    for (size_t k = 0; k < t->column_count; k++) {
        const struct cell *cell = chart_cell(t, row, k);
        if (cell->kind == CELL_U64 && !(t->columns[k].flags & (COLUMN_LABEL | COLUMN_TIME)))
            fprintf(c->out, "\n%s %s", t->columns[k].title,
                    quantity_format(cell->u64, t->columns[k].unit, quantity));
    }
    fputs("</title></rect>", c->out);
}

void chart_table(FILE *out, const struct report *report, const struct table *table)
{
    struct chart c;
    if (chart_column(table, COLUMN_SHARE) < table->column_count)
        chart_shares(out, table);
    if (!chart_open(&c, out, report, table))
        return;
    if (chart_column(table, COLUMN_LINE) < table->column_count)
        chart_lines(&c);
    if (chart_column(table, COLUMN_STACK) < table->column_count)
        chart_stacks(&c);
    chart_close(&c);
}
