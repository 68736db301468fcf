// SPDX-License-Identifier: Apache-2.0

#include "helper/sorted_lines.h"

#include <stdlib.h>
#include <string.h>

// Lines of one kind begin alike and lie all over memory, so what is compared first are eight bytes
// behind the beginning that they share, kept in the array that is sorted.
struct sorted_line {
    uint64_t head; // the first byte is the most significant
    union {
        size_t at;        // of the line within bytes, until all are there
        const char *rest; // of the line, behind what all share
    };
    size_t len;
};

// Room for used + more items of a size. NULL if there is no memory: items stay what they were.
static void *reserve(void *items, size_t *capacity, size_t used, size_t more, size_t item_size)
{
    size_t wanted = *capacity ? *capacity : 4096;
    while (wanted < used + more)
        wanted *= 2;
    if (items && wanted == *capacity)
        return items;
    void *larger = realloc(items, wanted * item_size);
    if (larger)
        *capacity = wanted;
    return larger;
}

// How many bytes of a line are as in the first line, at most `common`.
static size_t common_with(const char *first, const char *line, size_t common)
{
    size_t same = 0;
    // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): realloc() keeps the bytes
    while (same < common && first[same] == line[same])
        same++;
    return same;
}

bool sorted_lines_add(struct sorted_lines *l, const char *line, size_t len)
{
    char *bytes = reserve(l->bytes, &l->size, l->used, len + 1, 1);
    l->bytes = bytes ? bytes : l->bytes;
    struct sorted_line *lines = reserve(l->lines, &l->capacity, l->count, 1, sizeof(*l->lines));
    l->lines = lines ? lines : l->lines;
    if (!bytes || !lines)
        return false;
    l->common = l->count ? common_with(l->bytes, line, l->common) : len - 1;
    memcpy(l->bytes + l->used, line, len);
    l->lines[l->count++] = (struct sorted_line){.at = l->used, .len = len};
    l->used += len;
    l->bytes[l->used] = '\0'; // ends the comparison of the last line
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct sorted_line *x = a, *y = b;
    if (x->head != y->head)
        return x->head < y->head ? -1 : 1;
    // the newline is below every other byte of a line; equal lines are compared on into those
    // behind them, which does no harm
    return strcmp(x->rest, y->rest);
}

static uint64_t head_of(const char *p)
{
    uint64_t head = 0;
    for (size_t i = 0; i < sizeof(head); i++)
        head = head << 8 | (*p ? (unsigned char)*p++ : 0);
    return head;
}

void sorted_lines_print(struct sorted_lines *l, FILE *out)
{
    if (!l->count)
        return;
    for (size_t i = 0; i < l->count; i++) {
        l->lines[i].rest = l->bytes + l->lines[i].at + l->common;
        l->lines[i].head = head_of(l->lines[i].rest);
    }
    qsort(l->lines, l->count, sizeof(*l->lines), compare);
    for (size_t i = 0; i < l->count; i++)
        fwrite(l->lines[i].rest - l->common, 1, l->lines[i].len, out);
}

void sorted_lines_free(struct sorted_lines *l)
{
    free(l->bytes);
    free(l->lines);
    *l = (struct sorted_lines){0};
}
