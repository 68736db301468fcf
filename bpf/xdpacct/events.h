// SPDX-License-Identifier: Apache-2.0
//
// events.h - the counts of an interval as `flow`, `traffic_overflow` and `traffic_totals` events.
#pragma once

#include "bpf/common/writer.h"
#include "bpf/xdpacct/drain.h"

// What stands on every record.
struct stamp {
    const char *iface; // interface, or the capture's file name
    const char *mode;  // native, generic, offload, read
    const char *bytes; // what bytes are: ip, wire
    uint64_t ts_us;    // end of the interval
    uint64_t interval_us;
    enum flow_by by;
};

struct naming; // naming.h

// Writes one `flow` for each flow, one `traffic_overflow` for each subscriber with packets that
// found no room, and then the interval's `traffic_totals`. names is NULL for names off.
void events_write(struct writer *w, const struct stamp *stamp, const struct interval_counts *counts,
                  struct naming *names);
