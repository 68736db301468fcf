// SPDX-License-Identifier: Apache-2.0
//
// retention.h - removes the oldest complete segments of one recorder.
#pragma once

#include "helper/store/identity.h"

struct retention {
    uint64_t age_us; // by their last event, against the clock; 0: no limit
    uint64_t bytes;  // of all of them; 0: no limit
};

// Applies the limits, but leaves the newest segment. What cannot be removed is said on stderr.
// Returns how many segments were removed.
uint64_t retention_apply(const struct retention *keep, const char *dir, const struct identity *id);
