// SPDX-License-Identifier: Apache-2.0
//
// report.h - a report as data: tables with units, and the loss budget. Aggregates fill it,
// renderers print it; a renderer knows no event, an aggregate knows no format.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "schema/events.h"

enum cell_kind { CELL_ABSENT, CELL_U64, CELL_I64, CELL_TEXT };

struct cell {
    enum cell_kind kind;
    union {
        uint64_t u64;
        int64_t i64;
        struct text text;
    };
};

enum column_flags {
    COLUMN_WIDE = 1,    // text: only with --wide
    COLUMN_LABEL = 2,   // names the row: a tag in Influx, a label in Prometheus, not a value
    COLUMN_COUNTER = 4, // adds up over rows and over time: a counter, summed in totals
    COLUMN_PROSE = 8,   // a sentence for people: no label, no tag, no metric
    COLUMN_STATE =
        16, // how things stand at the end (an age), not what happened in the report's time
    COLUMN_CORRECTED = 16384, // a counter that corrections also take from: over time it can go down
    COLUMN_RENAMED = 32768,   // a label that can change while the row stays what it is
    COLUMN_WHOLE = 8192,      // text: never cut, as half a time tells nothing
    COLUMN_TREE = 4096,       // text: a path, shown below the row of what is above it
    COLUMN_SPARE = 2048,      // text: left out first where a table would be too wide
    // what html draws; a chart of a table has a line of each of its rows' labels
    COLUMN_TIME = 32,    // start of the window, microseconds: the x axis
    COLUMN_LINE = 64,    // y values of a line, and
    COLUMN_BAND = 128,   // the upper edge of the band above it
    COLUMN_MARK = 256,   // a count: where it is not 0, a mark is set below the line
    COLUMN_STACK = 512,  // y values of stacked areas, an area for each row's labels
    COLUMN_SHARE = 1024, // the parts of a bar, a bar for each row
};

struct column {
    const char *key;   // the same in every format, unit included
    const char *title; // heading of the text and HTML tables, without the unit
    enum unit unit;
    unsigned flags;
};

enum { TABLE_COLUMNS_MAX = 48 };

// Rows of cells, in the order of the columns.
struct table {
    const char *name;  // "rows", "contradictions", …
    const char *title; // heading in text, or NULL for the main table
    bool plot_only;    // a time series: html draws it, text leaves it out
    // Each row is a sum or one of its parts: so there is no sum over rows, and a part that is 0
    // says nothing to people. The word in a label of the rows that are sums; NULL: there are none.
    const char *sum_row;
    bool happened; // its rows are what happened: who is sent reports again and again, once each
    uint64_t
        window_us; // length of the windows that its COLUMN_TIME starts; 0 without such a column
    struct column columns[TABLE_COLUMNS_MAX];
    size_t column_count;
    struct cell *cells;
    size_t row_count, row_capacity;
    struct table_arena *arena;
};

void table_init(struct table *t, const char *name, const char *title);
void table_free(struct table *t);
void table_add_columns(struct table *t, const struct column *columns, size_t count);

// A new row of absent cells; the pointer holds until the next row. NULL if there is no memory.
struct cell *table_add_row(struct table *t);

struct cell cell_u64(uint64_t value);
struct cell cell_i64(int64_t value);
struct cell cell_text(struct text text); // not copied
// Copied into the table.
struct cell cell_copy(struct table *t, struct text text);
struct cell cell_ip(struct table *t, struct ip_addr ip);

// In the order of the labels of two rows: 0 for rows of the same thing.
int row_compare_labels(const struct table *t, const struct cell *a, const struct cell *b);
// The same without COLUMN_RENAMED: 0 also for a row that has another name by now.
int row_compare_identity(const struct table *t, const struct cell *a, const struct cell *b);
// The row of the same as `row`, in a table sorted by row_compare_identity; NULL if there is none.
struct cell *row_find(const struct table *sorted, const struct cell *row);
// True for the row of all that is not shown: "other" is its only label.
bool row_is_other(const struct table *t, const struct cell *row);
// False for a part of a sum that is 0: left out where people read, unless they ask for everything.
bool row_tells_people(const struct table *t, const struct cell *row);
int cell_compare(const struct cell *a, const struct cell *b);

// The sum over all rows of a column; false if it overflows 64 bits or has a cell that is no
// unsigned number.
bool table_total(const struct table *t, size_t column, uint64_t *total);

// Sorts rows by cmp, stably. Cells of a row stay together.
void table_sort(struct table *t,
                int (*cmp)(const struct cell *a, const struct cell *b, void *context),
                void *context);

// What kept the report from being complete. All counts add.
struct loss_budget {
    uint64_t events;            // events read
    uint64_t streams;           // begin events
    uint64_t streams_ended;     // end events
    uint64_t events_lost;       // said by the producers
    uint64_t lines_rejected;    // malformed
    uint64_t lines_unknown;     // of an unknown type
    uint64_t bytes_unaccounted; // traffic seen and not attributed
};

// Its members by key, in the order in which formats print them; ended by a row without key.
struct loss_item {
    const char *key;
    enum unit unit;
    size_t offset; // of the uint64_t in struct loss_budget
    const char *help;
};

extern const struct loss_item loss_items[];
uint64_t loss_value(const struct loss_budget *loss, const struct loss_item *item);

enum { HISTOGRAM_BOUNDS_MAX = 24, HISTOGRAM_ROWS_MAX = 1000 };

struct histogram_row {
    uint64_t total, sum;                   // of all values
    uint64_t counts[HISTOGRAM_BOUNDS_MAX]; // of those that are at most the bound
};

// Values by size, a distribution for each of the first rows of the report, for formats that have
// such a thing.
struct histogram {
    enum unit unit;
    const char *help;
    size_t bound_count; // 0: there is none
    uint64_t bounds[HISTOGRAM_BOUNDS_MAX];
    struct histogram_row *rows;
    size_t row_count;
};

enum { REPORT_SECTIONS_MAX = 8 };

struct report {
    const char *name;
    const char *title;
    const char *how_to_feed; // shown when there is nothing to show
    const char *why_empty; // the reason, if it is not that no event of the report was read; or NULL
    uint64_t from_us, to_us; // first and last timestamp; 0, 0 without events
    const char *const *sources;
    size_t source_count;
    struct loss_budget loss;
    struct table rows;
    struct table sections[REPORT_SECTIONS_MAX]; // beside rows: contradictions, timelines
    size_t section_count;
    struct histogram histogram; // of the rows; whoever fills it does not sort them
    bool nothing_there;         // what was asked for by name is not there, which was said on stderr
    char *note; // further lines for people, each with its newline; NULL: none. See report_note
    size_t note_len, note_size;
};

// Adds to the lines that stand below the table. The text ends with a newline.
void report_note(struct report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Why the report has no rows, as what follows "nothing to report: ".
const char *report_why_empty(const struct report *r);

// Frees what a report owns: its tables and its note.
void report_release(struct report *r);

// Adds an empty section and returns it.
struct table *report_add_section(struct report *r, const char *name, const char *title);

// ---- monitoring-plugin results

enum check_state { CHECK_OK = 0, CHECK_WARNING = 1, CHECK_CRITICAL = 2, CHECK_UNKNOWN = 3 };

struct check_result {
    char text[768];     // behind "RTT CRITICAL - "
    char perfdata[512]; // behind " | "
};
