// SPDX-License-Identifier: Apache-2.0

#include "helper/report/report.h"

#include <stdlib.h>
#include <string.h>

// Copies of text live as long as their table, in blocks that never move.
struct table_arena {
    struct table_arena *previous;
    size_t used, size;
    char bytes[];
};

enum { ARENA_BLOCK = 16 * 1024 };

static char *arena_take(struct table *t, size_t size)
{
    struct table_arena *block = t->arena;
    if (!block || block->size - block->used < size) {
        size_t capacity = size > ARENA_BLOCK ? size : ARENA_BLOCK;
        block = malloc(sizeof(*block) + capacity);
        if (!block)
            return NULL;
        *block = (struct table_arena){.previous = t->arena, .size = capacity};
        t->arena = block;
    }
    block->used += size;
    return block->bytes + block->used - size;
}

void table_init(struct table *t, const char *name, const char *title)
{
    *t = (struct table){.name = name, .title = title};
}

void table_free(struct table *t)
{
    while (t->arena) {
        struct table_arena *previous = t->arena->previous;
        free(t->arena);
        t->arena = previous;
    }
    free(t->cells);
    t->cells = NULL;
    t->row_count = t->row_capacity = 0;
}

void table_add_columns(struct table *t, const struct column *columns, size_t count)
{
    for (size_t i = 0; i < count && t->column_count < TABLE_COLUMNS_MAX; i++)
        t->columns[t->column_count++] = columns[i];
}

struct cell *table_add_row(struct table *t)
{
    if (t->row_count == t->row_capacity) {
        size_t capacity = t->row_capacity ? t->row_capacity * 2 : 64;
        struct cell *cells = realloc(t->cells, capacity * t->column_count * sizeof(*cells));
        if (!cells)
            return NULL;
        t->cells = cells;
        t->row_capacity = capacity;
    }
    struct cell *row = t->cells + t->row_count++ * t->column_count;
    memset(row, 0, t->column_count * sizeof(*row));
    return row;
}

struct cell cell_u64(uint64_t value)
{
    return (struct cell){.kind = CELL_U64, .u64 = value};
}

struct cell cell_i64(int64_t value)
{
    return (struct cell){.kind = CELL_I64, .i64 = value};
}

struct cell cell_text(struct text text)
{
    return (struct cell){.kind = text.ptr ? CELL_TEXT : CELL_ABSENT, .text = text};
}

struct cell cell_copy(struct table *t, struct text text)
{
    char *copy = text.ptr ? arena_take(t, text.len) : NULL;
    if (!copy)
        return (struct cell){.kind = CELL_ABSENT};
    memcpy(copy, text.ptr, text.len);
    return cell_text((struct text){copy, text.len});
}

struct cell cell_ip(struct table *t, struct ip_addr ip)
{
    char text[IP_TEXT_MAX];
    size_t len = ip_format(ip, text);
    return cell_copy(t, (struct text){text, len});
}

int cell_compare(const struct cell *a, const struct cell *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->kind == CELL_TEXT) {
        size_t len = a->text.len < b->text.len ? a->text.len : b->text.len;
        int order = len ? memcmp(a->text.ptr, b->text.ptr, len) : 0;
        return order ? order : (a->text.len > b->text.len) - (a->text.len < b->text.len);
    }
    if (a->kind == CELL_I64)
        return (a->i64 > b->i64) - (a->i64 < b->i64);
    return a->kind == CELL_U64 ? (a->u64 > b->u64) - (a->u64 < b->u64) : 0;
}

static int compare_labels(const struct table *t, const struct cell *a, const struct cell *b,
                          unsigned but)
{
    int order = 0;
    for (size_t c = 0; c < t->column_count && order == 0; c++)
        if ((t->columns[c].flags & COLUMN_LABEL) && !(t->columns[c].flags & but))
            order = cell_compare(&a[c], &b[c]);
    return order;
}

int row_compare_labels(const struct table *t, const struct cell *a, const struct cell *b)
{
    return compare_labels(t, a, b, 0);
}

int row_compare_identity(const struct table *t, const struct cell *a, const struct cell *b)
{
    return compare_labels(t, a, b, COLUMN_RENAMED);
}

struct cell *row_find(const struct table *sorted, const struct cell *row)
{
    size_t low = 0, high = sorted->row_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct cell *at = &sorted->cells[middle * sorted->column_count];
        int order = row_compare_identity(sorted, row, at);
        if (order == 0)
            return at;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

bool row_is_other(const struct table *t, const struct cell *row)
{
    size_t labels = 0;
    bool other = false;
    for (size_t c = 0; c < t->column_count; c++)
        if ((t->columns[c].flags & COLUMN_LABEL) && row[c].kind != CELL_ABSENT) {
            labels++;
            other = row[c].kind == CELL_TEXT && text_equal(row[c].text, TEXT_LITERAL("other"));
        }
    return other && labels == 1;
}

bool row_tells_people(const struct table *t, const struct cell *row)
{
    for (size_t c = 0; t->sum_row && c < t->column_count; c++)
        if (t->columns[c].flags & COLUMN_COUNTER
                ? row[c].kind == CELL_U64 && row[c].u64
                : row[c].kind == CELL_TEXT && text_equal(row[c].text, text_of(t->sum_row)))
            return true;
    return !t->sum_row;
}

bool table_total(const struct table *t, size_t column, uint64_t *total)
{
    *total = 0;
    for (size_t row = 0; row < t->row_count; row++) {
        const struct cell *cell = &t->cells[row * t->column_count + column];
        if (cell->kind == CELL_ABSENT)
            continue;
        if (cell->kind != CELL_U64 || __builtin_add_overflow(*total, cell->u64, total))
            return false;
    }
    return true;
}

struct sort_key {
    const struct cell *row;
    size_t index;
};

struct sort_order {
    int (*cmp)(const struct cell *, const struct cell *, void *);
    void *context;
};

static int compare_rows(const void *a, const void *b, void *order)
{
    const struct sort_key *x = a, *y = b;
    const struct sort_order *o = order;
    int result = o->cmp(x->row, y->row, o->context);
    return result ? result : (x->index > y->index) - (x->index < y->index);
}

void table_sort(struct table *t, int (*cmp)(const struct cell *, const struct cell *, void *),
                void *context)
{
    size_t row_size = t->column_count * sizeof(struct cell);
    struct sort_key *keys = calloc(t->row_count + 1, sizeof(*keys));
    struct cell *sorted = malloc(t->row_capacity * row_size + 1);
    if (!keys || !sorted) { // unsorted is still complete
        free(keys);
        free(sorted);
        return;
    }
    for (size_t i = 0; i < t->row_count; i++)
        keys[i] = (struct sort_key){t->cells + i * t->column_count, i};
    struct sort_order order = {cmp, context};
    qsort_r(keys, t->row_count, sizeof(*keys), compare_rows, &order);
    for (size_t i = 0; i < t->row_count; i++)
        memcpy(sorted + i * t->column_count, keys[i].row, row_size);
    free(t->cells);
    t->cells = sorted;
    free(keys);
}
