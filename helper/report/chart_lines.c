// SPDX-License-Identifier: Apache-2.0
//
// chart_lines.c - a panel for each series: a line, the band above it, and marks. Where a window has
// no value the line breaks, and where one counts marks the window is shaded: a gap is seen as a
// gap.

#include "helper/report/chart.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PANELS_MAX = 24, PANEL_BOTTOM = 1300, MARK_HEIGHT = 60, MARKS_MAX = 4 };

struct panel {
    const struct chart *chart;
    const struct chart_series *series;
    size_t line, band; // columns; band is column_count where there is none
    uint64_t max;      // of the y axis
    uint64_t gap_us;   // points further apart are not joined
};

static size_t row_of(const struct panel *p, size_t i)
{
    return p->chart->order[p->series->first + i];
}

static const struct cell *value_of(const struct panel *p, size_t i, size_t column)
{
    static const struct cell absent;
    return column < p->chart->table->column_count
               ? chart_cell(p->chart->table, row_of(p, i), column)
               : &absent;
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

// Four times the usual distance of two points: beyond it, something did not happen.
static uint64_t usual_gap_us(const struct panel *p)
{
    uint64_t window_us = p->chart->table->window_us, usual_us = window_us;
    uint64_t *gaps = calloc(p->series->count, sizeof(*gaps));
    for (size_t i = 1; gaps && i < p->series->count; i++)
        gaps[i - 1] = chart_time(p->chart, row_of(p, i)) - chart_time(p->chart, row_of(p, i - 1));
    if (gaps && p->series->count > 1) {
        qsort(gaps, p->series->count - 1, sizeof(*gaps), compare_u64);
        usual_us = gaps[(p->series->count - 1) / 2];
    }
    free(gaps);
    return 4 * usual_us;
}

// The y axis reaches the top of the band, yet not so far that the line is flat: what is higher is
// cut.
static uint64_t axis_max(const struct panel *p)
{
    uint64_t line_max = 0, band_max = 0;
    for (size_t i = 0; i < p->series->count; i++) {
        const struct cell *line = value_of(p, i, p->line), *band = value_of(p, i, p->band);
        line_max = line->kind == CELL_U64 && line->u64 > line_max ? line->u64 : line_max;
        band_max = band->kind == CELL_U64 && band->u64 > band_max ? band->u64 : band_max;
    }
    uint64_t max = band_max > line_max ? band_max : line_max;
    if (max / 4 > line_max)
        max = line_max * 4;
    return max ? max + max / 10 : 1;
}

static int middle_x(const struct panel *p, size_t i)
{
    return chart_x(p->chart, chart_time(p->chart, row_of(p, i)) + p->chart->table->window_us / 2);
}

// How many points from i on are joined.
static size_t run_length(const struct panel *p, size_t i)
{
    size_t n = 0;
    for (; i + n < p->series->count && value_of(p, i + n, p->line)->kind == CELL_U64; n++)
        if (n &&
            chart_time(p->chart, row_of(p, i + n)) - chart_time(p->chart, row_of(p, i + n - 1)) >
                p->gap_us)
            break;
    return n;
}

static void print_band(const struct panel *p, size_t first, size_t n)
{
    FILE *out = p->chart->out;
    fputs("<path class=\"band\" d=\"M", out);
    for (size_t i = first; i < first + n; i++) {
        fputs(i > first ? "L" : "", out);
        chart_point(out, middle_x(p, i),
                    chart_y(value_of(p, i, p->line)->u64, p->max, PANEL_BOTTOM));
    }
    for (size_t i = first + n; i-- > first;) {
        const struct cell *top = value_of(p, i, p->band);
        uint64_t value = top->kind == CELL_U64 ? top->u64 : value_of(p, i, p->line)->u64;
        fputc('L', out);
        chart_point(out, middle_x(p, i), chart_y(value, p->max, PANEL_BOTTOM));
    }
    fputs("Z\"/>", out);
}

// A point without neighbours is a dot, and its band a bar.
static void print_dot(const struct panel *p, size_t i)
{
    FILE *out = p->chart->out;
    int x = middle_x(p, i), y = chart_y(value_of(p, i, p->line)->u64, p->max, PANEL_BOTTOM);
    const struct cell *top = value_of(p, i, p->band);
    if (top->kind == CELL_U64) {
        fputs("<path class=\"bar\" d=\"M", out);
        chart_point(out, x, y);
        fputc('L', out);
        chart_point(out, x, chart_y(top->u64, p->max, PANEL_BOTTOM));
        fputs("\"/>", out);
    }
    fprintf(out, "<circle class=\"dot\" cx=\"%d.%d\" cy=\"%d.%d\" r=\"2\"/>", x / 10, x % 10,
            y / 10, y % 10);
}

static void print_runs(const struct panel *p)
{
    FILE *out = p->chart->out;
    for (size_t i = 0, n; i < p->series->count; i += n ? n : 1) {
        n = run_length(p, i);
        if (n == 1)
            print_dot(p, i);
        if (n < 2)
            continue;
        if (p->band < p->chart->table->column_count)
            print_band(p, i, n);
        fputs("<path class=\"line\" d=\"M", out);
        for (size_t k = i; k < i + n; k++) {
            fputs(k > i ? "L" : "", out);
            chart_point(out, middle_x(p, k),
                        chart_y(value_of(p, k, p->line)->u64, p->max, PANEL_BOTTOM));
        }
        fputs("\"/>", out);
    }
}

// Stands on the x axis.
static void print_rect(const struct panel *p, const char *class, unsigned number, int x, int width,
                       int height)
{
    fprintf(p->chart->out,
            "<rect class=\"%s m%u\" x=\"%d.%d\" y=\"%d\" width=\"%d.%d\" height=\"%d\"/>", class,
            number, x / 10, x % 10, (PANEL_BOTTOM - height) / 10, width / 10, width % 10,
            height / 10);
}

static void print_marks(const struct panel *p)
{
    const struct table *t = p->chart->table;
    unsigned number = 0;
    for (size_t c = 0; c < t->column_count; c++) {
        if (!(t->columns[c].flags & COLUMN_MARK))
            continue;
        for (size_t i = 0; i < p->series->count; i++) {
            const struct cell *count = value_of(p, i, c);
            uint64_t at_us = chart_time(p->chart, row_of(p, i));
            int x = chart_x(p->chart, at_us), width = chart_x(p->chart, at_us + t->window_us) - x;
            if (count->kind != CELL_U64 || count->u64 == 0)
                continue;
            width = width < 15 ? 15 : width;
            if (value_of(p, i, p->line)->kind == CELL_ABSENT)
                print_rect(p, "shade", number, x, width, PANEL_BOTTOM - CHART_TOP);
            print_rect(p, "mark", number, x, width, MARK_HEIGHT);
        }
        number = (number + 1) % MARKS_MAX;
    }
}

// The words of the report's row that has the same labels: its verdict.
static void print_state(const struct panel *p)
{
    const struct table *t = p->chart->table, *rows = &p->chart->report->rows;
    size_t shown = row_of(p, 0);
    for (size_t row = 0; row < rows->row_count; row++) {
        bool same = true;
        for (size_t c = 0; c < t->column_count && same; c++)
            for (size_t k = 0; k < rows->column_count && same; k++) {
                const struct cell *a = chart_cell(t, shown, c), *b = chart_cell(rows, row, k);
                if (!(t->columns[c].flags & COLUMN_LABEL) ||
                    !text_equal(text_of(t->columns[c].key), text_of(rows->columns[k].key)))
                    continue;
                same = a->kind == b->kind &&
                       (a->kind == CELL_TEXT ? text_equal(a->text, b->text) : a->u64 == b->u64);
            }
        for (size_t k = 0; same && k < rows->column_count; k++) {
            const struct cell *word = chart_cell(rows, row, k);
            if (rows->columns[k].unit != UNIT_NONE || word->kind != CELL_TEXT ||
                (rows->columns[k].flags & (COLUMN_LABEL | COLUMN_PROSE)))
                continue;
            fprintf(p->chart->out, " <tspan class=\"%s\">", html_word_class(word->text));
            html_text(p->chart->out, word->text);
            fputs("</tspan>", p->chart->out);
        }
        if (same)
            return;
    }
}

static void print_panel(const struct panel *p)
{
    FILE *out = p->chart->out;
    chart_axes(p->chart, PANEL_BOTTOM, p->max, p->chart->table->columns[p->line].unit, false);
    fprintf(out, "<text class=\"name\" x=\"%d\" y=\"18\">", CHART_LEFT / 10);
    chart_name(out, p->chart->table, row_of(p, 0), p->chart->wide_names, 90);
    print_state(p);
    fputs("</text>", out);
    print_marks(p);
    print_runs(p);
    for (size_t i = 0; i < p->series->count; i++)
        chart_tip(p->chart, row_of(p, i), PANEL_BOTTOM);
    fputs("</svg>\n", out);
}

static void print_legend(const struct chart *c, size_t line, size_t band)
{
    const struct table *t = c->table;
    unsigned number = 0;
    fprintf(c->out, "<p class=\"legend\"><i class=\"key line\"></i>%s", t->columns[line].title);
    if (band < t->column_count)
        fprintf(c->out, " <i class=\"key band\"></i>up to %s", t->columns[band].title);
    for (size_t k = 0; k < t->column_count; k++)
        if (t->columns[k].flags & COLUMN_MARK) {
            fprintf(c->out, " <i class=\"key m%u\"></i>%s", number, t->columns[k].title);
            number = (number + 1) % MARKS_MAX;
        }
    fputs("</p>\n", c->out);
}

void chart_lines(const struct chart *c)
{
    size_t line = chart_column(c->table, COLUMN_LINE), band = chart_column(c->table, COLUMN_BAND);
    char window[QUANTITY_MAX];
    fprintf(c->out, "<h3>%s</h3>\n<p class=\"sub\">UTC, windows of %s</p>\n", c->table->title,
            quantity_format(c->table->window_us, UNIT_US, window));
    print_legend(c, line, band);
    for (size_t i = 0; i < c->series_count && i < PANELS_MAX; i++) {
        struct panel p = {.chart = c, .series = &c->series[i], .line = line, .band = band};
        p.gap_us = usual_gap_us(&p);
        p.max = axis_max(&p);
        print_panel(&p);
    }
    if (c->series_count > PANELS_MAX)
        fprintf(c->out, "<p class=\"sub\">%zu more are not drawn.</p>\n",
                c->series_count - PANELS_MAX);
}
