// SPDX-License-Identifier: Apache-2.0
//
// traffic_sums.c - sums of bytes and packets by packed keys, and tables of them.

#include "helper/aggregate/traffic.h"

#include <stdlib.h>
#include <string.h>

bool traffic_sums_open(struct traffic_sums *s, uint32_t parts, size_t max)
{
    *s = (struct traffic_sums){.parts = parts};
    s->cells = keymap_new(traffic_key_size(parts), sizeof(struct traffic_counts), max);
    return s->cells != NULL;
}

void traffic_sums_close(struct traffic_sums *s)
{
    keymap_free(s->cells);
    s->cells = NULL;
}

bool traffic_counts_are_zero(const struct traffic_counts *c)
{
    return !(c->bytes_up | c->bytes_down | c->packets_up | c->packets_down);
}

void traffic_counts_add(struct traffic_counts *into, const struct traffic_counts *counts, int sign)
{
    // the negative of any count is one: -INT64_MAX at least
    into->bytes_up = traffic_plus(into->bytes_up, sign * counts->bytes_up);
    into->bytes_down = traffic_plus(into->bytes_down, sign * counts->bytes_down);
    into->packets_up = traffic_plus(into->packets_up, sign * counts->packets_up);
    into->packets_down = traffic_plus(into->packets_down, sign * counts->packets_down);
}

void traffic_sums_add(struct traffic_sums *s, const struct traffic_facts *facts,
                      const struct traffic_counts *counts, int sign)
{
    uint8_t key[TRAFFIC_KEY_MAX];
    traffic_key_pack(s->parts, facts, key);
    struct traffic_counts *cell = keymap_cell(s->cells, key, keymap_hash(s->cells, key));
    traffic_counts_add(cell ? cell : &s->other, counts, sign);
}

void traffic_sums_add_items(struct traffic_sums *s, const struct traffic_item *items, size_t count,
                            bool only_timed)
{
    uint8_t keys[TRAFFIC_QUEUE_MAX][TRAFFIC_KEY_MAX];
    uint64_t hashes[TRAFFIC_QUEUE_MAX];
    for (size_t i = 0; i < count; i++) {
        traffic_key_pack(s->parts, &items[i].facts, keys[i]);
        hashes[i] = keymap_hash(s->cells, keys[i]);
        keymap_prefetch_slot(s->cells, hashes[i]);
    }
    for (size_t i = 0; i < count; i++)
        keymap_prefetch(s->cells, hashes[i]);
    for (size_t i = 0; i < count; i++) {
        if (only_timed && !items[i].timed)
            continue;
        struct traffic_counts *cell = keymap_cell(s->cells, keys[i], hashes[i]);
        traffic_counts_add(cell ? cell : &s->other, &items[i].counts, items[i].sign);
    }
}

struct traffic_sums traffic_sums_fold(const struct traffic_sums *from, uint32_t parts)
{
    struct traffic_sums into;
    size_t count = from->cells ? keymap_count(from->cells) : 0;
    if (!traffic_sums_open(&into, parts & from->parts, count + 1))
        return into;
    into.other = from->other;
    for (size_t i = 0; i < count; i++) {
        struct traffic_facts facts;
        traffic_key_unpack(from->parts, keymap_key_at(from->cells, i), &facts);
        traffic_sums_add(&into, &facts, keymap_cell_at(from->cells, i), 1);
    }
    return into;
}

static const struct column value_columns[] = {
    {"bytes_up", "UP", UNIT_BYTES, COLUMN_COUNTER},
    {"bytes_down", "DOWN", UNIT_BYTES, COLUMN_COUNTER},
    {"packets_up", "PACKETS UP", UNIT_PACKETS, COLUMN_COUNTER},
    {"packets_down", "PACKETS DOWN", UNIT_PACKETS, COLUMN_COUNTER},
    {"bytes_per_s", "PER SECOND", UNIT_BYTES, COLUMN_SPARE},
};
enum { VALUES = sizeof(value_columns) / sizeof(*value_columns) };

// A correction gives a flow's bytes another name, and with it all that follows from the name: in
// rows by any of these, what was counted can become less.
static const uint32_t corrected_parts = PART_BIT(NAME) | PART_BIT(APP_BEFORE) |
                                        PART_BIT(RATE_BEFORE) | PART_BIT(APP) | PART_BIT(RATE) |
                                        PART_BIT(EVIDENCE) | PART_BIT(UNVERIFIED);

static void add_value_columns(uint32_t parts, struct table *table)
{
    for (size_t i = 0; i < VALUES; i++) {
        struct column column = value_columns[i];
        if ((column.flags & COLUMN_COUNTER) && (parts & corrected_parts))
            column.flags |= COLUMN_CORRECTED;
        table_add_columns(table, &column, 1);
    }
}

// Below 0 only in a part of a stream that holds a correction without what it corrects.
static struct cell count_cell(int64_t value)
{
    return value < 0 ? cell_i64(value) : cell_u64((uint64_t)value);
}

