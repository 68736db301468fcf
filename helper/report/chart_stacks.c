// SPDX-License-Identifier: Apache-2.0
//
// chart_stacks.c - series over each other as rates: the upper edge is the whole. The largest series
// have a colour each, the rest is one area.

#include "helper/report/chart.h"

#include <inttypes.h>
#include <stdlib.h>

enum { STACK_BOTTOM = 2300, WINDOWS_DRAWN_MAX = 4000 };

struct stack {
    const struct chart *chart;
    size_t column;
    size_t windows;
    size_t layers;
    size_t rank[CHART_COLORS + 1]; // of the series of each layer; the last layer is the rest
    uint64_t *values;              // [layer * windows + window], per second
};

static uint64_t per_second(uint64_t value, uint64_t window_us)
{
    __extension__ unsigned __int128 scaled = (unsigned __int128)value * 1000000;
    return (uint64_t)(scaled / (window_us ? window_us : 1));
}

static uint64_t number(const struct cell *cell)
{
    return cell->kind == CELL_U64 ? cell->u64 : 0;
}

static uint64_t total_of(const struct chart *c, const struct chart_series *s, size_t column)
{
    uint64_t total = 0;
    for (size_t i = 0; i < s->count; i++)
        total += number(chart_cell(c->table, c->order[s->first + i], column));
    return total;
}

// Puts the series with the largest totals of all stacked columns into the first layers: a series
// has the same colour in each of the stacks.
static void rank_series(struct stack *s)
{
    const struct chart *c = s->chart;
    for (size_t i = 0; i < c->series_count; i++) {
        c->series[i].total = 0;
        for (size_t k = 0; k < c->table->column_count; k++)
            if (c->table->columns[k].flags & COLUMN_STACK)
                c->series[i].total += total_of(c, &c->series[i], k);
    }
    for (size_t i = 0; i < c->series_count; i++) {
        size_t at = s->layers < CHART_COLORS ? s->layers++ : CHART_COLORS;
        for (; at > 0 && c->series[s->rank[at - 1]].total < c->series[i].total; at--)
            if (at < CHART_COLORS)
                s->rank[at] = s->rank[at - 1];
        if (at < CHART_COLORS)
            s->rank[at] = i;
    }
}

static size_t layer_of(const struct stack *s, size_t series)
{
    size_t layer = 0;
    while (layer < s->layers && s->rank[layer] != series)
        layer++;
    return layer;
}

static bool fill_values(struct stack *s)
{
    const struct chart *c = s->chart;
    uint64_t window_us = c->table->window_us;
    s->values = calloc((s->layers + 1) * s->windows, sizeof(*s->values));
    if (!s->values)
        return false;
    for (size_t k = 0; k < c->series_count; k++) {
        size_t layer = layer_of(s, k);
        for (size_t i = 0; i < c->series[k].count; i++) {
            size_t row = c->order[c->series[k].first + i];
            size_t window = (size_t)((chart_time(c, row) - c->from_us) / window_us);
            s->values[layer * s->windows + window] +=
                per_second(number(chart_cell(c->table, row, s->column)), window_us);
        }
    }
    return true;
}

// What stands on a layer's floor in a window: the layers below it.
static uint64_t floor_of(const struct stack *s, size_t layer, size_t window)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < layer; i++)
        sum += s->values[i * s->windows + window];
    return sum;
}

static void print_edge(const struct stack *s, size_t layer, uint64_t max, bool back)
{
    const struct chart *c = s->chart;
    for (size_t i = 0; i < s->windows; i++) {
        size_t window = back ? s->windows - 1 - i : i;
        int y = chart_y(floor_of(s, layer, window), max, STACK_BOTTOM);
        int left = chart_x(c, c->from_us + window * c->table->window_us);
        int right = chart_x(c, c->from_us + (window + 1) * c->table->window_us);
        fputs(i || back ? "L" : "M", c->out);
        chart_point(c->out, back ? right : left, y);
        fputc('L', c->out);
        chart_point(c->out, back ? left : right, y);
    }
}

static void print_layers(const struct stack *s, uint64_t max)
{
    for (size_t layer = 0; layer <= s->layers; layer++) {
        bool rest = layer == s->layers;
        if (rest && s->chart->series_count <= s->layers)
            break;
        if (rest)
            fputs("<path class=\"rest\" d=\"", s->chart->out);
        else
            fprintf(s->chart->out, "<path class=\"c%zu\" d=\"", layer);
        print_edge(s, layer, max, false);
        print_edge(s, layer + 1, max, true);
        fputs("Z\"/>", s->chart->out);
    }
}

