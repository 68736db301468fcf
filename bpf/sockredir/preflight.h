// SPDX-License-Identifier: Apache-2.0
//
// preflight.h - what this kernel does to sockets in a socket map, tried out on a private pair of
// loopback sockets in a cgroup of their own, before any real socket is touched.
#pragma once

#include <stdbool.h>
#include "bpf/common/loader.h"
#include "bpf/sockredir/cgroup.h"

// Prints the table, one row a behaviour, without and if needed with the no-op sk_skb verdict.
// EXIT_OK if sockredir would start here, else EXIT_CANNOT.
int preflight_print(const struct loader *l, const struct cgroup_dir *cgroup);

// Decides whether to start: EXIT_OK and whether the map needs the verdict, or EXIT_CANNOT after a
// line that says which behaviour is broken or could not be tried out. What was found since this
// kernel booted is not tried again. force: the line, and EXIT_OK.
int preflight_decide(const struct loader *l, const struct cgroup_dir *cgroup, bool force,
                     bool *verdict);
