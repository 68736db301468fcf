// SPDX-License-Identifier: Apache-2.0
//
// statsd.c - DogStatsD datagrams, one a line: counters as `c`, the rest as `g`, labels as tags.
// Words (a verdict) are tags of NAME.info, whose value is 1.

#include "helper/report/metric.h"
#include "helper/report/render.h"

#include <inttypes.h>
#include <string.h>

// Tags are separated by commas and ended by a bar or a newline, and there is no escape. The first
// colon of a tag ends its key, so colons of addresses stay.
static const char *escape_tag(char c)
{
    return c == ',' || c == '|' || c == '\n' || c == '\r' ? "_" : NULL;
}

static void print_tag(FILE *out, bool *first, const char *key, struct text value)
{
    fprintf(out, "%s%s:", *first ? "|#" : ",", key);
    print_escaped(out, value, escape_tag);
    *first = false;
}

static void print_tags(FILE *out, const struct table *t, const struct cell *row, bool states,
                       struct text direction)
{
    bool first = true;
    for (size_t c = 0; c < t->column_count; c++) {
        const struct column *column = &t->columns[c];
        char number[24];
        if (!(column->flags & COLUMN_LABEL) && !(states && metric_is_state(column)))
            continue;
        snprintf(number, sizeof(number), "%" PRIu64, row[c].kind == CELL_U64 ? row[c].u64 : 0);
        if (row[c].kind != CELL_ABSENT)
            print_tag(out, &first, column->key,
                      row[c].kind == CELL_TEXT ? row[c].text : text_of(number));
    }
    if (direction.ptr)
        print_tag(out, &first, "direction", direction);
    fputc('\n', out);
}

static void print_name(FILE *out, const struct report *r, const struct table *t, struct text key)
{
    bool main_table = t == &r->rows;
    fprintf(out, "netvitals.%s%s%s.%.*s:", r->name, main_table ? "" : ".",
            main_table ? "" : t->name, (int)key.len, key.ptr);
}

static void print_row(FILE *out, const struct report *r, const struct table *t,
                      const struct cell *row)
{
    bool has_state = false;
    for (size_t c = 0; c < t->column_count; c++) {
        const struct column *column = &t->columns[c];
        struct text stem = text_of(column->key), direction = {0};
        has_state |= metric_is_state(column) && row[c].kind == CELL_TEXT;
        if ((row[c].kind != CELL_U64 && row[c].kind != CELL_I64) || (column->flags & COLUMN_LABEL))
            continue;
        metric_split_direction(stem, &stem, &direction);
        print_name(out, r, t, stem);
        print_json_cell(out, &row[c]);
        fputs(column->flags & COLUMN_COUNTER ? "|c" : "|g", out);
        print_tags(out, t, row, false, direction);
    }
    if (has_state) {
        print_name(out, r, t, TEXT_LITERAL("info"));
        fputs("1|g", out);
        print_tags(out, t, row, true, (struct text){0});
    }
}

static void print_table(FILE *out, const struct report *r, const struct table *t)
{
    // a datagram stands for now: what was in an earlier window cannot be said
    for (size_t row = 0; !t->plot_only && row < t->row_count; row++)
        print_row(out, r, t, &t->cells[row * t->column_count]);
}

void render_statsd(FILE *out, const struct report *const *reports, size_t count,
                   const struct render_options *options)
{
    (void)options;
    for (const struct loss_item *item = loss_items; count && item->key; item++)
        fprintf(out, "netvitals.%s:%" PRIu64 "|c\n", item->key,
                loss_value(&reports[0]->loss, item));
    for (size_t i = 0; i < count; i++) {
        const struct report *r = reports[i];
        print_table(out, r, &r->rows);
        for (size_t s = 0; s < r->section_count; s++)
            print_table(out, r, &r->sections[s]);
    }
}
