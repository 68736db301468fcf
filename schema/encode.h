// SPDX-License-Identifier: Apache-2.0
//
// encode.h - an event as one line of JSON. What loaders print and what summaries are written with.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include "schema/events.h"

enum { EVENT_LINE_MAX = 64 * 1024 }; // longest line of a stream, its newline included

// Writes ev as one line with its newline into buf. Returns the bytes written, or 0 if they do not
// fit into size (at most EVENT_LINE_MAX is ever needed: an event that would be longer is refused
// too). Required keys are printed always, optional ones if present. Text that is not UTF-8 gets
// U+FFFD for each bad byte and its raw bytes in KEY_hex.
size_t event_encode(const struct event *ev, char *buf, size_t size);

// Writes bytes as a quoted JSON string; bad UTF-8 becomes U+FFFD, and *clean tells whether there
// was none. Returns the bytes written, or 0 if they do not fit.
size_t json_quote(struct text text, char *buf, size_t size, bool *clean);

// Length of the valid UTF-8 sequence at p (1 to 4), or 0 if there is none (RFC 3629: no surrogates,
// no overlong forms).
size_t utf8_sequence(const unsigned char *p, size_t left);

// Microseconds since the Unix epoch, now.
uint64_t event_now_us(void);
