// SPDX-License-Identifier: Apache-2.0
//
// chart.h - inline SVG of what a table's columns ask for (enum column_flags). No chart knows a
// report.
#pragma once

#include "helper/report/html.h"

// Draws whatever charts the columns of the table ask for; nothing if they ask for none.
void chart_table(FILE *out, const struct report *report, const struct table *table);

// ---- private to chart*.c

// Coordinates are tenths of the SVG's units. The drawing area is [left, right] by [top, bottom].
enum {
    CHART_WIDTH = 9600,
    CHART_LEFT = 860,
    CHART_RIGHT = 9500,
    CHART_TOP = 300,
    CHART_COLORS = 8, // beyond them, series are drawn together as `other`
};

// Rows that have the same labels, in the order of time: order[first .. first + count).
struct chart_series {
    size_t first, count;
    uint64_t total; // what it is ranked by
};

// A table with a COLUMN_TIME, cut into its series.
struct chart {
    FILE *out;
    const struct report *report;
    const struct table *table;
    size_t time_column;
    uint64_t from_us, to_us; // of the x axis
    size_t *order;
    struct chart_series *series; // in the order of the table's rows
    size_t series_count;
    bool wide_names; // the labels that are shown without --wide do not tell the series apart
};

// False if the table is empty, or there is no memory.
bool chart_open(struct chart *c, FILE *out, const struct report *report, const struct table *table);
void chart_close(struct chart *c);

// The first column with the flag, or column_count.
size_t chart_column(const struct table *t, unsigned flag);

const struct cell *chart_cell(const struct table *t, size_t row, size_t column);
uint64_t chart_time(const struct chart *c, size_t row);

// The name of a row among the others: its labels, those left out that are the same in all rows or
// that only
// --wide shows and that tell nothing apart.
void chart_name(FILE *out, const struct table *t, size_t row, bool wide, size_t characters);

// The place of a time and of a value between the axes.
int chart_x(const struct chart *c, uint64_t at_us);
int chart_y(uint64_t value, uint64_t max, int bottom);

// The smallest 1, 2 or 5 times a power of ten, or of 60 s, that four of them reach max.
uint64_t chart_step(uint64_t max, enum unit unit);

// Opens an SVG, draws its axes and grid; values reach up to max. per_second says that they are
// rates.
void chart_axes(const struct chart *c, int bottom, uint64_t max, enum unit unit, bool per_second);

// "x,y" in SVG units.
void chart_point(FILE *out, int x, int y);

// A rectangle that shows all values of a row when pointed at.
void chart_tip(const struct chart *c, size_t row, int bottom);

void chart_lines(const struct chart *c);
void chart_stacks(const struct chart *c);
void chart_shares(FILE *out, const struct table *table);
