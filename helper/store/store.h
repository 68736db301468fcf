// SPDX-License-Identifier: Apache-2.0
//
// store.h - what lies in a store's directory, and which of it a time range needs. Nothing is
// opened: the names are the index.
#pragma once

#include "helper/store/segment_name.h"

struct store_file {
    char *file;               // its name
    bool segment;             // false: another file of events, whose time range is not known
    struct segment_name name; // of a segment
};

struct store_files {
    struct store_file *items; // segments by host, machine and position; then the others
    size_t count, capacity;
};

// Lists the segments in dir, and other files that end in .ndjson, .jsonl or .zst. A segment that
// was left open and whose recovered form is there too is left out. 0 or -errno.
int store_list(const char *dir, struct store_files *out);
void store_free(struct store_files *files);

// Whether events of [since_us, until_us) can be in the file.
bool store_needs(const struct store_file *file, uint64_t since_us, uint64_t until_us);
