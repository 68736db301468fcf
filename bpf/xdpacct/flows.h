// SPDX-License-Identifier: Apache-2.0
//
// flows.h - the flows of one interval, summed over the CPUs' tables and the spill map.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bpf/xdpacct/xdpacct.h"

struct flow_entry {
    struct flow_key key; // id 0: free
    struct flow_count count;
};

struct flows {
    struct flow_entry *entries;
    size_t capacity; // a power of two
    size_t used;
};

// Adds to the flow, making it if need be. False if there is no memory for it.
bool flows__add(struct flows *f, const struct flow_key *key, const struct flow_count *count);

// Forgets all flows and keeps the memory.
void flows__clear(struct flows *f);
void flows__free(struct flows *f);
