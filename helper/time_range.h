// SPDX-License-Identifier: Apache-2.0
//
// time_range.h - what people write for a point in time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Microseconds since the Unix epoch for: RFC 3339 ("2026-11-22T07:00:00Z", "2026-11-22 07:00",
// "2026-11-22", with or without zone and fraction), "now", "today", "yesterday" (local midnight),
// "-2h" (before now_us), or "@SECONDS". Without a zone it is local time. False if it is none of
// these.
bool time_point_parse(const char *text, uint64_t now_us, uint64_t *out);
