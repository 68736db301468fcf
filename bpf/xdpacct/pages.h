// SPDX-License-Identifier: Apache-2.0
//
// pages.h - a long list of IPv4 prefixes as the pages that the program looks addresses up in
// (prefix_page in xdpacct.h).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bpf/xdpacct/xdpacct.h"

struct pages {
    struct prefix_page *pages; // the first is looked at first
    size_t count, room;
};

// Adds the prefix of the first bits bits of net, and makes the first page if there is none. False
// if there is no memory for it.
bool pages__add(struct pages *p, const uint8_t net[4], unsigned bits);
void pages__free(struct pages *p);
