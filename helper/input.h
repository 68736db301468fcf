// SPDX-License-Identifier: Apache-2.0
//
// input.h - the reading loop: sources one after the other into a session, with a pulse for live
// reports.
#pragma once

#include "helper/session.h"

struct input {
    struct session *session;
    const char *const *paths; // "-" is standard input; a directory is a store
    size_t path_count;
    uint64_t pulse_us; // 0: none
    bool (*pulse)(
        void *context); // called every pulse_us while input goes on; false: nobody listens, stop
    void *context;
};

// Reads everything. SIGINT and SIGTERM stop it: a pipe is read to its end first, since the producer
// got the same signal and has its last events to say; a second signal does not wait. Returns an
// exit code; what could not be read was said on stderr.
int input_read_all(const struct input *in);

// True if no path is a pipe or a terminal, whose events can be of now.
bool input_is_stored(const char *const *paths, size_t count);

// Opens a file, or the completed form of a segment that was open when its directory was listed.
struct source *input_open(const char *path, char *error, size_t size);
