// SPDX-License-Identifier: Apache-2.0

#include "helper/aggregate/keymap.h"
#include "helper/aggregate/large_memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { CACHE_LINE = 64, GROUP = CACHE_LINE / sizeof(uint32_t), FIRST_SLOTS = 1024 };
enum { PREFETCH_MAX = 4 * CACHE_LINE };
#define IN_USE    UINT32_C(0x80000000)
#define MAX_CELLS ((size_t)1 << 30) // their numbers fit the slots of the largest table

// A key's hash chooses a group of slots, one cache line; any slot of it will do, and where it is
// full, any of the next. A slot is 0 while it is free. Else its low bits, those of slot_mask, are
// the number of an entry, from 1, and the others a part of the hash, so that few entries are
// compared in vain. An entry is key and cell side by side, in a chunk that never moves.
struct keymap {
    size_t key_size, cell_offset, entry_size, max_cells, count;
    unsigned chunk_bits; // a chunk has 2^chunk_bits entries, at most LARGE_PAGE bytes
    uint64_t seed;       // keys come from the network: without it they could be chosen to collide
    uint32_t *slots;
    uint32_t slot_mask;
    char **chunks;
    size_t chunk_capacity;
};

static uint32_t *new_slots(uint32_t mask)
{
    size_t size = ((size_t)mask + 1) * sizeof(uint32_t);
    uint32_t *slots = large_memory(size);
    return slots ? memset(slots, 0, size) : NULL;
}

struct keymap *keymap_new(size_t key_size, size_t cell_size, size_t max_cells)
{
    struct keymap *map = calloc(1, sizeof(*map));
    if (!map)
        return NULL;
    map->key_size = key_size;
    map->cell_offset = key_size;
    map->entry_size = (map->cell_offset + cell_size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    map->chunk_bits = 63u - (unsigned)__builtin_clzll(LARGE_PAGE / map->entry_size | 1);
    map->max_cells = max_cells < MAX_CELLS ? max_cells : MAX_CELLS;
    map->slot_mask = FIRST_SLOTS - 1;
    map->slots = new_slots(map->slot_mask);
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

// What a slot has of a hash. Never 0, in no part of it that a table uses: free slots have none.
static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32) | IN_USE;
}

// free_slots(): a bit for each slot of a group that is free.
// slots_of(): a bit for each slot of a group that may be of this hash.

#ifdef __SSE2__

static inline uint32_t bits_of(const __m128i quarters[4])
{
    return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(_mm_packs_epi32(quarters[0], quarters[1]),
                                                       _mm_packs_epi32(quarters[2], quarters[3])));
}

static inline uint32_t free_slots(const uint32_t *group)
{
    __m128i is_free[4];
    for (int i = 0; i < 4; i++)
        is_free[i] =
            _mm_cmpeq_epi32(_mm_load_si128((const __m128i *)group + i), _mm_setzero_si128());
    return bits_of(is_free);
}

static inline uint32_t slots_of(const struct keymap *map, const uint32_t *group, uint64_t hash)
{
    const __m128i mask = _mm_set1_epi32((int)map->slot_mask);
    const __m128i tag = _mm_or_si128(_mm_set1_epi32((int)tag_of(hash)), mask);
    __m128i same[4];
    for (int i = 0; i < 4; i++)
        same[i] =
            _mm_cmpeq_epi32(_mm_or_si128(_mm_load_si128((const __m128i *)group + i), mask), tag);
    return bits_of(same);
}

#else

static inline uint32_t free_slots(const uint32_t *group)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < GROUP; i++)
        bits |= (uint32_t)(group[i] == 0) << i;
    return bits;
}

static inline uint32_t slots_of(const struct keymap *map, const uint32_t *group, uint64_t hash)
{
    uint32_t bits = 0, tag = tag_of(hash) | map->slot_mask;
    for (unsigned i = 0; i < GROUP; i++)
        bits |= (uint32_t)((group[i] | map->slot_mask) == tag) << i;
    return bits;
}

#endif

static uint32_t *group_of(const struct keymap *map, uint64_t hash)
{
    return &map->slots[hash & map->slot_mask & ~(uint64_t)(GROUP - 1)];
}

static char *entry_of(const struct keymap *map, uint32_t slot)
{
    return entry_at(map, (slot & map->slot_mask) - 1);
}

void keymap_prefetch_slot(const struct keymap *map, uint64_t hash)
{
    __builtin_prefetch(group_of(map, hash));
}

void keymap_prefetch(const struct keymap *map, uint64_t hash)
{
    const uint32_t *group = group_of(map, hash);
    uint32_t slots = slots_of(map, group, hash);
    if (!slots)
        return;
    const char *entry = entry_of(map, group[__builtin_ctz(slots)]);
    for (size_t at = 0; at < map->entry_size && at < PREFETCH_MAX; at += CACHE_LINE)
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
static uint32_t *find_slot(const struct keymap *map, const void *key, uint64_t hash)
{
    for (uint32_t *group = group_of(map, hash);;
         group = group_of(map, (uint64_t)(group - map->slots) + GROUP)) {
        for (uint32_t slots = slots_of(map, group, hash); slots; slots &= slots - 1) {
            uint32_t *slot = &group[__builtin_ctz(slots)];
            if (same_key(map, entry_of(map, *slot), key))
                return slot;
        }
        uint32_t is_free = free_slots(group);
        if (is_free)
            return &group[__builtin_ctz(is_free)];
    }
}

static void take_slot(const struct keymap *map, uint32_t *slot, uint64_t hash, size_t entry)
{
    *slot = (tag_of(hash) & ~map->slot_mask) | (uint32_t)(entry + 1);
}

static int grow_slots(struct keymap *map)
{
    uint32_t mask = map->slot_mask * 2 + 1, *slots = new_slots(mask);
    if (!slots)
        return -1;
    free(map->slots);
    map->slots = slots;
    map->slot_mask = mask;
    for (size_t entry = 0; entry < map->count; entry++) {
        uint64_t hash = keymap_hash(map, entry_at(map, entry));
        uint32_t *group = group_of(map, hash), is_free;
        while (!(is_free = free_slots(group)))
            group = group_of(map, (uint64_t)(group - map->slots) + GROUP);
        take_slot(map, &group[__builtin_ctz(is_free)], hash, entry);
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
    uint32_t *slot = find_slot(map, key, hash);
    if (*slot)
        return entry_of(map, *slot) + map->cell_offset;
    if (map->count >= map->max_cells)
        return NULL;
    if ((map->count & (((size_t)1 << map->chunk_bits) - 1)) == 0 && add_chunk(map) != 0)
        return NULL;
    char *entry = entry_at(map, map->count);
    memset(entry, 0, map->entry_size);
    memcpy(entry, key, map->key_size);
    take_slot(map, slot, hash, map->count++);
    // at three quarters, few groups are full; failing to grow costs speed, until one slot is free
    if (map->count > map->slot_mask / 4 * 3 && grow_slots(map) != 0 &&
        map->count + 1 >= map->slot_mask)
        map->max_cells = map->count;
    return entry + map->cell_offset;
}

void *keymap_find(const struct keymap *map, const void *key)
{
    uint32_t slot = *find_slot(map, key, keymap_hash(map, key));
    return slot ? entry_of(map, slot) + map->cell_offset : NULL;
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
