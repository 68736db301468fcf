// SPDX-License-Identifier: Apache-2.0

#include "helper/export/deltas.h"

#include <stdlib.h>
#include <string.h>

__extension__ typedef __int128 int128;

// ---- counters

static int128 number_of(const struct cell *c)
{
    return c->kind == CELL_U64 ? (int128)c->u64 : c->kind == CELL_I64 ? (int128)c->i64 : 0;
}

static struct cell cell_of(int128 number)
{
    if (number < 0)
        return cell_i64(number < INT64_MIN ? INT64_MIN : (int64_t)number);
    return cell_u64(number > UINT64_MAX ? UINT64_MAX : (uint64_t)number);
}

static void add(struct cell *to, const struct cell *more)
{
    if (more->kind != CELL_ABSENT)
        *to = cell_of(number_of(to) + number_of(more));
}

static bool is_counter(const struct column *c)
{
    return (c->flags & (COLUMN_COUNTER | COLUMN_LABEL)) == COLUMN_COUNTER;
}

static bool has_counters(const struct table *t)
{
    bool any = false;
    for (size_t c = 0; c < t->column_count; c++)
        any |= is_counter(&t->columns[c]);
    return any;
}

static struct cell *row_at(const struct table *t, size_t row)
{
    return &t->cells[row * t->column_count];
}

// ---- what is kept: labels, counters, and whether the row was shown under its own labels

static const struct column was_shown = {"was_shown", "", UNIT_FLAG, 0};

static bool is_kept(const struct column *c)
{
    return (c->flags & COLUMN_LABEL) || is_counter(c);
}

static struct cell *shown_cell(const struct table *kept, struct cell *row)
{
    return &row[kept->column_count - 1];
}

// The cells of a row that are kept, their texts not copied.
static void pick(const struct table *t, const struct cell *row, struct cell *out)
{
    for (size_t c = 0; c < t->column_count; c++)
        if (is_kept(&t->columns[c]))
            *out++ = row[c];
    *out = cell_u64(0);
}

static void open_kept(struct table *kept, const struct table *like)
{
    table_init(kept, like->name, NULL);
    for (size_t c = 0; c < like->column_count; c++)
        if (is_kept(&like->columns[c]))
            table_add_columns(kept, &like->columns[c], 1);
    table_add_columns(kept, &was_shown, 1);
}

// Adds a row with texts of its own.
static bool keep_row(struct table *kept, const struct cell *row)
{
    struct cell *to = table_add_row(kept);
    for (size_t c = 0; to && c < kept->column_count; c++) {
        to[c] = row[c].kind == CELL_TEXT ? cell_copy(kept, row[c].text) : row[c];
        if (to[c].kind != row[c].kind)
            return false;
    }
    return to != NULL;
}

static int compare(const struct cell *a, const struct cell *b, void *table)
{
    return row_compare_identity(table, a, b);
}

// Sorts by what the rows are of, and makes one of those of the same. False if there is no memory.
static bool sort_rows(struct table *t)
{
    size_t count = 0;
    table_sort(t, compare, t);
    for (size_t row = 0; row < t->row_count; row++) {
        struct cell *last = count ? row_at(t, count - 1) : NULL;
        const struct cell *cells = row_at(t, row);
        int order = last ? row_compare_identity(t, last, cells) : -1;
        if (order > 0) // as it was: nothing to sort with
            return false;
        for (size_t c = 0; order == 0 && c < t->column_count; c++)
            if (is_counter(&t->columns[c]))
                add(&last[c], &cells[c]);
        if (order < 0 && count++ != row)
            memcpy(row_at(t, count - 1), cells, t->column_count * sizeof(*cells));
    }
    t->row_count = count;
    return true;
}

static bool keep_rows(struct table *kept, const struct table *from)
{
    struct cell row[TABLE_COLUMNS_MAX + 1] = {0};
    open_kept(kept, from);
    for (size_t i = 0; i < from->row_count; i++) {
        pick(from, row_at(from, i), row);
        if (!keep_row(kept, row))
            return false;
    }
    return sort_rows(kept);
}

