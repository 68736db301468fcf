// SPDX-License-Identifier: Apache-2.0
//
// steady_clock.h - for intervals and patience. The wall clock, which events carry, may be set back
// by an hour, and what waits for it would wait as long.
#pragma once

#include <stdint.h>

// Microseconds of CLOCK_MONOTONIC.
uint64_t steady_now_us(void);
