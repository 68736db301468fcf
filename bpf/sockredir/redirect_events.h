// SPDX-License-Identifier: Apache-2.0
//
// redirect_events.h - what the BPF side counted, as events.
#pragma once

#include <stdint.h>
#include "bpf/common/writer.h"
#include "bpf/sockredir/cgroup.h"
#include "bpf/sockredir/redirect.h"

struct redirect_events {
    struct writer *out;
    const struct redirect *redirect;
    const struct cgroup_dir *cgroup;
    uint64_t last_us;                    // end of the interval that was printed last
    struct port_counts told[PORT_SLOTS]; // counters up to then
    uint64_t notes_lost;                 // told so far
};

void redirect_events__init(struct redirect_events *e, struct writer *out,
                           const struct redirect *redirect, const struct cgroup_dir *cgroup);

// A `redirect` event for each port where something happened since the last call or sockets are
// open, and `lost` if connections' notes were. unread_bytes is what the last walk found waiting.
void redirect_events__interval(struct redirect_events *e, uint64_t unread_bytes);

// `redirect_conn` for an end that closed.
void redirect_events__closed(struct redirect_events *e, const struct note *note);
