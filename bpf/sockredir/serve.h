// SPDX-License-Identifier: Apache-2.0
//
// serve.h - the main loop of sockredir: events, requests, the dead man's switch, an orderly stop.
#pragma once

#include <stdint.h>
#include "bpf/common/writer.h"
#include "bpf/sockredir/instance.h"
#include "bpf/sockredir/redirect.h"

struct serve {
    const struct loader *loader;
    const struct cgroup_dir *cgroup;
    const struct instance *instance;
    struct redirect *redirect;
    struct writer *out;
    uint64_t interval_us;
    uint64_t deadman_us; // 0: none
};

// Prints events until a signal, a request or the dead man's switch ends it, then stops redirecting
// and waits (at most 5 s) for what was redirected to be read. EXIT_OK or EXIT_FAILED after a
// message.
int serve_run(const struct serve *s);
