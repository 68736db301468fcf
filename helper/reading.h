// SPDX-License-Identifier: Apache-2.0
//
// reading.h - the loop that reads one source into a feed: signals, and a pulse while input goes on.
#pragma once

#include <poll.h>
#include "helper/decode/feed.h"
#include "helper/decode/source.h"

struct reading {
    struct source *source;
    struct feed *feed;
    uint64_t pulse_us;            // 0: none
    bool (*pulse)(void *context); // called every pulse_us; false: stop
    bool (*stop)(void *context);  // asked before every read: true: stop; may be NULL
    // Further descriptors to wait for: others() fills at most max and returns how many, ready() is
    // called whenever one of them is. NULL where there are none.
    size_t (*others)(void *context, struct pollfd *out, size_t max);
    void (*ready)(void *context, const struct pollfd *fds, size_t count);
    void *context;
};

enum { READING_OTHERS_MAX = 64 };

// SIGINT and SIGTERM stop the reading from now on: a pipe is read to its end first, since the
// producer got the same signal and has its last events to say, but for 3 seconds at most; a second
// signal does not wait.
void reading_catch_signals(void);

// True once such a signal came.
bool reading_interrupted(void);

// Reads the source to its end, or until told to stop, and ends the feed. False if the source
// failed: source_error() says why.
bool reading_run(const struct reading *r);
