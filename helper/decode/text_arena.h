// SPDX-License-Identifier: Apache-2.0
//
// text_arena.h - memory for the text of decoded events, given back all at once.
#pragma once

#include <stddef.h>

struct text_block;

struct text_arena {
    struct text_block *first, *current;
};

// Room for size bytes that stay where they are until the arena is emptied. NULL if there is no
// memory.
char *text_arena_take(struct text_arena *a, size_t size);

// Empties the arena; keeps its first block for the next texts.
void text_arena_empty(struct text_arena *a);
void text_arena_free(struct text_arena *a);
