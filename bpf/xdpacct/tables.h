// SPDX-License-Identifier: Apache-2.0
//
// tables.h - the flow tables as user space has them: one for every CPU, some spare ones, two spill
// maps, two hashes of subscribers beyond them. What they hold and why they change hands is told in
// xdpacct.h.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include "bpf/xdpacct/xdpacct.h"

struct tables {
    unsigned cpu_count; // CPUs that have a table
    unsigned *cpus;     // their numbers
    unsigned *table_of; // cpus[i] counts into table table_of[i]
    unsigned table_count, spare_count;
    unsigned *spares;    // tables that nobody counts into
    uint32_t flow_lines; // of each table, a power of two
    int lines_fd;        // the map of all tables' lines
    struct line *lines;  // the same, mapped: table i begins at i * flow_lines
    uint32_t spill_entries, overflow_entries;
    int spill_fds[2 * SPILLS]; // as in the outer map: behind the spill maps, the subscribers'
    unsigned spill_in_use;     // by the tables that CPUs count into, between two changes
    int spills_fd;             // the outer map
};

// Makes the maps for max_flows flows on the CPUs that are online. Returns 0 or -errno.
int tables__make(struct tables *t, uint64_t max_flows);
void tables__free(struct tables *t);

// Tells the program how the tables are laid out.
void tables__settings(const struct tables *t, struct settings *out);

// Bytes of kernel memory that all of them take.
uint64_t tables__bytes(const struct tables *t);
