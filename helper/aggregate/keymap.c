// SPDX-License-Identifier: Apache-2.0

#include "helper/aggregate/keymap.h"
#include "helper/aggregate/large_memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { CACHE_LINE = 64, FIRST_SLOTS = 1024 };

// Linear probing over 8-byte slots; an entry is key and cell side by side, in a chunk that never
// moves.
struct slot {
    uint32_t tag;   // upper half of the hash
    uint32_t entry; // index + 1; 0 is free
};

struct keymap {
    size_t key_size, cell_offset, entry_size, max_cells, count;
    unsigned chunk_bits; // a chunk has 2^chunk_bits entries, at most LARGE_PAGE bytes
    uint64_t seed;       // keys come from the network: without it they could be chosen to collide
    struct slot *slots;
    size_t slot_mask;
    char **chunks;
    size_t chunk_capacity;
};

struct keymap *keymap_new(size_t key_size, size_t cell_size, size_t max_cells)
{
    struct keymap *map = calloc(1, sizeof(*map));
    if (!map)
        return NULL;
    map->key_size = key_size;
    map->cell_offset = key_size;
    map->entry_size = (map->cell_offset + cell_size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    map->chunk_bits = 63u - (unsigned)__builtin_clzll(LARGE_PAGE / map->entry_size | 1);
    map->max_cells = max_cells;
    map->slot_mask = FIRST_SLOTS - 1;
    map->slots = calloc(FIRST_SLOTS, sizeof(*map->slots));
    if (!map->slots || getrandom(&map->seed, sizeof(map->seed), 0) != sizeof(map->seed)) {
        keymap_free(map);
        return NULL;
    }
    return map;
}

void keymap_free(struct keymap *map)
{
    if (!map)
        return;
    for (size_t i = 0; i << map->chunk_bits < map->count; i++)
        free(map->chunks[i]);
    free(map->chunks);
    free(map->slots);
    free(map);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t keymap_hash(const struct keymap *map, const void *key)
{
    const char *p = key;
    uint64_t hash = map->seed, words[2];
    size_t left = map->key_size;
    for (; left >= sizeof(words); left -= sizeof(words), p += sizeof(words)) {
        memcpy(words, p, sizeof(words));
        hash = mix(hash ^ words[0], map->seed ^ words[1] ^ UINT64_C(0x9e3779b97f4a7c15));
    }
    if (left) {
        memcpy(words, p, sizeof(*words));
        hash = mix(hash ^ words[0], map->seed ^ UINT64_C(0xe7037ed1a0b428db));
    }
    return mix(hash ^ map->key_size, UINT64_C(0xd6e8feb86659fd93));
}

static char *entry_at(const struct keymap *map, size_t index)
{
    size_t within = index & (((size_t)1 << map->chunk_bits) - 1);
    return map->chunks[index >> map->chunk_bits] + within * map->entry_size;
}

void keymap_prefetch_slot(const struct keymap *map, uint64_t hash)
{
    __builtin_prefetch(&map->slots[hash & map->slot_mask]);
}

void keymap_prefetch(const struct keymap *map, uint64_t hash)
{
    const struct slot *s = &map->slots[hash & map->slot_mask];
    if (!s->entry)
        return;
    const char *entry = entry_at(map, s->entry - 1);
    for (size_t at = 0; at < map->entry_size; at += CACHE_LINE)
        __builtin_prefetch(entry + at, 1);
}

static bool same_key(const struct keymap *map, const char *a, const char *b)
{
    uint64_t differ = 0;
    for (size_t at = 0; at < map->key_size; at += sizeof(uint64_t)) {
        uint64_t x, y;
        memcpy(&x, a + at, sizeof(x));
        memcpy(&y, b + at, sizeof(y));
        differ |= x ^ y;
    }
    return differ == 0;
}

// The slot that holds key, or the free one where it belongs.
static struct slot *find_slot(const struct keymap *map, const void *key, uint64_t hash)
{
    uint32_t tag = (uint32_t)(hash >> 32);
    for (size_t i = hash & map->slot_mask;; i = (i + 1) & map->slot_mask) {
        struct slot *s = &map->slots[i];
        if (!s->entry || (s->tag == tag && same_key(map, entry_at(map, s->entry - 1), key)))
            return s;
    }
}

static int grow_slots(struct keymap *map)
{
    size_t mask = map->slot_mask * 2 + 1;
    struct slot *slots = large_memory((mask + 1) * sizeof(*slots));
    if (!slots)
        return -1;
    memset(slots, 0, (mask + 1) * sizeof(*slots));
    free(map->slots);
    map->slots = slots;
    map->slot_mask = mask;
    for (size_t entry = 0; entry < map->count; entry++) {
        uint64_t hash = keymap_hash(map, entry_at(map, entry));
        size_t i = hash & mask;
        while (slots[i].entry)
            i = (i + 1) & mask;
        slots[i] = (struct slot){(uint32_t)(hash >> 32), (uint32_t)entry + 1};
    }
    return 0;
}

static int add_chunk(struct keymap *map)
{
    size_t index = map->count >> map->chunk_bits;
    if (index == map->chunk_capacity) {
        size_t capacity = map->chunk_capacity ? map->chunk_capacity * 2 : 16;
        char **chunks = realloc(map->chunks, capacity * sizeof(*chunks));
        if (!chunks)
            return -1;
        map->chunks = chunks;
        map->chunk_capacity = capacity;
    }
    // the first chunk takes the pages that it needs: most maps are small
    size_t size = map->entry_size << map->chunk_bits;
    map->chunks[index] = index ? large_memory(size) : aligned_alloc(CACHE_LINE, size);
    return map->chunks[index] ? 0 : -1;
}

void *keymap_cell(struct keymap *map, const void *key, uint64_t hash)
{
    struct slot *s = find_slot(map, key, hash);
    if (s->entry)
        return entry_at(map, s->entry - 1) + map->cell_offset;
    if (map->count >= map->max_cells || map->count >= UINT32_MAX - 1)
        return NULL;
    if ((map->count & (((size_t)1 << map->chunk_bits) - 1)) == 0 && add_chunk(map) != 0)
        return NULL;
    char *entry = entry_at(map, map->count);
    memset(entry, 0, map->entry_size);
    memcpy(entry, key, map->key_size);
    *s = (struct slot){(uint32_t)(hash >> 32), (uint32_t)++map->count};
    // at half full, probes stay short; failing to grow costs speed, until nothing is free
    if (map->count * 2 > map->slot_mask && grow_slots(map) != 0 && map->count >= map->slot_mask)
        map->max_cells = map->count;
    return entry + map->cell_offset;
}

void *keymap_find(const struct keymap *map, const void *key)
{
    const struct slot *s = find_slot(map, key, keymap_hash(map, key));
    return s->entry ? entry_at(map, s->entry - 1) + map->cell_offset : NULL;
}

size_t keymap_count(const struct keymap *map)
{
    return map->count;
}

void *keymap_cell_at(const struct keymap *map, size_t index)
{
    return entry_at(map, index) + map->cell_offset;
}

const void *keymap_key_at(const struct keymap *map, size_t index)
{
    return entry_at(map, index);
}
