// SPDX-License-Identifier: Apache-2.0
//
// instance.h - one sockredir per cgroup: a lock file says who, a socket beside it takes requests.
//
// Both are called sockredir-ID in RUN_DIR, ID being the cgroup's. The lock goes with its process
// however that ends; a socket that was left behind is replaced by the next owner.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "bpf/common/loader.h"
#include "bpf/sockredir/cgroup.h"

#define RUN_DIR "/run/netvitals"

struct instance {
    int lock_fd;
    int listen_fd; // for poll
    char lock_path[96];
    char socket_path[96];
};

enum instance_request { REQUEST_NONE, REQUEST_STATUS, REQUEST_STOP, REQUEST_RENEW };

// Takes the cgroup. EXIT_OK, or EXIT_FAILED after a line that says who holds it.
int instance_claim(struct instance *i, const struct loader *l, const struct cgroup_dir *cgroup);
void instance_release(struct instance *i);

// The next request, with the file that its answer goes to; the caller closes it. REQUEST_NONE if
// there is none (any more).
enum instance_request instance_accept(const struct instance *i, int *reply_fd);

// Asks the instance that serves the cgroup and copies its answer to stdout. A stop waits until the
// instance is gone. EXIT_OK, or EXIT_FAILED after a message if there is none.
int instance_ask(const struct loader *l, const struct cgroup_dir *cgroup,
                 enum instance_request request);
