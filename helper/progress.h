// SPDX-License-Identifier: Apache-2.0
//
// progress.h - how far the reading of long files has come, on a terminal's stderr and nowhere else.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    bool wanted;
    bool shown;           // a line stands on the terminal
    uint64_t total_bytes; // of all files
    uint64_t done_bytes;  // of files that were read wholly
    uint64_t began_us, next_us;
};

// Looks at the terminal and at the sizes of the files; nothing is shown if one of them is a pipe.
void progress_start(struct progress *p, const char *const *paths, size_t count);

// position: bytes of the present file that were read. Shows something after a second, four times a
// second.
void progress_update(struct progress *p, uint64_t position);

// The present file of this size is done.
void progress_next_file(struct progress *p, uint64_t size);

// Clears the line: before anything else is printed.
void progress_clear(struct progress *p);
