// SPDX-License-Identifier: Apache-2.0

#include "helper/rules/rules_data.h"

#include <stdlib.h>
#include <string.h>

static uint32_t hash_name(struct text name, bool exact)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ exact; // FNV-1a; rule files are not hostile
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.ptr[i]) * UINT64_C(0x100000001b3);
    return (uint32_t)(hash ^ hash >> 32);
}

static uint32_t *find_slot(const struct name_index *index, struct text name, bool exact)
{
    for (uint32_t i = hash_name(name, exact) & index->slot_mask;; i = (i + 1) & index->slot_mask) {
        uint32_t entry = index->slots[i];
        if (!entry)
            return &index->slots[i];
        const struct name_entry *e = &index->entries[entry - 1];
        if (e->exact == exact && text_equal(e->name, name))
            return &index->slots[i];
    }
}

static bool grow(struct name_index *index)
{
    uint32_t capacity = index->capacity ? index->capacity * 2 : 64;
    uint32_t *slots = calloc((size_t)capacity * 2, sizeof(*slots));
    struct name_entry *entries = realloc(index->entries, capacity * sizeof(*entries));
    if (entries)
        index->entries = entries;
    if (!slots || !entries) {
        free(slots);
        return false;
    }
    free(index->slots);
    index->slots = slots;
    index->slot_mask = capacity * 2 - 1;
    index->capacity = capacity;
    for (uint32_t i = 0; i < index->count; i++)
        *find_slot(index, entries[i].name, entries[i].exact) = i + 1;
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
    uint32_t *slot = find_slot(index, name, exact);
    if (!*slot) {
        char *copy = strndup(name.ptr, name.len);
        if (!copy)
            return false;
        index->entries[index->count++] =
            (struct name_entry){.name = {copy, name.len}, .exact = exact};
        *slot = index->count;
    }
    return add_use(&index->entries[*slot - 1].uses, use);
}

const struct use_list *name_index_find(const struct name_index *index, struct text name, bool exact)
{
    if (!index->count)
        return NULL;
    uint32_t entry = *find_slot(index, name, exact);
    return entry ? &index->entries[entry - 1].uses : NULL;
}

void name_index_free(struct name_index *index)
{
    for (uint32_t i = 0; i < index->count; i++) {
        free((char *)index->entries[i].name.ptr);
        free(index->entries[i].uses.items);
    }
    free(index->entries);
    free(index->slots);
}
