// SPDX-License-Identifier: Apache-2.0
//
// ranges.h - which address ranges traffic comes from and goes to, and which of them look like
// subscribers'.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "bpf/xdpacct/xdpacct.h"
#include "schema/ip.h"

// Private ranges (RFC 1918, RFC 6598, RFC 4193), and all the rest of each family.
enum { RANGES = 7 };

struct range {
    uint64_t addresses; // mentions, not distinct ones
    uint64_t bytes_from, bytes_to;
    struct ip_addr first; // an address in it
    unsigned common_bits; // that all addresses seen in it share, of the mapped form
};

struct ranges {
    struct range of[RANGES];
};

// Adds a flow whose packets all went from its sub to its peer.
void ranges__add(struct ranges *r, const struct flow_key *key, uint64_t bytes);
void ranges__print(const struct ranges *r, FILE *out);

// Writes a --ours list of the private ranges that have traffic, as narrow as what was
// seen allows; "" if there is none.
void ranges__suggest(const struct ranges *r, char *out, size_t size);