static void print_tips(const struct stack *s)
{
    const struct chart *c = s->chart;
    char time[QUANTITY_MAX], rate[QUANTITY_MAX];
    for (size_t window = 0; window < s->windows; window++) {
        uint64_t at_us = c->from_us + window * c->table->window_us;
        int x = chart_x(c, at_us), width = chart_x(c, at_us + c->table->window_us) - x;
        fprintf(
            c->out,
            "<rect class=\"tip\" x=\"%d.%d\" y=\"%d\" width=\"%d.%d\" height=\"%d\"><title>%.19sZ",
            x / 10, x % 10, CHART_TOP / 10, width / 10, width % 10, (STACK_BOTTOM - CHART_TOP) / 10,
            time_format(at_us, time));
        for (size_t layer = 0; layer <= s->layers; layer++) {
            uint64_t value = s->values[layer * s->windows + window];
            if (!value)
                continue;
            fputc('\n', c->out);
            if (layer < s->layers)
                chart_name(c->out, c->table, c->order[c->series[s->rank[layer]].first],
                           c->wide_names, 60);
            else
                fputs("other", c->out);
            fprintf(c->out, " %s/s",
                    quantity_format(value, c->table->columns[s->column].unit, rate));
        }
        fputs("</title></rect>", c->out);
    }
}

static void print_legend(const struct stack *s)
{
    const struct chart *c = s->chart;
    uint64_t rest = 0;
    char quantity[QUANTITY_MAX];
    enum unit unit = c->table->columns[s->column].unit;
    fputs("<p class=\"legend\">", c->out);
    for (size_t layer = 0; layer < s->layers; layer++) {
        fprintf(c->out, "<span><i class=\"key c%zu\"></i>", layer);
        chart_name(c->out, c->table, c->order[c->series[s->rank[layer]].first], c->wide_names, 48);
        fprintf(c->out, " <b>%s</b></span> ",
                quantity_format(c->series[s->rank[layer]].total, unit, quantity));
    }
    for (size_t i = 0; i < c->series_count; i++)
        rest += layer_of(s, i) == s->layers ? c->series[i].total : 0;
    if (c->series_count > s->layers)
        fprintf(c->out, "<span><i class=\"key rest\"></i>%zu others <b>%s</b></span>",
                c->series_count - s->layers, quantity_format(rest, unit, quantity));
    fputs("</p>\n", c->out);
}

static void print_stack(struct stack *s)
{
    const struct chart *c = s->chart;
    uint64_t max = 0;
    for (size_t i = 0; i < c->series_count; i++)
        c->series[i].total = total_of(c, &c->series[i], s->column);
    if (!fill_values(s))
        return;
    for (size_t window = 0; window < s->windows; window++) {
        uint64_t sum = floor_of(s, s->layers + 1, window);
        max = sum > max ? sum : max;
    }
    max = max ? max + max / 20 : 1;
    print_legend(s);
    chart_axes(c, STACK_BOTTOM, max, c->table->columns[s->column].unit, true);
    fprintf(c->out, "<text class=\"name\" x=\"%d\" y=\"18\">%s</text>", CHART_LEFT / 10,
            c->table->columns[s->column].title);
    print_layers(s, max);
    print_tips(s);
    fputs("</svg>\n", c->out);
    free(s->values);
}

void chart_stacks(const struct chart *c)
{
    const struct table *t = c->table;
    char window[QUANTITY_MAX];
    uint64_t windows = t->window_us ? (c->to_us - c->from_us) / t->window_us : 0;
    fprintf(c->out, "<h3>%s</h3>\n<p class=\"sub\">UTC, windows of %s</p>\n", t->title,
            quantity_format(t->window_us, UNIT_US, window));
    if (windows == 0 || windows > WINDOWS_DRAWN_MAX) {
        fputs("<p class=\"sub\">Not drawn: too many windows; give a longer --window.</p>\n",
              c->out);
        return;
    }
    struct stack s = {.chart = c, .windows = (size_t)windows};
    rank_series(&s);
    for (s.column = 0; s.column < t->column_count; s.column++)
        if (t->columns[s.column].flags & COLUMN_STACK)
            print_stack(&s);
}
