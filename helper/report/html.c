// SPDX-License-Identifier: Apache-2.0
//
// html.c - one page, complete in itself: no script, no link to anything. Cells carry the exact
// number
// (<data value>) beside what people read.

#include "helper/report/chart.h"
#include "helper/report/metric.h"
#include "helper/report/render.h"
#include "schema/encode.h"

#include <inttypes.h>

enum { WORDS_MAX = 12 };

static const char *escape(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    default: // HTML knows no other control characters
        return ((unsigned char)c < 0x20 && c != '\n') || c == 0x7f ? "\xef\xbf\xbd" : NULL;
    }
}

void html_text(FILE *out, struct text text)
{
    print_escaped(out, text, escape);
}

void html_text_cut(FILE *out, struct text text, size_t characters)
{
    size_t at = 0;
    for (size_t n = 0; at < text.len && n < characters; n++) {
        size_t len = utf8_sequence((const unsigned char *)text.ptr + at, text.len - at);
        at += len ? len : 1;
    }
    html_text(out, (struct text){text.ptr, at});
    if (at < text.len)
        fputs("…", out);
}

const char *html_word_class(struct text word)
{
    static const struct {
        const char *word, *class;
    } words[] = {{"ok", "good"},     {"stalled", "bad"},    {"never", "bad"},
                 {"down", "bad"},    {"pf", "warn"},        {"lossy", "warn"},
                 {"late", "warn"},   {"unknown", "warn"},   {"free", "good"},
                 {"aborted", "bad"}, {"throttled", "warn"}, {"ESTABLISHED", "good"}};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (text_equal(word, text_of(words[i].word)))
            return words[i].class;
    return "plain";
}

// ---- tables

static bool is_empty(const struct table *t, size_t column)
{
    for (size_t row = 0; row < t->row_count; row++)
        if (chart_cell(t, row, column)->kind != CELL_ABSENT)
            return false;
    return t->row_count > 0;
}

// A bit for each column that is shown: not those for --wide, nor those that nobody filled.
static uint64_t shown_columns(const struct table *t, const struct render_options *o)
{
    uint64_t shown = 0;
    for (size_t c = 0; c < t->column_count && c < 64; c++)
        if (o->wide || !((t->columns[c].flags & COLUMN_WIDE) || is_empty(t, c)))
            shown |= UINT64_C(1) << c;
    return shown;
}

static bool is_shown(uint64_t shown, size_t column)
{
    return column >= 64 || (shown >> column & 1);
}

static void print_value(FILE *out, const struct cell *cell, const struct column *column,
                        const struct render_options *o)
{
    char quantity[QUANTITY_MAX];
    switch (cell->kind) {
    case CELL_TEXT:
        if (!metric_is_state(column)) {
            html_text(out, cell->text);
            break;
        }
        fprintf(out, "<span class=\"%s\">", html_word_class(cell->text));
        html_text(out, cell->text);
        fputs("</span>", out);
        break;
    case CELL_U64:
        fprintf(out, "<data value=\"%" PRIu64 "\">", cell->u64);
        if (o->raw)
            fprintf(out, "%" PRIu64, cell->u64);
        else
            fputs(quantity_format(cell->u64, column->unit, quantity), out);
        fputs("</data>", out);
        break;
    case CELL_I64:
        fprintf(out, "<data value=\"%" PRId64 "\">%" PRId64 "</data>", cell->i64, cell->i64);
        break;
    case CELL_ABSENT:
        fputs("–", out);
    }
}

static const char *cell_class(const struct column *c)
{
    return c->unit != UNIT_NONE      ? " class=\"n\""
           : c->flags & COLUMN_PROSE ? " class=\"prose\""
                                     : "";
}

// The sums of the columns that add up.
static void print_totals(FILE *out, const struct table *t, uint64_t shown,
                         const struct render_options *o)
{
    bool any = false, first = true;
    for (size_t c = 0; c < t->column_count; c++)
        any |= is_shown(shown, c) && (t->columns[c].flags & COLUMN_COUNTER);
    if (!any || t->sum_row || t->row_count < 2)
        return;
    fputs("<tfoot><tr>", out);
    for (size_t c = 0; c < t->column_count; c++) {
        uint64_t total;
        if (!is_shown(shown, c))
            continue;
        fprintf(out, "<td%s>%s", cell_class(&t->columns[c]), first ? "all" : "");
        if ((t->columns[c].flags & COLUMN_COUNTER) && table_total(t, c, &total)) {
            const struct cell cell = cell_u64(total);
            print_value(out, &cell, &t->columns[c], o);
        }
        fputs("</td>", out);
        first = false;
    }
    fputs("</tr></tfoot>", out);
}

static void print_table(FILE *out, const struct table *t, const struct render_options *o)
{
    const uint64_t shown = shown_columns(t, o);
    fputs("<div class=\"scroll\"><table><thead><tr>", out);
    for (size_t c = 0; c < t->column_count; c++) {
        if (!is_shown(shown, c))
            continue;
        fprintf(out, "<th%s title=\"%s\">", cell_class(&t->columns[c]), t->columns[c].key);
        html_text(out, text_of(t->columns[c].title));
        fputs("</th>", out);
    }
    fputs("</tr></thead><tbody>\n", out);
    for (size_t row = 0; row < t->row_count; row++) {
        if (!o->wide && !row_tells_people(t, chart_cell(t, row, 0)))
            continue;
        fputs("<tr>", out);
        for (size_t c = 0; c < t->column_count; c++) {
            if (!is_shown(shown, c))
                continue;
            fprintf(out, "<td%s>", cell_class(&t->columns[c]));
            print_value(out, chart_cell(t, row, c), &t->columns[c], o);
            fputs("</td>", out);
        }
        fputs("</tr>\n", out);
    }
    fputs("</tbody>", out);
    print_totals(out, t, shown, o);
    fputs("</table></div>\n", out);
}

