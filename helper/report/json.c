// SPDX-License-Identifier: Apache-2.0
//
// json.c - one object: report, from_us, to_us, sources, loss, rows and the further sections by
// name.

#include "helper/report/render.h"

#include <inttypes.h>

static void print_rows(FILE *out, const struct table *t)
{
    fputc('[', out);
    for (size_t row = 0; row < t->row_count; row++) {
        fputs(row ? ",\n    {" : "\n    {", out);
        for (size_t c = 0; c < t->column_count; c++) {
            fprintf(out, "%s\"%s\":", c ? "," : "", t->columns[c].key);
            print_json_cell(out, &t->cells[row * t->column_count + c]);
        }
        fputc('}', out);
    }
    fputs(t->row_count ? "\n  ]" : "]", out);
}

static void print_loss(FILE *out, const struct loss_budget *loss)
{
    for (const struct loss_item *item = loss_items; item->key; item++)
        fprintf(out, "%s\"%s\":%" PRIu64, item == loss_items ? "{" : ",", item->key,
                loss_value(loss, item));
    fputc('}', out);
}

static void print_report(FILE *out, const struct report *r)
{
    fprintf(out, "{\n  \"report\":\"%s\",\n  \"from_us\":%" PRIu64 ",\n  \"to_us\":%" PRIu64 ",\n",
            r->name, r->from_us, r->to_us);
    fputs("  \"sources\":[", out);
    for (size_t i = 0; i < r->source_count; i++) {
        fputs(i ? "," : "", out);
        print_json_text(out, text_of(r->sources[i]));
    }
    fputs("],\n  \"loss\":", out);
    print_loss(out, &r->loss);
    fputs(",\n  \"rows\":", out);
    print_rows(out, &r->rows);
    for (size_t i = 0; i < r->section_count; i++) {
        fprintf(out, ",\n  \"%s\":", r->sections[i].name);
        print_rows(out, &r->sections[i]);
    }
    fputs("\n}", out);
}

void render_json(FILE *out, const struct report *const *reports, size_t count,
                 const struct render_options *options)
{
    (void)options;
    if (count == 1) {
        print_report(out, reports[0]);
    } else {
        fputs("{\"report\":\"all\",\"reports\":[\n", out);
        for (size_t i = 0; i < count; i++) {
            fputs(i ? ",\n" : "", out);
            print_report(out, reports[i]);
        }
        fputs("\n]}", out);
    }
    fputc('\n', out);
}
