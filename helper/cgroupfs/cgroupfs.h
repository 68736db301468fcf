// SPDX-License-Identifier: Apache-2.0
//
// cgroupfs.h - this host's cgroup filesystems as events: cgroup_hierarchy for each that is mounted,
// and for each cgroup a cgroup_state and a cgroup_task a process.
#pragma once

#include <stddef.h>
#include "schema/events.h"

typedef void cgroupfs_fn(void *context, const struct event *ev);

// Walks all mounted hierarchies, v1 and v2. Events are valid during the call only. Cgroups that go
// away meanwhile are left out. Returns the number of hierarchies, 0 if none is mounted.
size_t cgroupfs_scan(cgroupfs_fn *emit, void *context);