static bool all_zero(const struct table *t, const struct cell *row)
{
    bool zero = true;
    for (size_t c = 0; c < t->column_count; c++)
        zero &= !is_counter(&t->columns[c]) || number_of(&row[c]) == 0;
    return zero;
}

// Adds a row that is no more. Corrections took all that was in it, so it has 0 now; what cannot be
// taken away stays, and the row goes on from there if it comes back (a cgroup to --under).
static bool keep_gone_row(struct table *kept, const struct cell *had)
{
    struct cell row[TABLE_COLUMNS_MAX + 1] = {0};
    for (size_t c = 0; c < kept->column_count; c++) {
        bool taken = is_counter(&kept->columns[c]) && (kept->columns[c].flags & COLUMN_CORRECTED);
        row[c] = taken && had[c].kind != CELL_ABSENT ? cell_u64(0) : had[c];
    }
    *shown_cell(kept, row) = (struct cell){.kind = CELL_ABSENT};
    return keep_row(kept, row);
}

// Adds the rows that only the table of the last time has. Both are sorted, before and after.
static bool keep_gone_rows(struct table *kept, const struct table *had)
{
    size_t count = kept->row_count, at = 0;
    for (size_t i = 0; had && i < had->row_count; i++) {
        const struct cell *row = row_at(had, i);
        while (at < count && row_compare_identity(kept, row_at(kept, at), row) < 0)
            at++;
        if (at < count && row_compare_identity(kept, row_at(kept, at), row) == 0)
            continue;
        if (!all_zero(had, row) && !keep_gone_row(kept, row))
            return false;
    }
    return kept->row_count == count || sort_rows(kept);
}

// ---- the deltas of a table

struct change {
    struct table *shown;
    struct table *now;
    const struct table *had;                 // NULL: nothing yet
    bool *counted;                           // by row of now: its delta stands in its row
    struct cell rest[TABLE_COLUMNS_MAX + 1]; // deltas of rows that are not shown, together
};

// What was added to a row of now.
static void subtract(const struct change *x, const struct cell *now, struct cell *delta)
{
    static const struct cell absent;
    const struct cell *had = x->had ? row_find(x->had, now) : NULL;
    for (size_t c = 0; c < x->now->column_count; c++) {
        const struct cell *before = had ? &had[c] : &absent;
        delta[c] = absent;
        if (!is_counter(&x->now->columns[c]) ||
            (now[c].kind == CELL_ABSENT && before->kind == CELL_ABSENT))
            continue;
        int128 added = number_of(&now[c]) - number_of(before);
        bool can_fall = (x->now->columns[c].flags & COLUMN_CORRECTED) != 0;
        delta[c] = cell_of(added < 0 && !can_fall ? 0 : added);
    }
}

// Puts deltas in place of the counters of a row that is shown.
static void put(const struct table *shown, struct cell *row, const struct cell *delta)
{
    for (size_t c = 0; c < shown->column_count; c++) {
        if (!is_kept(&shown->columns[c]))
            continue;
        if (is_counter(&shown->columns[c]))
            row[c] = delta->kind != CELL_ABSENT   ? *delta
                     : row[c].kind != CELL_ABSENT ? cell_u64(0)
                                                  : row[c];
        delta++;
    }
}

static void put_shown_rows(struct change *x)
{
    static const struct cell nothing[TABLE_COLUMNS_MAX + 1];
    struct cell row[TABLE_COLUMNS_MAX + 1] = {0}, delta[TABLE_COLUMNS_MAX + 1] = {0};
    for (size_t i = 0; i < x->shown->row_count; i++) {
        struct cell *cells = row_at(x->shown, i);
        if (row_is_other(x->shown, cells))
            continue;
        pick(x->shown, cells, row);
        struct cell *now = row_find(x->now, row);
        size_t number = now ? (size_t)(now - x->now->cells) / x->now->column_count : 0;
        if (!now || x->counted[number]) { // of the same as a row above, which has the delta of both
            put(x->shown, cells, nothing);
            continue;
        }
        subtract(x, now, delta);
        put(x->shown, cells, delta);
        x->counted[number] = true;
        *shown_cell(x->now, now) = cell_u64(1);
    }
}

