// SPDX-License-Identifier: Apache-2.0
//
// windows.h - the windows of time that an aggregate keeps apart, for plots and for summaries by the
// hour.
//
// --window fixes their length. Where only a plot asks for them the length is found while reading:
// it begins with a second and doubles whenever the stream has become too long for WINDOWS_MAX of
// them. Windows start at multiples of their length, so two neighbours make exactly one of the next
// length.
#pragma once

#include "helper/options.h"

enum { WINDOWS_MAX = 300 };

struct windows {
    uint64_t length_us; // 0: none are kept
    bool grows;
    uint64_t first_us, last_us; // timestamps covered; 0, 0: none yet
};

struct windows windows_new(const struct report_options *options);

// The start of the window of a timestamp; 0 without windows.
uint64_t windows_start(const struct windows *w, uint64_t at_us);

// To be called before a timestamp's window is used. True if the windows have become longer: what is
// kept by window must be merged into those of windows_start(), first.
bool windows_cover(struct windows *w, uint64_t at_us);
