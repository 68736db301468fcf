// SPDX-License-Identifier: Apache-2.0
//
// monitor.h - hears what happens to an interface while it is counted.
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include "bpf/xdpacct/device.h"

struct monitor {
    int fd; // readable when something happened
    unsigned ifindex;
    char name[IF_NAMESIZE]; // as it is now
    unsigned mtu;
    bool up, running;
};

enum monitor_change {
    CHANGE_NONE,
    CHANGE_DOWN,
    CHANGE_UP,
    CHANGE_RENAMED,
    CHANGE_MTU,
    CHANGE_DELETED,
};

// The name of a change in `iface_change` events.
const char *monitor_change_name(enum monitor_change change);

// Returns 0 or -errno.
int monitor__open(struct monitor *m, const struct device *d);
void monitor__close(struct monitor *m);

// The next change, or CHANGE_NONE if there is no more to hear for now; was gets the name or MTU
// before. Call it until it returns CHANGE_NONE.
enum monitor_change monitor__next(struct monitor *m, char was[IF_NAMESIZE]);
