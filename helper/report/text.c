// SPDX-License-Identifier: Apache-2.0
//
// text.c - aligned tables for a terminal: numbers right, words left, two spaces between columns.
// Without
// --wide no table is wider than LINE_WIDTH: spare columns go first, then long words lose their
// middle.

#include "helper/report/render.h"
#include "schema/encode.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CELL_TEXT_MAX = 512, COLUMN_GAP = 2, LINE_WIDTH = 100, WORD_WIDTH_MIN = 12 };

// Where a row stands in a tree of paths.
struct branch {
    size_t depth; // rows above it, up to the top
    size_t above; // the row above it, SIZE_MAX at the top
    size_t skip;  // bytes of its path that the row above it shows
};

// What a table looks like.
struct layout {
    bool shown[TABLE_COLUMNS_MAX];
    size_t width[TABLE_COLUMNS_MAX];
    struct branch *tree; // of each row; NULL: no column is a tree
};

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

// Bytes that the first characters take.
static size_t prefix(const char *text, size_t len, size_t characters)
{
    size_t at = 0;
    while (at < len && characters--) {
        size_t one = utf8_sequence((const unsigned char *)text + at, len - at);
        at += one ? one : 1;
    }
    return at;
}

// Makes text fit: "very-long-name.example.com" becomes "very…mple.com", since both ends tell
// something. Returns the length.
static size_t cut_middle(char *text, size_t len, size_t width)
{
    static const char ellipsis[] = "…";
    size_t shown = text_width((struct text){text, len}), dots = sizeof(ellipsis) - 1;
    if (shown <= width || width < 3)
        return len;
    size_t head = prefix(text, len, (width - 1) / 3);
    size_t tail = prefix(text, len, shown - (width - 1 - (width - 1) / 3));
    if (tail - head < dots) // there is no room for it
        return len;
    memcpy(text + head, ellipsis, dots);
    memmove(text + head + dots, text + tail, len - tail);
    return head + dots + len - tail;
}

// True if the row, whose path is in column c, is below the other one in the tree.
static bool is_below(const struct table *t, size_t c, size_t row, size_t other)
{
    const struct cell *below = &t->cells[row * t->column_count];
    const struct cell *above = &t->cells[other * t->column_count];
    for (size_t i = 0; i < c; i++)
        if (cell_compare(&below[i], &above[i]) != 0)
            return false;
    struct text path = below[c].text, start = above[c].text;
    if (below[c].kind != CELL_TEXT || above[c].kind != CELL_TEXT || !start.len)
        return false;
    bool root = text_equal(start, TEXT_LITERAL("/"));
    return path.len > start.len && memcmp(path.ptr, start.ptr, start.len) == 0 &&
           (root || path.ptr[start.len] == '/');
}

// The tree that a column of paths makes of the rows, which are in its order; NULL without one.
static struct branch *find_tree(const struct table *t)
{
    size_t c = 0;
    while (c < t->column_count && !(t->columns[c].flags & COLUMN_TREE))
        c++;
    struct branch *tree =
        c < t->column_count && t->row_count ? calloc(t->row_count, sizeof(*tree)) : NULL;
    for (size_t row = 0; tree && row < t->row_count; row++) {
        size_t above = row - 1; // SIZE_MAX for the first
        while (above != SIZE_MAX && !is_below(t, c, row, above))
            above = tree[above].above;
        tree[row].above = above;
        if (above == SIZE_MAX)
            continue;
        size_t len = t->cells[above * t->column_count + c].text.len;
        tree[row].depth = tree[above].depth + 1;
        tree[row].skip = len == 1 ? 1 : len + 1; // "/" ends with its slash, others do not
    }
    return tree;
}

// The cell of a row as it is printed: a tree's is moved in below the one above it.
static size_t row_string(const struct table *t, size_t row, size_t column, const struct layout *l,
                         const struct render_options *o, char out[CELL_TEXT_MAX])
{
    struct cell cell = t->cells[row * t->column_count + column];
    const struct column *c = &t->columns[column];
    if (!l->tree || !(c->flags & COLUMN_TREE) || cell.kind != CELL_TEXT)
        return cell_string(&cell, c, o, out);
    const struct branch *b = &l->tree[row];
    size_t indent = 2 * b->depth < CELL_TEXT_MAX / 2 ? 2 * b->depth : CELL_TEXT_MAX / 2;
    memset(out, ' ', indent);
    cell.text.ptr += b->skip;
    cell.text.len -= b->skip;
    return indent + printable(cell.text, out + indent, CELL_TEXT_MAX - indent);
}

