// SPDX-License-Identifier: Apache-2.0
//
// markdown.c - GitHub-flavoured tables for a wiki or a ticket: the columns and quantities of the
// text format; --wide and --raw as there.

#include "helper/report/render.h"

#include <inttypes.h>

// Everything that Markdown or HTML could take as its own; a table row is one line.
static const char *escape(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '\\':
        return "\\\\";
    case '|':
        return "\\|";
    case '`':
        return "\\`";
    case '*':
        return "\\*";
    case '_':
        return "\\_";
    case '[':
        return "\\[";
    case ']':
        return "\\]";
    case '~':
        return "\\~";
    case '#':
        return "\\#";
    default:
        return (unsigned char)c < 0x20 || c == 0x7f ? " " : NULL;
    }
}

static bool is_shown(const struct column *c, const struct render_options *o)
{
    return o->wide || !(c->flags & COLUMN_WIDE);
}

static void print_cell(FILE *out, const struct cell *cell, enum unit unit,
                       const struct render_options *o)
{
    char quantity[QUANTITY_MAX];
    if (cell->kind == CELL_TEXT)
        print_escaped(out, cell->text, escape);
    else if (cell->kind == CELL_U64 && !o->raw)
        fputs(quantity_format(cell->u64, unit, quantity), out);
    else if (cell->kind != CELL_ABSENT)
        print_json_cell(out, cell);
}

static void print_table(FILE *out, const struct table *t, const struct render_options *o)
{
    fputs("\n|", out);
    for (size_t c = 0; c < t->column_count; c++) {
        if (!is_shown(&t->columns[c], o))
            continue;
        fputc(' ', out);
        print_escaped(out, text_of(o->raw ? t->columns[c].key : t->columns[c].title), escape);
        fputs(" |", out);
    }
    fputs("\n|", out);
    for (size_t c = 0; c < t->column_count; c++)
        if (is_shown(&t->columns[c], o))
            fputs(t->columns[c].unit == UNIT_NONE ? " --- |" : " ---: |", out);
    for (size_t row = 0; row < t->row_count; row++) {
        if (!o->wide && !row_tells_people(t, &t->cells[row * t->column_count]))
            continue;
        fputs("\n|", out);
        for (size_t c = 0; c < t->column_count; c++) {
            if (!is_shown(&t->columns[c], o))
                continue;
            fputc(' ', out);
            print_cell(out, &t->cells[row * t->column_count + c], t->columns[c].unit, o);
            fputs(" |", out);
        }
    }
    fputc('\n', out);
}

static void print_note(FILE *out, const char *note)
{
    for (const char *line = note; line && *line;) {
        size_t len = 0;
        while (line[len] && line[len] != '\n')
            len++;
        fputs(line == note ? "\n- " : "- ", out);
        print_escaped(out, (struct text){line, len}, escape);
        fputc('\n', out);
        line += line[len] ? len + 1 : len;
    }
}

static void print_report(FILE *out, const struct report *r, const struct render_options *o)
{
    char from[QUANTITY_MAX], to[QUANTITY_MAX];
    fprintf(out, "## %s\n\n", r->title);
    if (r->to_us)
        fprintf(out, "%s to %s, ", time_format(r->from_us, from), time_format(r->to_us, to));
    else
        fputs("Read ", out);
    print_sources(out, r, escape);
    fputs(".\n", out);
    if (r->rows.row_count) {
        print_table(out, &r->rows, o);
    } else {
        fprintf(out, "\nNothing to report: %s. ", report_why_empty(r));
        print_escaped(out, text_of(r->how_to_feed), escape);
        fputc('\n', out);
    }
    print_note(out, r->note);
    for (size_t i = 0; i < r->section_count; i++) {
        const struct table *t = &r->sections[i];
        if (t->plot_only || t->row_count == 0)
            continue;
        fprintf(out, "\n### %s\n", t->title);
        print_table(out, t, o);
    }
    fputs("\nLoss budget:", out);
    for (const struct loss_item *item = loss_items; item->key; item++) {
        const struct cell value = cell_u64(loss_value(&r->loss, item));
        fprintf(out, "%s %s ", item == loss_items ? "" : ",", item->help);
        print_cell(out, &value, item->unit, o);
    }
    fputs(".\n", out);
}

void render_markdown(FILE *out, const struct report *const *reports, size_t count,
                     const struct render_options *options)
{
    for (size_t i = 0; i < count; i++) {
        if (i)
            fputc('\n', out);
        print_report(out, reports[i], options);
    }
}