// A new row with the labels of a kept one and these deltas. Its other cells are absent.
static bool show_row(struct table *shown, const struct cell *labels, const struct cell *delta)
{
    struct cell *to = table_add_row(shown);
    for (size_t c = 0, k = 0; to && c < shown->column_count; c++) {
        if (!is_kept(&shown->columns[c]))
            continue;
        const struct cell *from = is_counter(&shown->columns[c]) ? &delta[k] : &labels[k];
        to[c] = from->kind == CELL_TEXT ? cell_copy(shown, from->text) : *from;
        k++;
    }
    return to != NULL;
}

// The rows that are not shown: what was added to them goes into `other`. Of a row that is no more
// its own name must lose what it had, if it was shown.
static bool sum_up_rest(struct change *x)
{
    struct cell delta[TABLE_COLUMNS_MAX + 1] = {0};
    for (size_t i = 0; i < x->now->row_count; i++) {
        struct cell *now = row_at(x->now, i);
        if (x->counted[i])
            continue;
        subtract(x, now, delta);
        const struct cell *had = x->had ? row_find(x->had, now) : NULL;
        bool gone = shown_cell(x->now, now)->kind == CELL_ABSENT;
        if (gone && had && number_of(shown_cell(x->had, (struct cell *)had)) == 1) {
            if (!all_zero(x->now, delta) && !show_row(x->shown, now, delta))
                return false;
            continue;
        }
        for (size_t c = 0; c < x->now->column_count; c++)
            add(&x->rest[c], &delta[c]);
    }
    return true;
}

// Puts the rest into the row `other`. It is made where it is not there because the rows that it
// stands for have come to nothing.
static bool put_rest(struct change *x)
{
    for (size_t i = 0; i < x->shown->row_count; i++) {
        static const struct cell nothing[TABLE_COLUMNS_MAX + 1];
        struct cell *cells = row_at(x->shown, i);
        if (row_is_other(x->shown, cells)) {
            put(x->shown, cells, x->rest);
            memcpy(x->rest, nothing, sizeof(x->rest));
        }
    }
    if (all_zero(x->now, x->rest))
        return true;
    struct cell labels[TABLE_COLUMNS_MAX + 1] = {0};
    for (size_t c = 0; c < x->now->column_count; c++)
        if (x->now->columns[c].flags & COLUMN_LABEL) {
            labels[c] = cell_text(TEXT_LITERAL("other"));
            break;
        }
    return show_row(x->shown, labels, x->rest);
}

// now becomes what the counters are now. False if there is no memory.
static bool take_table(const struct table *had, const struct table *everything, struct table *shown,
                       struct table *now)
{
    struct change x = {.shown = shown, .now = now, .had = had};
    bool alike = everything->column_count == shown->column_count;
    if (!keep_rows(now, everything) || !keep_gone_rows(now, had) || !alike)
        return false;
    x.counted = calloc(now->row_count + 1, sizeof(*x.counted));
    if (!x.counted)
        return false;
    put_shown_rows(&x);
    bool done = sum_up_rest(&x) && put_rest(&x);
    free(x.counted);
    return done;
}

// The rows that were not there the last time are left. False if there is no memory.
static bool take_happenings(const struct table *had, const struct table *everything,
                            struct table *shown, struct table *now)
{
    struct cell row[TABLE_COLUMNS_MAX + 1] = {0};
    size_t count = 0;
    if (!keep_rows(now, everything))
        return false;
    for (size_t i = 0; i < shown->row_count; i++) {
        pick(shown, row_at(shown, i), row);
        if (had && row_find(had, row))
            continue;
        if (count++ != i)
            memcpy(row_at(shown, count - 1), row_at(shown, i), shown->column_count * sizeof(*row));
    }
    shown->row_count = count;
    return true;
}

