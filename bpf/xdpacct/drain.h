// SPDX-License-Identifier: Apache-2.0
//
// drain.h - takes what was counted out of the kernel, at the end of every interval.
#pragma once

#include <stdbool.h>
#include "bpf/xdpacct/flows.h"
#include "bpf/xdpacct/program.h"

struct interval_counts {
    struct flows flows;
    struct counter
        counters[COUNT_TRAFFIC]; // as the program counted; accounted is the sum of the flows
    struct counter accounted;
    struct flows overflowed;       // by subscriber: keys have the family and sub alone
    struct counter overflow_known; // the sum of these: overflow, as far as it is known whose it is
    struct counter strays; // of CPUs that came up after the start; part of seen and overflow
    uint64_t spilled;      // flows that did not fit into their CPU's table
};

// Moves all counts into out, which is cleared first and is the caller's to free. If the program may
// be running, live must be true: then the CPUs change to empty tables and every run that may still
// see an old one is waited for, about 20 ms for every group of a quarter of the CPUs. Returns 0 or
// -errno.
int drain_take(struct acct *a, bool live, struct interval_counts *out);

void interval_counts__free(struct interval_counts *counts);

// Waits until every run of the program that has begun is over. After a detach no counter moves any
// more then. Returns 0 or -errno.
int drain_settle(struct acct *a);

// Whether everything seen is in exactly one place: accounted + overflow + not_ours + non_ip +
// bad_header + outer_fragments + rejected_outer = seen, in packets and bytes; and no more overflow
// has a subscriber than there is.
bool drain_conserved(const struct interval_counts *counts);
