// SPDX-License-Identifier: Apache-2.0
//
// probes.h - the behaviours that the preflight tries out, each on a fresh pair of loopback sockets.
#pragma once

#include <stdbool.h>
#include "bpf/sockredir/redirect.h"

enum severity {
    MUST_HOLD, // ordinary programs lose bytes or hang without it: no start
    LIMIT,     // no kernel gives it to redirected bytes; printed, and a reason for --ports
};

struct probe_pair {
    struct redirect *redirect;
    int a, b;             // connected, in the map, blocking with a time-out of 3 s
    int outside_listener; // of a cgroup that is not served
    const char *detail;   // what was seen, if it is not what plain TCP does
};

struct probe {
    const char *name;
    const char *asks;
    enum severity severity;
    bool (*run)(struct probe_pair *p); // true: as on plain TCP
};

extern const struct probe probes[]; // ended by a row without name

// A listener on loopback with its port in *port, or -1. Sockets accepted from it belong to the
// cgroup that the caller is in now.
int probe_listen(unsigned *port);

// Whether there can be a pair of sockets at all: false, and errno, if not.
bool probe_connect(void);

enum probe_outcome {
    PROBE_HOLDS,
    PROBE_DIFFERS,
    PROBE_NOT_TRIED, // no connection over loopback: that says nothing about socket maps
};

// Runs a probe on sockets of the caller's cgroup, which must be the one that redirect serves.
// *detail says what was seen unless it holds.
enum probe_outcome probe_run(const struct probe *probe, struct redirect *redirect,
                             int outside_listener, const char **detail);
