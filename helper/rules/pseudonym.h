// SPDX-License-Identifier: Apache-2.0
//
// pseudonym.h - subscribers' addresses replaced by others that only the holder of a key can find
// again.
//
// The pseudonym of an address is fd00::/8 with 120 bits of HMAC-SHA256(key, address): the same in
// every report made with the same key, so that reports still merge, and no address of a real host.
// That two of a million subscribers share one has a chance of 1 in 10^24. A subscriber whose name
// is known has the pseudonym of the name, so that its addresses stay together.
#pragma once

#include "schema/events.h"

struct pseudonyms;

enum { PSEUDONYM_ERROR_MAX = 256, PSEUDONYM_KEY_MIN = 16 };

// Reads the key, all bytes of the file, at least 16 of them. NULL with what is wrong in error.
struct pseudonyms *pseudonyms_load(const char *path, char error[PSEUDONYM_ERROR_MAX]);
void pseudonyms_free(struct pseudonyms *p);

struct ip_addr pseudonym_of(struct pseudonyms *p, struct ip_addr ip);
struct ip_addr pseudonym_of_name(struct pseudonyms *p, struct text name);
