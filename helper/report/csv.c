// SPDX-License-Identifier: Apache-2.0
//
// csv.c - RFC 4180: a header line of the column keys, then the rows. The loss budget stands in
// comment lines ahead of it ("# events_lost=0"), so that it cannot be overlooked nor taken for
// data.

#include "helper/report/render.h"

#include <inttypes.h>
#include <string.h>

static void print_csv_text(FILE *out, struct text text)
{
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++)
        quoted |= strchr(",\"\r\n", text.ptr[i]) != NULL; // NUL is quoted too
    if (!quoted) {
        fwrite(text.ptr, 1, text.len, out);
        return;
    }
    fputc('"', out);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            fputc('"', out);
        fputc(text.ptr[i], out);
    }
    fputc('"', out);
}

static void print_csv_cell(FILE *out, const struct cell *cell)
{
    switch (cell->kind) {
    case CELL_TEXT:
        print_csv_text(out, cell->text);
        break;
    case CELL_ABSENT:
        break;
    default:
        print_json_cell(out, cell);
    }
}

static void print_table(FILE *out, const struct table *t)
{
    for (size_t c = 0; c < t->column_count; c++)
        fprintf(out, "%s%s", c ? "," : "", t->columns[c].key);
    fputs("\r\n", out);
    for (size_t row = 0; row < t->row_count; row++) {
        for (size_t c = 0; c < t->column_count; c++) {
            fputs(c ? "," : "", out);
            print_csv_cell(out, &t->cells[row * t->column_count + c]);
        }
        fputs("\r\n", out);
    }
}

void render_csv(FILE *out, const struct report *const *reports, size_t count,
                const struct render_options *options)
{
    (void)options;
    for (size_t i = 0; i < count; i++) {
        const struct report *r = reports[i];
        fprintf(out, "# report=%s from_us=%" PRIu64 " to_us=%" PRIu64, r->name, r->from_us,
                r->to_us);
        for (const struct loss_item *item = loss_items; item->key; item++)
            fprintf(out, " %s=%" PRIu64, item->key, loss_value(&r->loss, item));
        fputs("\r\n", out);
        print_table(out, &r->rows);
        for (size_t s = 0; s < r->section_count; s++) {
            if (r->sections[s].plot_only || r->sections[s].row_count == 0)
                continue;
            fprintf(out, "# section=%s\r\n", r->sections[s].name);
            print_table(out, &r->sections[s]);
        }
    }
}
