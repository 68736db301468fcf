// SPDX-License-Identifier: Apache-2.0
//
// scan.h - a scanner for the lines that our own producers write, made from the schema.
//
// It takes a line only if every byte of it is as event_encode() prints it, keys in any order and
// unknown keys aside: no spaces, no escapes, plain ASCII, unsigned integers without quotes.
// Everything else is json-c's, whose answer is the same wherever both take a line
// (tests/fuzz/decoder.c).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "schema/events.h"

struct scan;

// Bytes behind a line that the scanner may look at.
enum { SCAN_PADDING = 32 };

// NULL if there is no memory.
struct scan *scan_new(void);
void scan_free(struct scan *s);

// Scans the line at `line`, which must be followed by a newline or a NUL and SCAN_PADDING more
// bytes that can be read. True if it took the line: *out is filled, its text points into the line,
// *end points at the newline or NUL, *unknown_keys is the number of keys skipped. False: nothing is
// known about the line.
bool scan_line(struct scan *s, const char *line, struct event *out, const char **end,
               unsigned long *unknown_keys);
