// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/names/name_pool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    LONG_BIT = 1u << 31, // of an id: lies on the second shelf
    SHORT_MAX = 51,      // a short slot is 64 bytes: one cache line
    LONG_PER_SHORT = 8,
    MAKE_ROOM_MAX = 8, // what is given back may be of the other length, or held elsewhere too
};

struct name_slot {
    uint32_t holds;
    name_id next; // in the bucket; of a free slot the next free index + 1
    uint8_t len;
    char text[];
};

static struct name_slot *slot_of(const struct name_pool *p, name_id id)
{
    const struct name_shelf *shelf = &p->shelves[(id & LONG_BIT) != 0];
    size_t index = (id & ~(name_id)LONG_BIT) - 1;
    return (struct name_slot *)(void *)(shelf->slots + index * shelf->slot_size);
}

static name_id *bucket_of(const struct name_pool *p, const char *text, size_t len)
{
    uint64_t h = p->seed ^ len;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)text[i]) * 0x100000001b3u;
    h *= 0x9e3779b97f4a7c15u;
    return &p->buckets[h >> 32 & p->bucket_mask];
}

static bool open_shelf(struct name_shelf *shelf, uint32_t capacity, size_t text_max)
{
    shelf->capacity = capacity;
    shelf->text_max = text_max;
    shelf->slot_size = (offsetof(struct name_slot, text) + text_max + 7) / 8 * 8;
    shelf->slots = calloc(capacity, shelf->slot_size);
    return shelf->slots != NULL;
}

bool name_pool__open(struct name_pool *p, uint32_t names)
{
    *p = (struct name_pool){0};
    uint32_t buckets = 16;
    while (buckets < names)
        buckets *= 2;
    p->bucket_mask = buckets - 1;
    p->buckets = calloc(buckets, sizeof(*p->buckets));
    if (p->buckets && open_shelf(&p->shelves[0], names, SHORT_MAX) &&
        open_shelf(&p->shelves[1], names / LONG_PER_SHORT + 1, HOST_NAME_MAX_LEN) &&
        getrandom(&p->seed, sizeof(p->seed), 0) == (ssize_t)sizeof(p->seed))
        return true;
    name_pool__close(p);
    return false;
}

void name_pool__close(struct name_pool *p)
{
    free(p->buckets);
    free(p->shelves[0].slots);
    free(p->shelves[1].slots);
    *p = (struct name_pool){0};
}

static name_id take_slot(struct name_pool *p, size_t len)
{
    bool is_long = len > SHORT_MAX;
    struct name_shelf *shelf = &p->shelves[is_long];
    name_id id = shelf->free;
    if (id)
        shelf->free = slot_of(p, id)->next;
    else if (shelf->used < shelf->capacity)
        id = ++shelf->used | (is_long ? LONG_BIT : 0);
    return id;
}

name_id name_pool__hold(struct name_pool *p, const struct host_name *name)
{
    if (name->len == 0)
        return 0;
    name_id *bucket = bucket_of(p, name->text, name->len);
    for (name_id id = *bucket; id; id = slot_of(p, id)->next) {
        struct name_slot *slot = slot_of(p, id);
        if (slot->len == name->len && memcmp(slot->text, name->text, name->len) == 0)
            return name_pool__hold_id(p, id);
    }
    name_id id = take_slot(p, name->len);
    for (unsigned i = 0; !id && i < MAKE_ROOM_MAX && p->make_room && p->make_room(p->context); i++)
        id = take_slot(p, name->len);
    if (!id) {
        p->refused++;
        return 0;
    }
    struct name_slot *slot = slot_of(p, id);
    slot->holds = 1;
    slot->len = name->len;
    memcpy(slot->text, name->text, name->len);
    slot->next = *bucket;
    *bucket = id;
    return id;
}

name_id name_pool__hold_id(struct name_pool *p, name_id id)
{
    if (id)
        slot_of(p, id)->holds++;
    return id;
}

void name_pool__drop(struct name_pool *p, name_id id)
{
    if (!id || --slot_of(p, id)->holds > 0)
        return;
    struct name_slot *slot = slot_of(p, id);
    name_id *at = bucket_of(p, slot->text, slot->len);
    while (*at != id)
        at = &slot_of(p, *at)->next;
    *at = slot->next;
    struct name_shelf *shelf = &p->shelves[(id & LONG_BIT) != 0];
    slot->next = shelf->free;
    shelf->free = id;
}

struct text name_pool__text(const struct name_pool *p, name_id id)
{
    if (!id)
        return (struct text){NULL, 0};
    const struct name_slot *slot = slot_of(p, id);
    return (struct text){slot->text, slot->len};
}

size_t name_pool__bytes(const struct name_pool *p)
{
    size_t bytes = ((size_t)p->bucket_mask + 1) * sizeof(*p->buckets);
    for (int i = 0; i < 2; i++)
        bytes += p->shelves[i].capacity * p->shelves[i].slot_size;
    return bytes;
}
