// SPDX-License-Identifier: Apache-2.0

#include "helper/sorted_lines.h"
#include "helper/aggregate/large_memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 256 << 10, FIRST_CAPACITY = 1024, AHEAD = 8, MANY_LINES = 1024 };

struct line_block {
    struct line_block *previous;
    size_t used, size; // of bytes
    char bytes[];
};

// What is sorted: the lines lie all over memory, so eight bytes of each are kept beside its place.
struct sorted_line {
    uint64_t head; // the first byte is the most significant
    const char *text;
    size_t len;
};

char *sorted_lines_room(struct sorted_lines *l, size_t size)
{
    struct line_block *b = l->block;
    if (!b || b->size - b->used < size) {
        size_t wanted = sizeof(*b) + size, least = b ? LARGE_PAGE : FIRST_BLOCK;
        wanted = wanted < least ? least : wanted;
        b = large_memory(wanted);
        if (!b)
            return NULL;
        b->previous = l->block;
        b->used = 0;
        b->size = wanted - sizeof(*b);
        l->block = b;
    }
    return b->bytes + b->used;
}

static bool reserve_line(struct sorted_lines *l)
{
    if (l->count < l->capacity)
        return true;
    size_t capacity = l->capacity ? l->capacity * 2 : FIRST_CAPACITY;
    struct sorted_line *lines = large_memory(capacity * sizeof(*lines));
    if (!lines)
        return false;
    if (l->count)
        memcpy(lines, l->lines, l->count * sizeof(*lines));
    free(l->lines);
    l->lines = lines;
    l->capacity = capacity;
    return true;
}

bool sorted_lines_keep(struct sorted_lines *l, size_t len)
{
    if (!reserve_line(l))
        return false;
    l->lines[l->count++] =
        (struct sorted_line){.text = l->block->bytes + l->block->used, .len = len};
    l->block->used += len;
    return true;
}

// How many bytes from `from` on are the same in all lines: at most up to the newline of the first.
static size_t common_to(const struct sorted_line *lines, size_t count, size_t from)
{
    const char *first = lines[0].text + from;
    size_t common = lines[0].len - 1 - from;
    for (size_t i = 1; i < count && common; i++) {
        if (i + AHEAD < count)
            __builtin_prefetch(lines[i + AHEAD].text + from);
        const char *text = lines[i].text + from;
        if (memcmp(first, text, common < lines[i].len - from ? common : lines[i].len - from) == 0)
            continue;
        size_t same = 0;
        while (first[same] == text[same]) // they differ before either ends
            same++;
        common = same;
    }
    return common;
}

// The bytes of a line from `from` on, with zeroes behind its newline.
static uint64_t head_of(const struct sorted_line *line, size_t from)
{
    uint64_t head = 0;
    size_t left = line->len - from;
    memcpy(&head, line->text + from, left < sizeof(head) ? left : sizeof(head));
    return __builtin_bswap64(head);
}

static int compare(const void *a, const void *b)
{
    const struct sorted_line *x = a, *y = b;
    return (x->head > y->head) - (x->head < y->head);
}

// Puts the lines into `into`, in the order of the byte of their heads that `shift` bits are below.
static void order_by_byte(const struct sorted_line *lines, size_t count, unsigned shift,
                          struct sorted_line *into)
{
    size_t starts[256] = {0};
    for (size_t i = 0; i < count; i++)
        starts[lines[i].head >> shift & 0xff]++;
    for (size_t byte = 0, start = 0; byte < 256; byte++) {
        size_t of_byte = starts[byte];
        starts[byte] = start;
        start += of_byte;
    }
    for (size_t i = 0; i < count; i++)
        into[starts[lines[i].head >> shift & 0xff]++] = lines[i];
}

// Many lines are put in order byte by byte, from the last one of their heads: four times as fast
// as comparing them.
static void sort_by_heads(struct sorted_line *lines, size_t count)
{
    struct sorted_line *spare = count < MANY_LINES ? NULL : large_memory(count * sizeof(*spare));
    if (!spare) {
        qsort(lines, count, sizeof(*lines), compare);
        return;
    }
    for (unsigned shift = 0; shift < 64; shift += 16) {
        order_by_byte(lines, count, shift, spare);
        order_by_byte(spare, count, shift + 8, lines);
    }
    free(spare);
}

// Sorts lines that are the same in their first `from` bytes: by the eight bytes behind all that
// they share, and then those whose eight bytes are the same in the same way.
// NOLINTNEXTLINE(misc-no-recursion): each level has fewer lines, and is eight bytes further in them
static void sort(struct sorted_line *lines, size_t count, size_t from)
{
    from += common_to(lines, count, from);
    for (size_t i = 0; i < count; i++)
        lines[i].head = head_of(&lines[i], from);
    sort_by_heads(lines, count);
    from += sizeof(lines->head);
    for (size_t start = 0, end; start < count; start = end) {
        for (end = start + 1; end < count && lines[end].head == lines[start].head;)
            end++;
        // a line that ends within its eight bytes is the same as all that have these
        if (end - start > 1 && lines[start].len > from)
            sort(lines + start, end - start, from);
    }
}

void sorted_lines_print(struct sorted_lines *l, FILE *out)
{
    if (l->count)
        sort(l->lines, l->count, 0);
    for (size_t i = 0; i < l->count; i++) {
        if (i + AHEAD < l->count)
            __builtin_prefetch(l->lines[i + AHEAD].text);
        fwrite(l->lines[i].text, 1, l->lines[i].len, out);
    }
}

void sorted_lines_free(struct sorted_lines *l)
{
    while (l->block) {
        struct line_block *previous = l->block->previous;
        free(l->block);
        l->block = previous;
    }
    free(l->lines);
    *l = (struct sorted_lines){0};
}
