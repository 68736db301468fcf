// SPDX-License-Identifier: Apache-2.0
//
// quote.c - text that comes from outside, made safe to print.

#include "helper/report/format.h"
#include "schema/encode.h"

#include <inttypes.h>
#include <stdlib.h>

void print_json_text(FILE *out, struct text text)
{
    char small[512];
    bool clean;
    size_t need = text.len * 6 + 2;
    char *buf = need <= sizeof(small) ? small : malloc(need);
    size_t len = buf ? json_quote(text, buf, need, &clean) : 0;
    if (len)
        fwrite(buf, 1, len, out);
    else
        fputs("null", out);
    if (buf != small)
        free(buf);
}

void print_json_cell(FILE *out, const struct cell *cell)
{
    switch (cell->kind) {
    case CELL_U64:
        fprintf(out, "%" PRIu64, cell->u64);
        break;
    case CELL_I64:
        fprintf(out, "%" PRId64, cell->i64);
        break;
    case CELL_TEXT:
        print_json_text(out, cell->text);
        break;
    case CELL_ABSENT:
        fputs("null", out);
        break;
    }
}

void print_escaped(FILE *out, struct text text, escape_fn *escape)
{
    for (size_t i = 0; i < text.len;) {
        const char *p = text.ptr + i;
        size_t len = utf8_sequence((const unsigned char *)p, text.len - i);
        const char *instead = len == 1 ? escape(*p) : len == 0 ? "\xef\xbf\xbd" : NULL;
        if (instead)
            fputs(instead, out);
        else
            fwrite(p, 1, len, out);
        i += len ? len : 1;
    }
}

void print_decimal(FILE *out, uint64_t value, unsigned decimals)
{
    uint64_t unit = 1;
    for (unsigned i = 0; i < decimals; i++)
        unit *= 10;
    fprintf(out, "%" PRIu64, value / unit);
    if (decimals)
        fprintf(out, ".%0*" PRIu64, (int)decimals, value % unit);
}

size_t text_width(struct text text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.len; width++) {
        size_t len = utf8_sequence((const unsigned char *)text.ptr + i, text.len - i);
        i += len ? len : 1;
    }
    return width;
}

void print_sources(FILE *out, const struct report *report, escape_fn *escape)
{
    fputs(report->source_count ? "from " : "from this host", out);
    for (size_t i = 0; i < report->source_count; i++) {
        fputs(i ? ", " : "", out);
        print_escaped(out, text_of(report->sources[i]), escape);
    }
}
