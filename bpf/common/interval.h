// SPDX-License-Identifier: Apache-2.0
//
// interval.h - a timer that a poll loop can wait for.
#pragma once

#include <stdint.h>

// A file that becomes readable every interval_us microseconds, or -errno. The caller closes it.
int interval_open(uint64_t interval_us);

// How many intervals ended since the last call; 0 if none. Does not block.
uint64_t interval_read(int fd);