// ---- the page

// Counts the words of a column. Returns how many different ones there are.
static size_t count_words(const struct table *t, size_t column, struct text words[WORDS_MAX],
                          size_t counts[WORDS_MAX])
{
    size_t count = 0;
    for (size_t row = 0; row < t->row_count; row++) {
        const struct cell *cell = chart_cell(t, row, column);
        size_t i = 0;
        while (i < count && !text_equal(words[i], cell->text))
            i++;
        if (cell->kind != CELL_TEXT || i == WORDS_MAX)
            continue;
        if (i == count) {
            words[count] = cell->text;
            counts[count++] = 0;
        }
        counts[i]++;
    }
    return count;
}

// How often each word of the first column of such that has any occurs: "stalled 1, ok 3".
static void print_words(FILE *out, const struct table *t, const struct render_options *o)
{
    struct text words[WORDS_MAX];
    size_t counts[WORDS_MAX], count = 0;
    const uint64_t shown = shown_columns(t, o);
    for (size_t c = 0; c < t->column_count && count == 0; c++)
        if (metric_is_state(&t->columns[c]) && is_shown(shown, c))
            count = count_words(t, c, words, counts);
    if (count == 0)
        return;
    fputs("<div class=\"chips\">", out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "<span class=\"chip %s\"><b>%zu</b>", html_word_class(words[i]), counts[i]);
        html_text(out, words[i]);
        fputs("</span>", out);
    }
    fputs("</div>\n", out);
}

static void print_loss(FILE *out, const struct report *r)
{
    const struct loss_budget *l = &r->loss;
    char quantity[QUANTITY_MAX];
    bool some = l->events_lost || l->lines_rejected || l->bytes_unaccounted ||
                l->streams_ended < l->streams;
    fprintf(out, "<p class=\"loss%s\">%s", some ? " some" : "",
            some ? "Incomplete: " : "Complete: ");
    for (const struct loss_item *item = loss_items; item->key; item++) {
        uint64_t value = loss_value(l, item);
        fprintf(out, "%s%s <data value=\"%" PRIu64 "\" title=\"%s\"><b>%s</b></data>",
                item == loss_items ? "" : ", ", item->help, value, item->key,
                quantity_format(value, item->unit, quantity));
    }
    fputs(".</p>\n", out);
}

static void print_note(FILE *out, const char *note)
{
    if (!note)
        return;
    fputs("<ul>\n", out);
    for (const char *line = note; *line;) {
        size_t len = 0;
        while (line[len] && line[len] != '\n')
            len++;
        fputs("<li>", out);
        html_text(out, (struct text){line, len});
        fputs("</li>\n", out);
        line += line[len] ? len + 1 : len;
    }
    fputs("</ul>\n", out);
}

static void print_origin(FILE *out, const struct report *r)
{
    char from[QUANTITY_MAX], to[QUANTITY_MAX], length[QUANTITY_MAX];
    fputs("<p class=\"sub\">", out);
    if (r->to_us)
        fprintf(out, "%.19sZ to %.19sZ (%s), ", time_format(r->from_us, from),
                time_format(r->to_us, to), quantity_format(r->to_us - r->from_us, UNIT_US, length));
    print_sources(out, r, escape);
    fputs("</p>\n", out);
}

static void print_report(FILE *out, const struct report *r, const struct render_options *o)
{
    fprintf(out, "<section id=\"%s\"><h2>%s</h2>\n", r->name, r->title);
    if (r->rows.row_count == 0) {
        fprintf(out, "<p>Nothing to report: %s. ", report_why_empty(r));
        html_text(out, text_of(r->how_to_feed));
        fputs("</p>\n", out);
    } else {
        print_words(out, &r->rows, o);
    }
    print_note(out, r->note);
    for (size_t i = 0; i < r->section_count; i++) {
        const struct table *t = &r->sections[i];
        if (t->plot_only || t->row_count == 0)
            continue;
        fprintf(out, "<h3>%s</h3>\n", t->title);
        print_table(out, t, o);
    }
    for (size_t i = 0; i < r->section_count; i++)
        chart_table(out, r, &r->sections[i]);
    if (r->rows.row_count) {
        fputs("<h3>All rows</h3>\n", out);
        chart_table(out, r, &r->rows);
        print_table(out, &r->rows, o);
    }
    fputs("</section>\n", out);
}

void render_html(FILE *out, const struct report *const *reports, size_t count,
                 const struct render_options *options)
{
    char now[QUANTITY_MAX];
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" "
          "content=\"width=device-width,initial-scale=1\">\n<title>netvitals: ",
          out);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s%s", i ? ", " : "", reports[i]->title);
    fprintf(out, "</title>\n<style>\n%s</style></head>\n<body>\n<h1>netvitals</h1>\n", html_style);
    if (count) {
        print_origin(out, reports[0]);
        print_loss(out, reports[0]);
    }
    for (size_t i = 0; i < count; i++)
        print_report(out, reports[i], options);
    fprintf(out,
            "<footer>netvitals " NETVITALS_VERSION ", as of %.19sZ. Times are UTC.</footer>\n"
            "</body></html>\n",
            time_format(options->now_us, now));
}
