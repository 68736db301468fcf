// SPDX-License-Identifier: Apache-2.0
//
// keymap.h - from a key of fixed size to a cell of fixed size that never moves.
//
// Memory grows with the number of keys, never with the number of lines, and stops at max_cells. Key
// bytes must be defined, padding too. Iteration is in order of first use.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct keymap;

// key_size is a multiple of 8. NULL if there is no memory.
struct keymap *keymap_new(size_t key_size, size_t cell_size, size_t max_cells);
void keymap_free(struct keymap *map);

uint64_t keymap_hash(const struct keymap *map, const void *key);

// For many keys at once: first this for each of them, then keymap_prefetch() for each, then
// keymap_cell(). Each starts to fetch what the next will touch.
void keymap_prefetch_slot(const struct keymap *map, uint64_t hash);
void keymap_prefetch(const struct keymap *map, uint64_t hash);

// The cell of key, zeroed when new. NULL if it is new and the map is full, or there is no memory.
void *keymap_cell(struct keymap *map, const void *key, uint64_t hash);

// The cell of key, or NULL if there is none.
void *keymap_find(const struct keymap *map, const void *key);

size_t keymap_count(const struct keymap *map);
void *keymap_cell_at(const struct keymap *map, size_t index);
const void *keymap_key_at(const struct keymap *map, size_t index);
