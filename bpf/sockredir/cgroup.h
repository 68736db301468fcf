// SPDX-License-Identifier: Apache-2.0
//
// cgroup.h - the cgroup that sockredir is asked to serve.
#pragma once

#include <stdint.h>
#include "bpf/common/loader.h"

struct cgroup_dir {
    const char *path; // as given
    int fd;
    uint64_t id; // kernfs id
};

enum { CGROUP_PATH_MAX = 4096 };

// Opens path. EXIT_OK, or after one line: EXIT_USAGE if it is no cgroup or one of a v1 hierarchy,
// EXIT_CANNOT if this host has no cgroup v2 at all. The caller closes fd.
int cgroup_open(struct cgroup_dir *dir, const struct loader *l, const char *path);

// Opens the root of the cgroup v2 hierarchy, whose path is left in mount; as cgroup_open.
int cgroup_open_root(struct cgroup_dir *dir, const struct loader *l, char mount[CGROUP_PATH_MAX]);
