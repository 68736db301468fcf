// SPDX-License-Identifier: Apache-2.0
//
// text.c - aligned tables for a terminal: numbers right, words left, two spaces between columns.

#include "helper/report/render.h"
#include "schema/encode.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CELL_TEXT_MAX = 512, COLUMN_GAP = 2 };

static bool is_shown(const struct column *c, const struct render_options *o)
{
    return o->wide || !(c->flags & COLUMN_WIDE);
}

static bool is_number(const struct column *c)
{
    return c->unit != UNIT_NONE;
}

// Control bytes would move the cursor, and bytes that are not UTF-8 would garble the line: both are
// shown as "?". Returns the length.
static size_t printable(struct text text, char *out, size_t size)
{
    size_t at = 0;
    for (size_t i = 0; i < text.len;) {
        const unsigned char *p = (const unsigned char *)text.ptr + i;
        size_t len = utf8_sequence(p, text.len - i);
        bool control = len == 1 && (*p < 0x20 || *p == 0x7f);
        // C1 control characters are U+0080 to U+009F: 0xc2 0x80 to 0xc2 0x9f
        control |= len == 2 && p[0] == 0xc2 && p[1] < 0xa0;
        if (at + 4 >= size)
            break;
        if (len == 0 || control) {
            out[at++] = '?';
        } else {
            memcpy(out + at, p, len);
            at += len;
        }
        i += len ? len : 1;
    }
    return at;
}

// The cell as it is printed; returns its length in out.
static size_t cell_string(const struct cell *cell, const struct column *column,
                          const struct render_options *o, char out[CELL_TEXT_MAX])
{
    char quantity[QUANTITY_MAX];
    switch (cell->kind) {
    case CELL_TEXT:
        return printable(cell->text, out, CELL_TEXT_MAX);
    case CELL_I64:
        return (size_t)snprintf(out, CELL_TEXT_MAX, "%" PRId64, cell->i64);
    case CELL_U64:
        if (o->raw)
            return (size_t)snprintf(out, CELL_TEXT_MAX, "%" PRIu64, cell->u64);
        return (size_t)snprintf(out, CELL_TEXT_MAX, "%s",
                                quantity_format(cell->u64, column->unit, quantity));
    case CELL_ABSENT:
        break;
    }
    out[0] = '-';
    return 1;
}

static void pad(FILE *out, size_t count)
{
    while (count--)
        fputc(' ', out);
}

// Words that mean trouble are shown in colour where the terminal can.
static const char *color_of(struct text word)
{
    static const struct {
        const char *word, *color;
    } colors[] = {{"ok", "\033[32m"},     {"stalled", "\033[1;31m"}, {"never", "\033[1;31m"},
                  {"down", "\033[1;31m"}, {"pf", "\033[33m"},        {"lossy", "\033[33m"},
                  {"late", "\033[33m"},   {"disabled", "\033[2m"},   {"quiet", "\033[2m"},
                  {"free", "\033[32m"},   {"unknown", "\033[33m"}};
    for (size_t i = 0; i < sizeof(colors) / sizeof(*colors); i++)
        if (text_equal(word, text_of(colors[i].word)))
            return colors[i].color;
    return NULL;
}

static void print_cell(FILE *out, const struct cell *cell, const struct column *column,
                       size_t width, const struct render_options *o, bool last)
{
    char buf[CELL_TEXT_MAX];
    size_t len = cell_string(cell, column, o, buf);
    size_t shown = text_width((struct text){buf, len});
    size_t padding = width > shown ? width - shown : 0;
    const char *color = o->color && cell->kind == CELL_TEXT ? color_of(cell->text) : NULL;
    if (is_number(column))
        pad(out, padding);
    if (color)
        fputs(color, out);
    fwrite(buf, 1, len, out);
    if (color)
        fputs("\033[0m", out);
    if (!is_number(column) && !last)
        pad(out, padding);
}

