// SPDX-License-Identifier: Apache-2.0
//
// recorder.h - stores a stream: stamps each line with host and position, and keeps the segments.
//
// Whatever happens to the disk, lines go on being taken; those that could not be stored are
// counted, and a `lost` event in the store says how many, as soon as it can.
#pragma once

#include "helper/store/segment.h"

struct recorder_options {
    const char *dir;
    const char *host;      // NULL: this host's name
    const char *machine;   // what tells hosts of one name apart; NULL: /etc/machine-id
    uint64_t segment_us;   // rotation by event time and by the clock
    uint64_t segment_size; // rotation by compressed bytes
    uint64_t flush_us;
    uint64_t keep_us;   // retention by age; 0: none
    uint64_t keep_size; // retention by compressed bytes; 0: none
    uint64_t level;     // of zstd
    const char *sync;   // never, segment, flush
    bool fail_on_loss;
};

struct recorder_counts {
    uint64_t stored;   // lines
    uint64_t rejected; // malformed lines
    uint64_t lost;     // lines that found no room on the disk
    uint64_t missing;  // lines that an earlier run took and did not store
    uint64_t segments; // completed
    uint64_t removed;  // segments, by retention
};

struct recorder;

// Opens the store, and recovers what an earlier run left. Speaks on stderr. NULL on failure.
struct recorder *recorder_open(const struct recorder_options *options);

// Stores a line. raw and ev as feed_sink.line gives them.
void recorder_line(struct recorder *r, struct text raw, const struct event *ev);

// Counts a line that could not be decoded.
void recorder_reject(struct recorder *r);

// Flushes, rotates what is old, tries the disk again. Call it every flush_us.
void recorder_pulse(struct recorder *r);

// Completes the last segment. False if lines could not be stored.
bool recorder_close(struct recorder *r, struct recorder_counts *counts);
