// SPDX-License-Identifier: Apache-2.0
//
// name_index.c - suffixes and exact names of many apps in one hash table. While a file is read the
// names stand in a growing list; name_index_build packs each with its uses into one record, so that
// a look-up that finds nothing costs one cache miss a label, and one that finds something two.

#include "helper/rules/rules_data.h"

#include <stdlib.h>
#include <string.h>

enum { RECORD_ALIGN = 8 };

// What the table says of a name.
struct name_record {
    uint32_t name_len;
    uint32_t suffix_count, exact_count;
    struct use uses[]; // as a suffix, then exact; the name's bytes are behind them
};

// One step of the hash of a name, which goes from its last byte to its first: so the hashes of its
// parents come for free. FNV-1a; rule files are not hostile.
static uint64_t hash_step(uint64_t hash, char c)
{
    return (hash ^ (unsigned char)c) * UINT64_C(0x100000001b3);
}

static uint64_t hash_name(struct text name)
{
    uint64_t hash = NAME_HASH_START;
    for (size_t i = name.len; i > 0; i--)
        hash = hash_step(hash, name.ptr[i - 1]);
    return hash;
}

// ---- reading: by hash, as a list that grows

static uint32_t *find_entry(const struct name_index *index, struct text name, uint64_t hash)
{
    for (size_t i = hash & index->entry_mask;; i = (i + 1) & index->entry_mask) {
        uint32_t entry = index->entry_at[i];
        if (!entry || text_equal(index->entries[entry - 1].name, name))
            return &index->entry_at[i];
    }
}

static bool grow(struct name_index *index)
{
    size_t capacity = index->capacity ? index->capacity * 2 : 64;
    uint32_t *entry_at = calloc(capacity * 2, sizeof(*entry_at));
    struct name_entry *entries = realloc(index->entries, capacity * sizeof(*entries));
    if (entries)
        index->entries = entries;
    if (!entry_at || !entries) {
        free(entry_at);
        return false;
    }
    free(index->entry_at);
    index->entry_at = entry_at;
    index->entry_mask = capacity * 2 - 1;
    index->capacity = capacity;
    for (uint32_t i = 0; i < index->count; i++)
        *find_entry(index, entries[i].name, hash_name(entries[i].name)) = i + 1;
    return true;
}

static bool add_use(struct use_list *list, struct use use)
{
    // apps are read in order, so the list stays ascending
    struct use *items = realloc(list->items, (list->count + 1) * sizeof(*items));
    if (!items)
        return false;
    list->items = items;
    items[list->count++] = use;
    return true;
}

bool name_index_add(struct name_index *index, struct text name, bool exact, struct use use)
{
    if (index->count == index->capacity && !grow(index))
        return false;
    uint32_t *at = find_entry(index, name, hash_name(name));
    if (!*at) {
        char *copy = strndup(name.ptr, name.len);
        if (!copy)
            return false;
        index->entries[index->count++] = (struct name_entry){.name = {copy, name.len}};
        *at = index->count;
    }
    struct name_entry *e = &index->entries[*at - 1];
    return add_use(exact ? &e->exact : &e->suffix, use);
}

static void free_entries(struct name_index *index)
{
    for (uint32_t i = 0; i < index->count; i++) {
        free((char *)index->entries[i].name.ptr);
        free(index->entries[i].suffix.items);
        free(index->entries[i].exact.items);
    }
    free(index->entries);
    free(index->entry_at);
    index->entries = NULL;
    index->entry_at = NULL;
}

// ---- packing

static size_t record_size(const struct name_entry *e)
{
    size_t size = sizeof(struct name_record) +
                  (e->suffix.count + e->exact.count) * sizeof(struct use) + e->name.len;
    return (size + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
}

static void pack(const struct name_entry *e, char *to)
{
    struct name_record *r = (struct name_record *)(void *)to;
    *r = (struct name_record){(uint32_t)e->name.len, e->suffix.count, e->exact.count};
    struct use *uses = r->uses;
    for (uint32_t i = 0; i < e->suffix.count; i++)
        *uses++ = e->suffix.items[i];
    for (uint32_t i = 0; i < e->exact.count; i++)
        *uses++ = e->exact.items[i];
    memcpy(uses, e->name.ptr, e->name.len);
}

bool name_index_build(struct name_index *index)
{
    size_t slots = 2, size = 0, at = 0;
    while (slots < index->count * (size_t)2)
        slots *= 2;
    for (uint32_t i = 0; i < index->count; i++)
        size += record_size(&index->entries[i]);
    // offsets are counted in units of RECORD_ALIGN, from 1
    index->slots = calloc(slots, sizeof(*index->slots));
    index->records = malloc(size + RECORD_ALIGN);
    if (!index->slots || !index->records || size / RECORD_ALIGN >= UINT32_MAX)
        return false;
    index->slot_mask = slots - 1;
    for (uint32_t i = 0; i < index->count; i++) {
        const struct name_entry *e = &index->entries[i];
        uint64_t hash = hash_name(e->name);
        size_t slot = hash & index->slot_mask;
        while (index->slots[slot].record)
            slot = (slot + 1) & index->slot_mask;
        pack(e, index->records + at);
        index->slots[slot] =
            (struct name_slot){(uint32_t)(hash >> 32), (uint32_t)(at / RECORD_ALIGN) + 1};
        at += record_size(e);
    }
    free_entries(index);
    return true;
}

void name_index_free(struct name_index *index)
{
    if (index->entries)
        free_entries(index);
    free(index->slots);
    free(index->records);
}

// ---- looking up

static const struct name_record *find_record(const struct name_index *index, struct text name,
                                             uint64_t hash)
{
    for (size_t i = hash & index->slot_mask; index->slots[i].record;
         i = (i + 1) & index->slot_mask) {
        if (index->slots[i].tag != (uint32_t)(hash >> 32))
            continue;
        const char *at = index->records + (size_t)(index->slots[i].record - 1) * RECORD_ALIGN;
        const struct name_record *r = (const struct name_record *)(const void *)at;
        const struct use *behind = r->uses + r->suffix_count + r->exact_count;
        if (r->name_len == name.len && memcmp(behind, name.ptr, name.len) == 0)
            return r;
    }
    return NULL;
}

size_t name_index_find(const struct name_index *index, struct text name,
                       struct use_list out[NAME_HITS_MAX])
{
    struct {
        uint64_t hash;
        size_t start;
    } labels[NAME_LABELS_MAX];
    size_t label_count = 0, count = 0;
    uint64_t hash = NAME_HASH_START;
    if (!index->count || name.len > NAME_LEN_MAX)
        return 0;
    for (size_t i = name.len; i > 0; i--) {
        hash = hash_step(hash, name.ptr[i - 1]);
        if (i == 1 || name.ptr[i - 2] == '.') {
            labels[label_count].hash = hash;
            labels[label_count++].start = i - 1;
            __builtin_prefetch(&index->slots[hash & index->slot_mask]);
        }
    }
    while (label_count-- > 0) {
        size_t start = labels[label_count].start;
        struct text parent = {name.ptr + start, name.len - start};
        const struct name_record *r = find_record(index, parent, labels[label_count].hash);
        struct use *uses = r ? (struct use *)r->uses : NULL;
        if (r && start == 0 && r->exact_count)
            out[count++] = (struct use_list){uses + r->suffix_count, r->exact_count};
        if (r && r->suffix_count)
            out[count++] = (struct use_list){uses, r->suffix_count};
    }
    return count;
}