static void measure(const struct table *t, const struct render_options *o, size_t width[])
{
    char buf[CELL_TEXT_MAX];
    for (size_t c = 0; c < t->column_count; c++) {
        width[c] = text_width(text_of(o->raw ? t->columns[c].key : t->columns[c].title));
        for (size_t row = 0; row < t->row_count && is_shown(&t->columns[c], o); row++) {
            size_t len = cell_string(&t->cells[row * t->column_count + c], &t->columns[c], o, buf);
            size_t shown = text_width((struct text){buf, len});
            width[c] = shown > width[c] ? shown : width[c];
        }
    }
}

static void print_table(FILE *out, const struct table *t, const struct render_options *o)
{
    size_t width[TABLE_COLUMNS_MAX], last = 0;
    measure(t, o, width);
    for (size_t c = 0; c < t->column_count; c++)
        last = is_shown(&t->columns[c], o) ? c : last;
    for (size_t row = 0; row <= t->row_count; row++) { // row 0 is the heading
        for (size_t c = 0, first = 1; c < t->column_count; c++) {
            const struct column *column = &t->columns[c];
            if (!is_shown(column, o))
                continue;
            pad(out, first ? 0 : COLUMN_GAP);
            first = 0;
            const struct cell heading = cell_text(text_of(o->raw ? column->key : column->title));
            print_cell(out, row ? &t->cells[(row - 1) * t->column_count + c] : &heading, column,
                       width[c], o, c == last);
        }
        fputc('\n', out);
    }
}

static void print_head(FILE *out, const struct report *r)
{
    char from[QUANTITY_MAX], to[QUANTITY_MAX], length[QUANTITY_MAX];
    fprintf(out, "%s", r->title);
    if (r->to_us)
        fprintf(out, ", %.19sZ to %.19sZ (%s)", time_format(r->from_us, from),
                time_format(r->to_us, to), quantity_format(r->to_us - r->from_us, UNIT_US, length));
    fputc('\n', out);
    fprintf(out, "from");
    for (size_t i = 0; i < r->source_count && i < 8; i++)
        fprintf(out, " %s", r->sources[i]);
    if (r->source_count > 8)
        fprintf(out, " and %zu more", r->source_count - 8);
    fprintf(out, ": %" PRIu64 " events\n", r->loss.events);
}

// Says what is missing, or that nothing is.
static void print_loss(FILE *out, const struct report *r)
{
    const struct loss_budget *l = &r->loss;
    char bytes[QUANTITY_MAX];
    fprintf(out, "loss: %" PRIu64 " events lost, %" PRIu64 " lines rejected, %s not accounted",
            l->events_lost, l->lines_rejected,
            quantity_format(l->bytes_unaccounted, UNIT_BYTES, bytes));
    if (l->lines_unknown)
        fprintf(out, ", %" PRIu64 " lines of unknown type", l->lines_unknown);
    if (l->streams_ended < l->streams)
        fprintf(out,
                "; %" PRIu64 " of %" PRIu64 " streams have no end: cut short, or still running",
                l->streams - l->streams_ended, l->streams);
    fputc('\n', out);
}

static void print_report(FILE *out, const struct report *r, const struct render_options *o)
{
    print_head(out, r);
    if (r->rows.row_count) {
        fputc('\n', out);
        print_table(out, &r->rows, o);
    } else {
        fprintf(out, "\nnothing to report: no such events in the input.\n%s\n", r->how_to_feed);
    }
    for (size_t i = 0; i < r->section_count; i++) {
        const struct table *t = &r->sections[i];
        if (t->plot_only || t->row_count == 0)
            continue;
        fprintf(out, "\n%s\n", t->title);
        print_table(out, t, o);
    }
    if (r->note)
        fprintf(out, "\n%s", r->note);
    fputc('\n', out);
    print_loss(out, r);
}

void render_text(FILE *out, const struct report *const *reports, size_t count,
                 const struct render_options *options)
{
    for (size_t i = 0; i < count; i++) {
        if (i)
            fputs("\n\n", out);
        print_report(out, reports[i], options);
    }
}
