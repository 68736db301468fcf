// SPDX-License-Identifier: Apache-2.0
//
// influx.c - InfluxDB line protocol: a point a row, labels as tags, the rest as fields. Points
// stand at the end of the report's window, those of a series over time at the end of theirs.

#include "helper/report/render.h"

#include <inttypes.h>
#include <string.h>

// In tag values, where a comma, an equals sign or a space would begin something else. For newlines
// no escape is known; a backslash stands for itself unless one of these follows.
static const char *escape_tag(char c)
{
    switch (c) {
    case ',':
        return "\\,";
    case '=':
        return "\\=";
    case ' ':
        return "\\ ";
    case '\n':
    case '\r':
        return "_";
    default:
        return NULL;
    }
}

static const char *escape_string(char c)
{
    return c == '"' ? "\\\"" : c == '\\' ? "\\\\" : c == '\n' || c == '\r' ? "_" : NULL;
}

static void print_tag(FILE *out, const char *key, struct text value)
{
    while (value.len && value.ptr[value.len - 1] == '\\') // would escape what follows the tag
        value.len--;
    if (value.len == 0) // an empty tag is not allowed
        return;
    fprintf(out, ",%s=", key);
    print_escaped(out, value, escape_tag);
}

// Columns of a table by key: InfluxDB wants tags sorted.
static void sort_labels(const struct table *t, size_t order[TABLE_COLUMNS_MAX], size_t *count)
{
    *count = 0;
    for (size_t c = 0; c < t->column_count; c++) {
        if (!(t->columns[c].flags & COLUMN_LABEL))
            continue;
        size_t at = (*count)++;
        for (; at > 0 && strcmp(t->columns[order[at - 1]].key, t->columns[c].key) > 0; at--)
            order[at] = order[at - 1];
        order[at] = c;
    }
}

// Integers are signed 64-bit ("i"); one beyond that is written as unsigned, which InfluxDB 2
// understands.
static void print_unsigned(FILE *out, uint64_t value)
{
    fprintf(out, "%" PRIu64 "%c", value, value > INT64_MAX ? 'u' : 'i');
}

static void print_field(FILE *out, const char *key, const struct cell *cell, bool *first)
{
    if (cell->kind == CELL_ABSENT)
        return;
    fprintf(out, "%c%s=", *first ? ' ' : ',', key);
    *first = false;
    if (cell->kind == CELL_U64) {
        print_unsigned(out, cell->u64);
    } else if (cell->kind == CELL_I64) {
        fprintf(out, "%" PRId64 "i", cell->i64);
    } else {
        fputc('"', out);
        print_escaped(out, cell->text, escape_string);
        fputc('"', out);
    }
}

static void print_point_time(FILE *out, const struct table *t, const struct cell *row,
                             uint64_t to_us)
{
    uint64_t at_us = to_us;
    for (size_t c = 0; c < t->column_count; c++)
        if ((t->columns[c].flags & COLUMN_TIME) && row[c].kind == CELL_U64)
            at_us = row[c].u64 + t->window_us;
    fprintf(out, " %" PRIu64 "000\n", at_us); // ns
}

static void print_point(FILE *out, const struct report *r, const struct table *t,
                        const struct cell *row)
{
    size_t order[TABLE_COLUMNS_MAX], tags;
    bool has_field = false, first = true;
    for (size_t c = 0; c < t->column_count; c++)
        has_field |=
            !(t->columns[c].flags & (COLUMN_LABEL | COLUMN_TIME)) && row[c].kind != CELL_ABSENT;
    if (!has_field) // a point without a field is none
        return;
    bool main_table = t == &r->rows;
    fprintf(out, "netvitals_%s%s%s", r->name, main_table ? "" : "_", main_table ? "" : t->name);
    sort_labels(t, order, &tags);
    for (size_t i = 0; i < tags; i++) {
        const struct cell *cell = &row[order[i]];
        char number[24];
        snprintf(number, sizeof(number), "%" PRIu64, cell->kind == CELL_U64 ? cell->u64 : 0);
        if (cell->kind != CELL_ABSENT)
            print_tag(out, t->columns[order[i]].key,
                      cell->kind == CELL_TEXT ? cell->text : text_of(number));
    }
    for (size_t c = 0; c < t->column_count; c++)
        if (!(t->columns[c].flags & (COLUMN_LABEL | COLUMN_TIME)))
            print_field(out, t->columns[c].key, &row[c], &first);
    print_point_time(out, t, row, r->to_us);
}

static void print_table(FILE *out, const struct report *r, const struct table *t)
{
    for (size_t row = 0; row < t->row_count; row++)
        print_point(out, r, t, &t->cells[row * t->column_count]);
}

void render_influx(FILE *out, const struct report *const *reports, size_t count,
                   const struct render_options *options)
{
    (void)options;
    for (size_t i = 0; i < count; i++) {
        const struct report *r = reports[i];
        bool first = true;
        if (r->to_us == 0) // nothing was read, and a point needs a time
            continue;
        fprintf(out, "netvitals_loss,report=%s", r->name);
        for (const struct loss_item *item = loss_items; item->key; item++) {
            const struct cell value = cell_u64(loss_value(&r->loss, item));
            print_field(out, item->key, &value, &first);
        }
        fprintf(out, " %" PRIu64 "000\n", r->to_us);
        print_table(out, r, &r->rows);
        for (size_t s = 0; s < r->section_count; s++)
            print_table(out, r, &r->sections[s]);
    }
}
