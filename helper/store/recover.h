// SPDX-License-Identifier: Apache-2.0
//
// recover.h - what a recorder that was killed left behind: open segments become complete ones.
#pragma once

#include "helper/store/segment.h"

struct recovery {
    unsigned segments;  // recovered
    uint64_t lines;     // in them
    uint64_t last;      // position of the last line that is safe; 0: there was nothing
    uint64_t last_us;   // timestamp of the latest event among them
    unsigned unwritten; // segments that had to be left as they are: the disk is full, or so
};

// Recovers every open segment of this host and machine in dir. 0 or -errno.
int recover_segments(const char *dir, int dir_fd, const char *host, uint32_t machine, int level,
                     struct recovery *out);
