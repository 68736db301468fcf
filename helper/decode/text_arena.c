// SPDX-License-Identifier: Apache-2.0

#include "helper/decode/text_arena.h"

#include <stdlib.h>

enum { BLOCK_SIZE = 64 * 1024 };

struct text_block {
    struct text_block *next;
    size_t used, size;
    char bytes[];
};

static struct text_block *block_new(size_t size)
{
    struct text_block *b = malloc(sizeof(*b) + size);
    if (b)
        *b = (struct text_block){.size = size};
    return b;
}

char *text_arena_take(struct text_arena *a, size_t size)
{
    struct text_block *b = a->current;
    if (!b || b->size - b->used < size) {
        b = block_new(size > BLOCK_SIZE ? size : BLOCK_SIZE);
        if (!b)
            return NULL;
        if (a->current)
            a->current->next = b;
        else
            a->first = b;
        a->current = b;
    }
    char *room = b->bytes + b->used;
    b->used += size;
    return room;
}

static void free_from(struct text_block *b)
{
    while (b) {
        struct text_block *next = b->next;
        free(b);
        b = next;
    }
}

void text_arena_empty(struct text_arena *a)
{
    if (!a->first)
        return;
    free_from(a->first->next);
    a->first->next = NULL;
    a->first->used = 0;
    a->current = a->first;
}

void text_arena_free(struct text_arena *a)
{
    free_from(a->first);
    *a = (struct text_arena){0};
}
