// SPDX-License-Identifier: Apache-2.0
//
// subscribers.h - `--subscribers FILE`: whose address it was, and when.
//
//   # ADDRESS[/BITS]  NAME  [FROM [UNTIL]]
//   10.128.0.7        alice 2026-11-01T00:00:00Z 2026-11-15T00:00:00Z
//   10.128.0.7        bob   2026-11-15T00:00:00Z
//   2001:db8:128::/64 alice
//
// The longest prefix that holds the address and was valid then decides; of equal ones the last in
// the file. FROM is the first moment, UNTIL the first one after; `-` leaves FROM open.
#pragma once

#include <stdint.h>
#include "schema/events.h"

struct subscribers;

enum { SUBSCRIBERS_ERROR_MAX = 256 };

// Reads the file. NULL with "FILE:LINE: what is wrong" in error.
struct subscribers *subscribers_load(const char *path, char error[SUBSCRIBERS_ERROR_MAX]);
void subscribers_free(struct subscribers *s);

// The name that ip had at that time; absent if none. It lives as long as s.
struct text subscribers_find(const struct subscribers *s, struct ip_addr ip, uint64_t at_us);
