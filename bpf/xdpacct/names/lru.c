// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/names/lru.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { NONE = UINT32_MAX };

static uint8_t *item_at(const struct lru *t, uint32_t i)
{
    return t->items + (size_t)i * t->item_size;
}

static uint32_t index_of(const struct lru *t, const void *item)
{
    return (uint32_t)(((const uint8_t *)item - t->items) / (ptrdiff_t)t->item_size);
}

// Whoever sends packets chooses the keys, so start and factor are random. Of the product both
// halves count: in the lower one alone high bits of a word, as the last byte of an address, move
// nothing.
uint64_t lru__hash(const struct lru *t, const void *bytes, size_t size)
{
    uint64_t h = t->seeds[0];
    for (size_t at = 0; at < size; at += 8) {
        uint64_t word;
        memcpy(&word, (const uint8_t *)bytes + at, sizeof(word));
        unsigned __int128 product = (unsigned __int128)(h ^ word) * (t->seeds[1] | 1);
        h = (uint64_t)product ^ (uint64_t)(product >> 64);
    }
    return h;
}

static uint32_t *bucket_of(const struct lru *t, const void *key)
{
    return &t->buckets[lru__hash(t, key, t->key_size) & t->bucket_mask];
}

bool lru__open(struct lru *t)
{
    uint32_t buckets = 16;
    while (buckets < t->capacity)
        buckets *= 2;
    t->items = calloc(t->capacity, t->item_size);
    t->nodes = calloc(t->capacity, sizeof(*t->nodes));
    t->buckets = malloc(buckets * sizeof(*t->buckets));
    if (!t->items || !t->nodes || !t->buckets ||
        getrandom(t->seeds, sizeof(t->seeds), 0) != (ssize_t)sizeof(t->seeds)) {
        lru__close(t);
        return false;
    }
    memset(t->buckets, 0xff, buckets * sizeof(*t->buckets));
    t->bucket_mask = buckets - 1;
    t->free = t->oldest = t->newest = NONE;
    t->used = 0;
    return true;
}

void lru__close(struct lru *t)
{
    free(t->items);
    free(t->nodes);
    free(t->buckets);
    t->items = NULL;
    t->nodes = NULL;
    t->buckets = NULL;
}

static void unlink_use(struct lru *t, uint32_t i)
{
    struct lru_node *n = &t->nodes[i];
    *(n->older == NONE ? &t->oldest : &t->nodes[n->older].newer) = n->newer;
    *(n->newer == NONE ? &t->newest : &t->nodes[n->newer].older) = n->older;
}

static void link_newest(struct lru *t, uint32_t i)
{
    t->nodes[i].older = t->newest;
    t->nodes[i].newer = NONE;
    *(t->newest == NONE ? &t->oldest : &t->nodes[t->newest].newer) = i;
    t->newest = i;
}

void *lru__find(struct lru *t, const void *key)
{
    uint32_t i = *bucket_of(t, key);
    while (i != NONE && memcmp(item_at(t, i), key, t->key_size) != 0)
        i = t->nodes[i].next;
    if (i == NONE)
        return NULL;
    if (i != t->newest) {
        unlink_use(t, i);
        link_newest(t, i);
    }
    return item_at(t, i);
}

void lru__remove(struct lru *t, void *item)
{
    uint32_t i = index_of(t, item);
    uint32_t *at = bucket_of(t, item);
    if (t->forget)
        t->forget(t->context, item);
    while (*at != i)
        at = &t->nodes[*at].next;
    *at = t->nodes[i].next;
    unlink_use(t, i);
    t->nodes[i].next = t->free;
    t->free = i;
}

void *lru__add(struct lru *t, const void *key)
{
    uint32_t i = t->free;
    if (i == NONE && t->used < t->capacity) {
        i = t->used++;
    } else {
        if (i == NONE) {
            t->evicted++;
            lru__remove(t, item_at(t, t->oldest));
            i = t->free;
        }
        t->free = t->nodes[i].next;
    }
    uint32_t *bucket = bucket_of(t, key);
    memset(item_at(t, i), 0, t->item_size);
    memcpy(item_at(t, i), key, t->key_size);
    t->nodes[i].next = *bucket;
    *bucket = i;
    link_newest(t, i);
    return item_at(t, i);
}

bool lru__forget_oldest(struct lru *t)
{
    if (t->oldest == t->newest)
        return false;
    t->evicted++;
    lru__remove(t, item_at(t, t->oldest));
    return true;
}

size_t lru__bytes(const struct lru *t)
{
    return t->capacity * (t->item_size + sizeof(*t->nodes)) +
           ((size_t)t->bucket_mask + 1) * sizeof(*t->buckets);
}
