// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/flows.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY_FIRST = 1024 };

static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static size_t hash(const struct flow_key *key)
{
    uint64_t h = mix(0, key->id);
    h = mix(h, key->sub[0]);
    h = mix(h, key->peer[0]);
    if (FLOW_ID_FAMILY(key->id) == FAMILY_V6) {
        h = mix(h, key->sub[1]);
        h = mix(h, key->peer[1]);
    }
    return (size_t)(h ^ h >> 32);
}

static bool equal(const struct flow_key *a, const struct flow_key *b)
{
    return a->id == b->id && a->sub[0] == b->sub[0] && a->sub[1] == b->sub[1] &&
           a->peer[0] == b->peer[0] && a->peer[1] == b->peer[1];
}

// The flow's entry, or the free one where it belongs. There is always a free one.
static struct flow_entry *find(struct flow_entry *entries, size_t capacity,
                               const struct flow_key *key)
{
    size_t i = hash(key) & (capacity - 1);
    while (entries[i].key.id && !equal(&entries[i].key, key))
        i = (i + 1) & (capacity - 1);
    return &entries[i];
}

static bool grow(struct flows *f)
{
    size_t capacity = f->capacity ? f->capacity * 2 : CAPACITY_FIRST;
    struct flow_entry *entries = calloc(capacity, sizeof(*entries));
    if (!entries)
        return false;
    for (size_t i = 0; i < f->capacity; i++)
        if (f->entries[i].key.id)
            *find(entries, capacity, &f->entries[i].key) = f->entries[i];
    free(f->entries);
    f->entries = entries;
    f->capacity = capacity;
    return true;
}

bool flows__add(struct flows *f, const struct flow_key *key, const struct flow_count *count)
{
    if ((f->used + 1) * 4 > f->capacity * 3 && !grow(f))
        return false;
    struct flow_entry *entry = find(f->entries, f->capacity, key);
    if (!entry->key.id) {
        entry->key = *key;
        entry->count = (struct flow_count){0};
        f->used++;
    }
    for (int dir = 0; dir < 2; dir++) {
        entry->count.packets[dir] += count->packets[dir];
        entry->count.bytes[dir] += count->bytes[dir];
    }
    return true;
}

void flows__clear(struct flows *f)
{
    for (size_t i = 0; i < f->capacity && f->used; i++)
        if (f->entries[i].key.id) {
            f->entries[i].key.id = 0;
            f->used--;
        }
}

void flows__free(struct flows *f)
{
    free(f->entries);
    *f = (struct flows){0};
}
