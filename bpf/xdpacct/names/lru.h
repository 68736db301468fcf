// SPDX-License-Identifier: Apache-2.0
//
// lru.h - a hash table of fixed size that forgets its oldest item when it is full. All memory is
// taken at the start (and becomes resident as it is used), whatever comes from the network.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lru_node {
    uint32_t next;         // in the bucket, or of the free ones
    uint32_t older, newer; // in order of use
};

struct lru {
    uint32_t capacity, used;
    size_t item_size, key_size; // an item begins with its key
    uint64_t evicted;           // items forgotten to make room
    // Called for an item that is about to go, by eviction or removal. May be NULL.
    void (*forget)(void *context, void *item);
    void *context;

    // the rest is private
    uint8_t *items;
    struct lru_node *nodes;
    uint32_t *buckets;
    uint32_t bucket_mask, free, oldest, newest;
    uint64_t seeds[2];
};

// capacity, item_size (a multiple of 8), key_size, forget and context are set; the rest is made.
// False if there is no memory.
bool lru__open(struct lru *t);
void lru__close(struct lru *t);

// A hash of size bytes, a multiple of 8, that nobody outside can foresee.
uint64_t lru__hash(const struct lru *t, const void *bytes, size_t size);

// The item with this key, which is now the newest; NULL if there is none.
void *lru__find(struct lru *t, const void *key);

// A new item, all zero but its key, which must not be in the table. Never fails.
void *lru__add(struct lru *t, const void *key);

void lru__remove(struct lru *t, void *item);

// Forgets the oldest item, unless that is the newest too, which its user may be about to use. False
// if nothing was forgotten.
bool lru__forget_oldest(struct lru *t);

// Memory that the table can come to use.
size_t lru__bytes(const struct lru *t);