static void fill_values(const struct traffic_counts *c, uint64_t duration_us, struct cell *at)
{
    *at++ = count_cell(c->bytes_up);
    *at++ = count_cell(c->bytes_down);
    *at++ = count_cell(c->packets_up);
    *at++ = count_cell(c->packets_down);
    if (duration_us && traffic_volume(c) >= 0)
        *at = cell_u64((uint64_t)((unsigned __int128)traffic_volume(c) * 1000000 / duration_us));
}

static int64_t cell_number(const struct cell *c)
{
    return c->kind == CELL_I64 ? c->i64 : c->kind == CELL_U64 ? (int64_t)c->u64 : 0;
}

static int compare_cells(const struct cell *a, const struct cell *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->kind != CELL_TEXT)
        return (cell_number(a) > cell_number(b)) - (cell_number(a) < cell_number(b));
    size_t len = a->text.len < b->text.len ? a->text.len : b->text.len;
    int order = memcmp(a->text.ptr, b->text.ptr, len);
    return order ? order : (a->text.len > b->text.len) - (a->text.len < b->text.len);
}

// Largest first; equal ones by what names them, so that the order does not depend on the input's.
static int compare_rows(const struct cell *a, const struct cell *b, void *context)
{
    size_t keys = *(const size_t *)context;
    int64_t x = traffic_plus(cell_number(&a[keys]), cell_number(&a[keys + 1]));
    int64_t y = traffic_plus(cell_number(&b[keys]), cell_number(&b[keys + 1]));
    if (x != y)
        return x > y ? -1 : 1;
    for (size_t i = 0; i < keys; i++) {
        int order = compare_cells(&a[i], &b[i]);
        if (order)
            return order;
    }
    return 0;
}

// Puts value in place of the least of a heap, whose root that is.
static void heap_replace(int64_t *heap, size_t count, int64_t value)
{
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && heap[child + 1] < heap[child];
        if (heap[child] >= value)
            break;
        heap[at] = heap[child];
    }
    heap[at] = value;
}

// A volume that at least `top` sums reach, if there are that many: rows below it need not be made.
// Of millions of sums, most are not shown, and sorting their rows takes longer than reading them.
static int64_t least_shown(const struct traffic_sums *s, uint64_t top)
{
    size_t count = keymap_count(s->cells);
    int64_t *heap = top && top < count ? malloc(top * sizeof(*heap)) : NULL;
    if (!heap)
        return INT64_MIN;
    for (size_t i = 0; i < top; i++)
        heap[i] = INT64_MIN;
    for (size_t i = 0; i < count; i++) {
        const struct traffic_counts *counts = keymap_cell_at(s->cells, i);
        if (!traffic_counts_are_zero(counts) && traffic_volume(counts) > heap[0])
            heap_replace(heap, top, traffic_volume(counts));
    }
    int64_t least = heap[0];
    free(heap);
    return least;
}

// Takes the rows behind the first `top` off the table and adds them to other.
static void cut_rows(struct table *table, size_t keys, uint64_t top, struct traffic_counts *other)
{
    for (size_t row = top; top && row < table->row_count; row++) {
        const struct cell *c = table->cells + row * table->column_count + keys;
        const struct traffic_counts counts = {cell_number(&c[0]), cell_number(&c[1]),
                                              cell_number(&c[2]), cell_number(&c[3])};
        traffic_counts_add(other, &counts, 1);
    }
    if (top && top < table->row_count)
        table->row_count = top;
}

void traffic_sums_table(const struct traffic *t, const struct traffic_sums *s, uint64_t top,
                        uint64_t duration_us, struct table *table)
{
    struct traffic_counts other = s->other;
    traffic_key_columns(s->parts, table, 0);
    size_t keys = table->column_count;
    const int64_t least = least_shown(s, top);
    add_value_columns(s->parts, table);
    for (size_t i = 0; i < keymap_count(s->cells); i++) {
        const struct traffic_counts *counts = keymap_cell_at(s->cells, i);
        if (traffic_volume(counts) < least) {
            traffic_counts_add(&other, counts, 1);
            continue;
        }
        struct cell *c = traffic_counts_are_zero(counts) ? NULL : table_add_row(table);
        struct traffic_facts facts;
        if (!c) // all of it moved to a name
            continue;
        traffic_key_unpack(s->parts, keymap_key_at(s->cells, i), &facts);
        fill_values(counts, duration_us, traffic_key_cells(s->parts, &facts, t->words, table, c));
    }
    table_sort(table, compare_rows, &keys);
    cut_rows(table, keys, top, &other);
    struct cell *c = traffic_counts_are_zero(&other) ? NULL : table_add_row(table);
    if (!c)
        return;
    if (keys)
        c[0] = cell_text(TEXT_LITERAL("other"));
    fill_values(&other, duration_us, c + keys);
}
