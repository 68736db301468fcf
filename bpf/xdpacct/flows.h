// SPDX-License-Identifier: Apache-2.0
//
// flows.h - the flows of one interval, summed over the CPUs' tables and the spill map.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bpf/xdpacct/xdpacct.h"

struct flow_entry {
    struct flow_key key;
    struct flow_count count;
};

// In the order in which they were added first: so what is printed does not depend on the secret
// factors of the hash.
struct flows {
    struct flow_entry *entries;
    size_t used, room;
    struct flow_slot *slots; // hash table of places in entries
    size_t capacity;         // of it, a power of two
    uint64_t factors[HASH_FACTORS];
};

// Sets aside addresses for so many flows, so that the entries need not move when they become more:
// memory is taken as it is filled. False if there are none.
bool flows__reserve(struct flows *f, size_t count);

// Adds entries, of which several may be of one flow, making the flows if need be. Up to
// FLOWS_AT_ONCE of them wait for memory together. False if there is no memory for them.
enum { FLOWS_AT_ONCE = 32 };
bool flows__add(struct flows *f, const struct flow_entry *entries, size_t count);

// Puts the entries from first on in order of their keys. Then nothing can be added until
// flows__clear.
void flows__sort(struct flows *f, size_t first);

// Forgets all flows and keeps the memory.
void flows__clear(struct flows *f);
void flows__free(struct flows *f);
