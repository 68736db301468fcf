// SPDX-License-Identifier: Apache-2.0
//
// flows.c - entries lie one after the other, and only their places are hashed: so adding a flow
// touches one line of memory that the CPU could not foresee, and growing moves no entry by hash.

#include "bpf/xdpacct/flows.h"
#include "helper/aggregate/large_memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { CAPACITY_FIRST = 1024, ROOM_FIRST = CAPACITY_FIRST / 2 };

struct flow_slot {
    uint32_t hash;
    uint32_t place; // in entries, from 1; 0: free
};

// Who sends the packets must not know what crowds into one part of the table.
static bool draw_factors(struct flows *f)
{
    if (getrandom(f->factors, sizeof(f->factors), 0) != sizeof(f->factors))
        return false;
    for (int i = 0; i < HASH_FACTORS; i++)
        f->factors[i] |= 1;
    return true;
}

static uint32_t hash(const struct flows *f, const struct flow_key *key)
{
    uint64_t sum = key->id * f->factors[0] + key->sub[0] * f->factors[1] +
                   key->peer[0] * f->factors[2] + key->sub[1] * f->factors[3] +
                   key->peer[1] * f->factors[4];
    return (uint32_t)(flow_hash(sum, f->factors[5]) >> 32);
}

static bool equal(const struct flow_key *a, const struct flow_key *b)
{
    return a->id == b->id && a->sub[0] == b->sub[0] && a->sub[1] == b->sub[1] &&
           a->peer[0] == b->peer[0] && a->peer[1] == b->peer[1];
}

static bool grow_slots(struct flows *f, size_t capacity)
{
    if (capacity > (size_t)UINT32_MAX + 1 || (f->capacity == 0 && !draw_factors(f)))
        return false;
    struct flow_slot *slots = large_memory(capacity * sizeof(*slots));
    if (!slots)
        return false;
    memset(slots, 0, capacity * sizeof(*slots));
    for (size_t i = 0; i < f->capacity; i++) {
        size_t at = f->slots[i].hash & (capacity - 1);
        while (f->slots[i].place && slots[at].place)
            at = (at + 1) & (capacity - 1);
        if (f->slots[i].place)
            slots[at] = f->slots[i];
    }
    free(f->slots);
    f->slots = slots;
    f->capacity = capacity;
    return true;
}

static bool grow_entries(struct flows *f, size_t room)
{
    struct flow_entry *entries = large_memory(room * sizeof(*entries));
    if (!entries)
        return false;
    if (f->used)
        memcpy(entries, f->entries, f->used * sizeof(*entries));
    free(f->entries);
    f->entries = entries;
    f->room = room;
    return true;
}

bool flows__reserve(struct flows *f, size_t count)
{
    return count <= f->room || grow_entries(f, count);
}

static bool append(struct flows *f, struct flow_slot *slot, uint32_t hash,
                   const struct flow_entry *entry)
{
    if (f->used == f->room && !grow_entries(f, f->room ? f->room * 2 : ROOM_FIRST))
        return false;
    f->entries[f->used++] = *entry;
    *slot = (struct flow_slot){hash, (uint32_t)f->used};
    return true;
}

static bool add(struct flows *f, uint32_t h, const struct flow_entry *entry)
{
    size_t at = h & (f->capacity - 1);
    while (f->slots[at].place &&
           (f->slots[at].hash != h || !equal(&f->entries[f->slots[at].place - 1].key, &entry->key)))
        at = (at + 1) & (f->capacity - 1);
    struct flow_slot *slot = &f->slots[at];
    if (!slot->place)
        return append(f, slot, h, entry);
    struct flow_count *sum = &f->entries[slot->place - 1].count;
    for (int dir = 0; dir < 2; dir++) {
        sum->packets[dir] += entry->count.packets[dir];
        sum->bytes[dir] += entry->count.bytes[dir];
    }
    return true;
}

// Where a flow belongs is far from where the one before it does: what is looked at is asked for
// beforehand, first the places of all of them and then their sums.
static bool add_few(struct flows *f, const struct flow_entry *entries, size_t count)
{
    uint32_t hashes[FLOWS_AT_ONCE];
    while ((f->used + count) * 2 > f->capacity)
        if (!grow_slots(f, f->capacity ? f->capacity * 2 : CAPACITY_FIRST))
            return false;
    for (size_t i = 0; i < count; i++) {
        hashes[i] = hash(f, &entries[i].key);
        __builtin_prefetch(&f->slots[hashes[i] & (f->capacity - 1)], 1);
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t place = f->slots[hashes[i] & (f->capacity - 1)].place;
        __builtin_prefetch(f->entries + (place - (place != 0)), 1);
    }
    bool ok = true;
    for (size_t i = 0; i < count; i++)
        ok = add(f, hashes[i], &entries[i]) && ok;
    return ok;
}

bool flows__add(struct flows *f, const struct flow_entry *entries, size_t count)
{
    bool ok = true;
    for (size_t done = 0; done < count; done += FLOWS_AT_ONCE)
        ok = add_few(f, entries + done,
                     count - done < FLOWS_AT_ONCE ? count - done : FLOWS_AT_ONCE) &&
             ok;
    return ok;
}

static int compare_keys(const void *a, const void *b)
{
    return memcmp(&((const struct flow_entry *)a)->key, &((const struct flow_entry *)b)->key,
                  sizeof(struct flow_key));
}

void flows__sort(struct flows *f, size_t first)
{
    if (f->used > first)
        qsort(f->entries + first, f->used - first, sizeof(*f->entries), compare_keys);
}

void flows__clear(struct flows *f)
{
    if (f->used)
        memset(f->slots, 0, f->capacity * sizeof(*f->slots));
    f->used = 0;
}

void flows__free(struct flows *f)
{
    free(f->entries);
    free(f->slots);
    *f = (struct flows){0};
}
