// SPDX-License-Identifier: Apache-2.0
//
// format.h - the output formats. One row of formats.def and one file is one format.
#pragma once

#include <stdio.h>
#include "helper/report/report.h"

struct render_options {
    bool wide;  // text: all columns
    bool raw;   // text: exact integers instead of 204 µs
    bool color; // text: the terminal shows colour
    uint64_t now_us;
};

struct format {
    const char *name;
    const char *help;
    bool plots; // draws series over time: aggregates are to keep windows
    // Prints reports (one, or those of `report all`). Write errors show on out. NULL for a format
    // that prints summary events instead of tables.
    void (*render)(FILE *out, const struct report *const *reports, size_t count,
                   const struct render_options *options);
};

// Ended by a row without name.
extern const struct format formats[];

const struct format *format_find(const char *name);

// All names, NULL-terminated: the choices of --format.
extern const char *const format_names[];

// ---- what several renderers need (quantity.c, quote.c)

enum { QUANTITY_MAX = 32 };

// A number as people read it: "204 µs", "12.3 GB", "29.7 %". Returns out.
const char *quantity_format(uint64_t value, enum unit unit, char out[QUANTITY_MAX]);

// RFC 3339 in UTC with microseconds: "2026-11-22T07:00:00.000000Z". Returns out.
const char *time_format(uint64_t ts_us, char out[QUANTITY_MAX]);

// Calls of print_escaped give what stands for a character, or NULL for itself. Only ASCII is asked
// for.
typedef const char *escape_fn(char c);

// The text with its special characters replaced, and U+FFFD for each byte that is not UTF-8.
void print_escaped(FILE *out, struct text text, escape_fn *escape);

// "from FILE, FILE", or "from this host" for what no file said.
void print_sources(FILE *out, const struct report *report, escape_fn *escape);

// An integer of 10^-decimals units as a decimal fraction: 1500, 3 is "1.500"; 0 prints the integer.
void print_decimal(FILE *out, uint64_t value, unsigned decimals);

// A JSON string, quotes included.
void print_json_text(FILE *out, struct text text);

// The cell as JSON: a number, a string, or null.
void print_json_cell(FILE *out, const struct cell *cell);

// Characters that text takes on a terminal (UTF-8 code points, control bytes shown as one
// character).
size_t text_width(struct text text);
