// SPDX-License-Identifier: Apache-2.0
//
// program.h - the XDP program with its tables, loaded.
#pragma once

#include <stdbool.h>
#include "bpf/common/loader.h"
#include "bpf/xdpacct/config.h"
#include "bpf/xdpacct/tables.h"

struct xdpacct_bpf;

struct acct {
    struct xdpacct_bpf *skel;
    struct tables tables;
    int prog_fd;
    bool frags;
};

// Makes the tables and loads the program, as xdp.frags if frags. EXIT_OK, or an exit code after a
// message.
int acct__load(struct acct *a, const struct loader *l, const struct settings *settings,
               const struct prefix_sets *sets, uint64_t max_flows, bool frags);
void acct__free(struct acct *a);

// Tells the program the time, in seconds of any clock that only goes on.
void acct__set_clock(struct acct *a, uint32_t clock_s);

// Tells the program the MTU of the interface, beyond which packets were merged. acct__load does it
// first.
void acct__set_mtu(struct acct *a, uint32_t mtu);

// --read: runs the program over the first len bytes of a frame that had wire_len bytes. Returns 0
// or -errno.
int acct__run_frame(struct acct *a, const uint8_t *frame, uint32_t len, uint32_t wire_len);
