// SPDX-License-Identifier: Apache-2.0
//
// cgroup_files.h - the files of one cgroup, in the units of the schema whatever the kernel's are:
// v1 counts CPU time in ns and writes no limit as -1 or a huge number, v2 counts in us and writes
// `max`.
#pragma once

#include <stdint.h>
#include "schema/events.h"

// Fills a cgroup_state from the files of the cgroup that dir is open on. Files that are not there
// leave their keys absent.
void cgroup_files_v2(int dir, struct event *state);
void cgroup_files_v1(int dir, struct event *state);

// Calls each for the processes in it.
void cgroup_files_processes(int dir, uint64_t cgroup_id,
                            void (*each)(void *context, uint64_t pid, uint64_t cgroup_id),
                            void *context);