static void print_string(FILE *out, char *buf, size_t len, const struct cell *cell,
                         const struct column *column, size_t width, const struct render_options *o,
                         bool last)
{
    len = cut_middle(buf, len, width);
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

static bool is_row_shown(const struct table *t, size_t row, const struct render_options *o)
{
    return o->wide || row_tells_people(t, &t->cells[row * t->column_count]);
}

static size_t width_of(const struct table *t, size_t column, const struct layout *l,
                       const struct render_options *o)
{
    const struct column *c = &t->columns[column];
    size_t width = text_width(text_of(o->raw ? c->key : c->title));
    char buf[CELL_TEXT_MAX];
    for (size_t row = 0; row < t->row_count; row++) {
        if (!is_row_shown(t, row, o))
            continue;
        size_t len = row_string(t, row, column, l, o, buf);
        size_t shown = text_width((struct text){buf, len});
        width = shown > width ? shown : width;
    }
    return width;
}

// The width of a line; 0 without columns.
static size_t line_width(const struct table *t, const struct layout *l)
{
    size_t sum = 0;
    for (size_t c = 0; c < t->column_count; c++)
        sum += l->shown[c] ? l->width[c] + (sum ? COLUMN_GAP : 0) : 0;
    return sum;
}

// Makes the table fit a line. Returns whether columns were left out.
static bool fit(const struct table *t, struct layout *l)
{
    bool left_out = false;
    for (size_t c = t->column_count; c-- > 0 && line_width(t, l) > LINE_WIDTH;)
        if (l->shown[c] && (t->columns[c].flags & COLUMN_SPARE)) {
            l->shown[c] = false;
            left_out = true;
        }
    while (line_width(t, l) > LINE_WIDTH) {
        size_t widest = t->column_count, excess = line_width(t, l) - LINE_WIDTH;
        for (size_t c = 0; c < t->column_count; c++)
            if (l->shown[c] && !is_number(&t->columns[c]) &&
                !(t->columns[c].flags & COLUMN_WHOLE) &&
                (widest == t->column_count || l->width[c] > l->width[widest]))
                widest = c;
        if (widest == t->column_count || l->width[widest] <= WORD_WIDTH_MIN)
            break;
        size_t narrower = l->width[widest] - WORD_WIDTH_MIN;
        l->width[widest] -= excess < narrower ? excess : narrower;
    }
    return left_out;
}

// Returns whether columns were left out that --wide would not have shown anyway. The
// tree is the caller's to free.
static bool lay_out(const struct table *t, const struct render_options *o, struct layout *l)
{
    l->tree = find_tree(t);
    for (size_t c = 0; c < t->column_count; c++) {
        l->shown[c] = o->wide || !(t->columns[c].flags & COLUMN_WIDE);
        l->width[c] = l->shown[c] ? width_of(t, c, l, o) : 0;
    }
    return !o->wide && fit(t, l);
}

// row 0 is the heading
static void print_row(FILE *out, const struct table *t, size_t row, const struct layout *l,
                      const struct render_options *o)
{
    size_t last = 0;
    for (size_t c = 0; c < t->column_count; c++)
        last = l->shown[c] ? c : last;
    for (size_t c = 0, first = 1; c < t->column_count; c++) {
        const struct column *column = &t->columns[c];
        if (!l->shown[c])
            continue;
        pad(out, first ? 0 : COLUMN_GAP);
        first = 0;
        const struct cell heading = cell_text(text_of(o->raw ? column->key : column->title));
        char buf[CELL_TEXT_MAX];
        size_t len =
            row ? row_string(t, row - 1, c, l, o, buf) : cell_string(&heading, column, o, buf);
        print_string(out, buf, len, row ? &t->cells[(row - 1) * t->column_count + c] : &heading,
                     column, l->width[c], o, c == last);
    }
    fputc('\n', out);
}

static void print_table(FILE *out, const struct table *t, const struct render_options *o)
{
    struct layout l;
    bool left_out = lay_out(t, o, &l);
    for (size_t row = 0; row <= t->row_count; row++)
        if (row == 0 || is_row_shown(t, row - 1, o))
            print_row(out, t, row, &l, o);
    free(l.tree);
    if (left_out)
        fputs("(the line is too short for all columns; --wide shows them)\n", out);
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
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
    fprintf(out, ": %" PRIu64 " event%s\n", r->loss.events, plural(r->loss.events));
}

// Says what is missing, or that nothing is.
static void print_loss(FILE *out, const struct report *r)
{
    const struct loss_budget *l = &r->loss;
    char bytes[QUANTITY_MAX];
    fprintf(out, "loss: %" PRIu64 " event%s lost, %" PRIu64 " line%s rejected, %s not accounted",
            l->events_lost, plural(l->events_lost), l->lines_rejected, plural(l->lines_rejected),
            quantity_format(l->bytes_unaccounted, UNIT_BYTES, bytes));
    if (l->lines_unknown)
        fprintf(out, ", %" PRIu64 " line%s of unknown type", l->lines_unknown,
                plural(l->lines_unknown));
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
        fprintf(out, "\nnothing to report: %s.\n%s\n", report_why_empty(r), r->how_to_feed);
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
