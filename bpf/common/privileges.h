// SPDX-License-Identifier: Apache-2.0
//
// privileges.h - what a loader gives up once its programs are attached.
#pragma once

#include <sys/capability.h>
#include "bpf/common/loader.h"

// Keeps only these capabilities, in all sets and the bounding set, and sets no_new_privs: nothing
// this process does or executes can get more. Files that are open keep working. EXIT_OK, or
// EXIT_FAILED after a message.
int privileges_drop(const struct loader *l, const cap_value_t *keep, unsigned count);

// True if reading and writing BPF maps through open files needs CAP_BPF here: kernels before 5.19
// with kernel.unprivileged_bpf_disabled set refuse every bpf() command without it (kernel commit
// c8644cd0efe7).
bool privileges_maps_need_cap_bpf(void);

// For loaders that parse what strangers send: from now on only these system calls do anything, all
// others fail with EPERM: reading, writing, waiting, memory that is not executable, the clock,
// exit, through bpf() access to open maps and test runs of open programs, and the `count` ones of
// `extra` (__NR_ numbers). EXIT_OK, or EXIT_CANNOT after a message (kernel without
// CONFIG_SECCOMP_FILTER).
int privileges_seccomp(const struct loader *l, const int *extra, unsigned count);
