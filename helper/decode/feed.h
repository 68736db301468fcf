// SPDX-License-Identifier: Apache-2.0
//
// feed.h - bytes in, batches of events out.
//
// A push parser: the caller reads into feed_space() and says how much with feed_commit(). Lines may
// be cut anywhere between two commits. Events reach the sink in order, in batches, so that an
// aggregate can prefetch its cells before it updates them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "schema/events.h"

enum { FEED_BATCH_MAX = 32 };

struct feed_sink {
    // Events and their text are valid during the call only.
    void (*events)(void *context, const struct event *events, size_t count);
    // A line that could not be decoded; may be NULL. line counts from 1.
    void (*bad_line)(void *context, uint64_t line, const char *why);
    // Instead of events, if not NULL: one at a time, with its decoder_raw(). ev is NULL for a line
    // of an unknown type.
    void (*line)(void *context, struct text raw, const struct event *ev);
    void *context;
};

struct feed_counts {
    uint64_t lines;        // all lines, blank ones too
    uint64_t events;       // decoded
    uint64_t rejected;     // malformed, or longer than EVENT_LINE_MAX
    uint64_t unknown;      // well-formed, of an unknown type
    uint64_t unknown_keys; // keys skipped
    uint64_t bytes;
};

struct feed;

// The sink is copied. NULL if there is no memory.
struct feed *feed_new(const struct feed_sink *sink);
void feed_free(struct feed *f);

// Where to read to, and how much fits (never 0).
char *feed_space(struct feed *f, size_t *size);

// size bytes were read to feed_space(): decodes the lines that are complete now.
void feed_commit(struct feed *f, size_t size);

// No more bytes: a last line without newline is taken as a line if it decodes, else rejected as
// cut short.
void feed_end(struct feed *f);

const struct feed_counts *feed_counts(struct feed *f);
