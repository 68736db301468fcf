// SPDX-License-Identifier: Apache-2.0
//
// chart_shares.c - a bar for each row, cut into the columns that are parts of it.

#include "helper/report/chart.h"

#include <inttypes.h>

enum { BARS_MAX = 20, BAR_HEIGHT = 22, BAR_LEFT = 300, BAR_RIGHT = 760 };

static bool is_part(const struct table *t, size_t column, enum unit unit)
{
    return (t->columns[column].flags & COLUMN_SHARE) && t->columns[column].unit == unit;
}

static uint64_t part(const struct table *t, size_t row, size_t column, enum unit unit)
{
    const struct cell *cell = chart_cell(t, row, column);
    return is_part(t, column, unit) && cell->kind == CELL_U64 ? cell->u64 : 0;
}

static uint64_t sum_of(const struct table *t, size_t row, enum unit unit)
{
    uint64_t sum = 0;
    for (size_t c = 0; c < t->column_count; c++)
        if (__builtin_add_overflow(sum, part(t, row, c, unit), &sum))
            return UINT64_MAX;
    return sum;
}

static int scaled(uint64_t value, uint64_t max)
{
    __extension__ unsigned __int128 width = (BAR_RIGHT - BAR_LEFT) * 10;
    return max ? (int)(width * value / max) : 0;
}

static void print_parts_in_words(FILE *out, const struct table *t, size_t row, uint64_t sum,
                                 enum unit unit)
{
    char quantity[QUANTITY_MAX], share[QUANTITY_MAX];
    bool first = true;
    for (size_t c = 0; c < t->column_count; c++) {
        uint64_t value = part(t, row, c, unit);
        if (!value)
            continue;
        __extension__ unsigned __int128 ppm = (unsigned __int128)value * 1000000;
        quantity_format(sum ? (uint64_t)(ppm / sum) : 0, UNIT_PPM, share);
        fprintf(out, "%s%s", first ? "" : " + ",
                quantity_format(value, t->columns[c].unit, quantity));
        if (value != sum)
            fprintf(out, " (%s)", share);
        first = false;
    }
    fputs(first ? "0" : "", out);
}

static void print_bar(FILE *out, const struct table *t, size_t row, uint64_t max, enum unit unit)
{
    int y = (int)row * BAR_HEIGHT, x = BAR_LEFT * 10;
    uint64_t sum = sum_of(t, row, unit);
    unsigned number = 0;
    fprintf(out, "<text class=\"y\" x=\"%d\" y=\"%d\">", BAR_LEFT - 8, y + 15);
    chart_name(out, t, row, true, 42);
    fputs("</text>", out);
    for (size_t c = 0; c < t->column_count; c++) {
        if (!is_part(t, c, unit))
            continue;
        int width = scaled(part(t, row, c, unit), max);
        if (width)
            fprintf(out, "<rect class=\"c%u\" x=\"%d.%d\" y=\"%d\" width=\"%d.%d\" height=\"%d\"/>",
                    number % CHART_COLORS, x / 10, x % 10, y + 3, width / 10, width % 10,
                    BAR_HEIGHT - 6);
        x += width;
        number++;
    }
    fprintf(out, "<text class=\"v\" x=\"%d\" y=\"%d\">", x / 10 + 6, y + 15);
    print_parts_in_words(out, t, row, sum, unit);
    fputs("</text>", out);
}

static void print_bars(FILE *out, const struct table *t, enum unit unit)
{
    size_t bars = t->row_count < BARS_MAX ? t->row_count : BARS_MAX;
    uint64_t max = 0;
    unsigned number = 0;
    if (bars == 0)
        return;
    for (size_t row = 0; row < bars; row++)
        max = sum_of(t, row, unit) > max ? sum_of(t, row, unit) : max;
    if (max == 0)
        return;
    fputs("<p class=\"legend\">", out);
    for (size_t c = 0; c < t->column_count; c++)
        if (is_part(t, c, unit))
            fprintf(out, "<span><i class=\"key c%u\"></i>%s</span> ", number++ % CHART_COLORS,
                    t->columns[c].title);
    fprintf(out, "</p>\n<svg viewBox=\"0 0 %d %zu\" role=\"img\">", CHART_WIDTH / 10,
            bars * BAR_HEIGHT + 4);
    for (size_t row = 0; row < bars; row++)
        print_bar(out, t, row, max, unit);
    fputs("</svg>\n", out);
}

// Parts of one unit make a chart: nanoseconds do not add up with bytes.
void chart_shares(FILE *out, const struct table *t)
{
    for (unsigned unit = UNIT_NONE; unit <= UNIT_FLAG; unit++)
        for (size_t c = 0; c < t->column_count; c++)
            if (is_part(t, c, (enum unit)unit)) {
                print_bars(out, t, (enum unit)unit);
                break;
            }
}