// ---- of a report

static struct table *table_at(const struct report *r, size_t i)
{
    return (struct table *)(i ? &r->sections[i - 1] : &r->rows);
}

static struct table *find_had(struct deltas *d, const char *name)
{
    for (size_t i = 0; i < d->count; i++)
        if (strcmp(d->had[i].name, name) == 0)
            return &d->had[i];
    return NULL;
}

static void keep(struct deltas *d, struct table *now)
{
    struct table *had = find_had(d, now->name);
    if (had)
        table_free(had);
    else if (d->count < sizeof(d->had) / sizeof(*d->had))
        had = &d->had[d->count++];
    if (had)
        *had = *now;
    else
        table_free(now);
}

// Of the first `tables` tables: the rows, and then the sections.
static bool take(struct deltas *d, const struct report *everything, struct report *shown,
                 size_t tables)
{
    struct table now[1 + REPORT_SECTIONS_MAX];
    size_t count = 0;
    bool done = everything->section_count == shown->section_count;
    for (size_t i = 0; done && i < tables; i++) {
        struct table *t = table_at(shown, i), *had = find_had(d, t->name);
        if (t->happened)
            done = take_happenings(had, table_at(everything, i), t, &now[count++]);
        else if (has_counters(t))
            done = take_table(had, table_at(everything, i), t, &now[count++]);
    }
    // all or nothing, so that the next deltas begin where these do
    for (size_t i = 0; i < count; i++) {
        if (done)
            keep(d, &now[i]);
        else
            table_free(&now[i]);
    }
    return done;
}

bool deltas_take(struct deltas *d, const struct report *everything, struct report *shown)
{
    return take(d, everything, shown, 1 + shown->section_count);
}

// ---- sums of deltas

// The sums become those with these deltas. False if there is no memory.
static bool add_to_sums(struct table *sums, const struct table *deltas)
{
    struct cell row[TABLE_COLUMNS_MAX + 1] = {0};
    struct table now;
    bool done = true;
    open_kept(&now, deltas);
    for (size_t i = 0; done && i < sums->row_count; i++)
        done = keep_row(&now, row_at(sums, i));
    for (size_t i = 0; done && i < deltas->row_count; i++) {
        pick(deltas, row_at(deltas, i), row);
        done = keep_row(&now, row);
    }
    done = done && sort_rows(&now);
    table_free(done ? sums : &now);
    if (done)
        *sums = now;
    return done;
}

// `other` stays, also when nothing was added to it. False if there is no memory.
static bool show_other(struct table *shown, const struct table *sums)
{
    for (size_t i = 0; i < shown->row_count; i++)
        if (row_is_other(shown, row_at(shown, i)))
            return true;
    for (size_t i = 0; i < sums->row_count; i++)
        if (row_is_other(sums, row_at(sums, i)))
            return show_row(shown, row_at(sums, i), row_at(sums, i));
    return true;
}

bool deltas_sum_rows(struct deltas *d, const struct report *everything, struct report *shown)
{
    struct cell row[TABLE_COLUMNS_MAX + 1] = {0};
    struct table *rows = &shown->rows;
    if (!has_counters(rows))
        return true;
    if (!take(d, everything, shown, 1) || !add_to_sums(&d->sums, rows))
        return false;
    for (size_t i = 0; i < rows->row_count; i++) {
        pick(rows, row_at(rows, i), row);
        put(rows, row_at(rows, i), row_find(&d->sums, row));
    }
    return show_other(rows, &d->sums);
}

void deltas_release(struct deltas *d)
{
    for (size_t i = 0; i < d->count; i++)
        table_free(&d->had[i]);
    table_free(&d->sums);
    d->count = 0;
}
