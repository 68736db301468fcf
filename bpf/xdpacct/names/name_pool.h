// SPDX-License-Identifier: Apache-2.0
//
// name_pool.h - every host name once, counted, so that flows and addresses hold 4 bytes each.
#pragma once

#include "bpf/xdpacct/names/host_name.h"
#include "schema/events.h"

typedef uint32_t name_id; // 0: no name

struct name_slot;

struct name_pool {
    uint64_t refused; // names that found no room
    // Gives some names back, if it can: whoever fills the pool must not keep out all who come
    // later. False: nothing was given back. May be NULL.
    bool (*make_room)(void *context);
    void *context;
    // the rest is private: short names and long ones lie in slots of two sizes
    struct name_shelf {
        uint8_t *slots;
        uint32_t capacity, used, free;
        size_t slot_size, text_max;
    } shelves[2];
    name_id *buckets;
    uint32_t bucket_mask;
    uint64_t seed;
};

// Room for `names` names of up to 51 bytes and an eighth as many longer ones. False: no memory.
bool name_pool__open(struct name_pool *p, uint32_t names);
void name_pool__close(struct name_pool *p);

// The id of a name, held once more; 0 if the name is empty or there is no room.
name_id name_pool__hold(struct name_pool *p, const struct host_name *name);
name_id name_pool__hold_id(struct name_pool *p, name_id id);

// Gives one hold back. 0 is allowed.
void name_pool__drop(struct name_pool *p, name_id id);

// Its text, valid while the name is held; absent for 0.
struct text name_pool__text(const struct name_pool *p, name_id id);

// Memory that the pool can come to use.
size_t name_pool__bytes(const struct name_pool *p);
