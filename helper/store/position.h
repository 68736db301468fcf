// SPDX-License-Identifier: Apache-2.0
//
// position.h - how many lines a recorder has taken, in memory that outlives the process.
//
// The file .HOST.MACHINE.position in the store is mapped: after SIGKILL, it still says how many
// lines were taken, so the next start knows how many are missing. After a power failure it can be
// old, and the next start then knows of fewer. Its lock keeps a second recorder of this host out of
// the directory.
#pragma once

#include <stdint.h>
#include "helper/store/segment_name.h"

struct position_file; // what is mapped

struct position {
    int fd;
    struct position_file *file;
};

// Opens or makes the file; *fresh tells which. -EWOULDBLOCK: another recorder has it. 0 or -errno.
int position_open(struct position *p, int dir_fd, const char *host, uint32_t machine, bool *fresh);
void position_close(struct position *p);

// Lines taken so far, whatever became of them: the position of the last one.
uint64_t position_taken(const struct position *p);
void position_set_taken(struct position *p, uint64_t taken);

// The last of them that is known to be in a complete segment, or known to be lost and said so.
uint64_t position_settled(const struct position *p);
void position_set_settled(struct position *p, uint64_t settled);
