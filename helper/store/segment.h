// SPDX-License-Identifier: Apache-2.0
//
// segment.h - writes one segment: lines into one zstd frame, in a file that gets its name when
// complete.
//
// What a call could not write stays in memory and is tried again by the next one: a full disk costs
// no line that was added before.
#pragma once

#include <stddef.h>
#include <sys/types.h>
#include <zstd.h>
#include "helper/store/segment_name.h"

struct segment {
    int dir_fd; // not owned
    int fd;     // -1: no segment is open
    struct segment_name name;
    char file[SEGMENT_NAME_MAX]; // name while it is written
    uint64_t from_us, to_us;     // of the lines
    uint64_t bytes;              // compressed, on disk and pending
    bool unflushed;              // lines were added since the last flush
    bool ended;                  // no line can be added any more
    ZSTD_CCtx *zstd;
    char *pending; // compressed bytes [pending_from, pending_to) that are not written yet
    size_t pending_from, pending_to, pending_size;
};

enum segment_sync { SYNC_NEVER, SYNC_SEGMENT, SYNC_FLUSH };

// Opens the segment for lines from position name->first on, its range beginning at ts_us. file is
// what it is called meanwhile; NULL: the name of an open segment. 0 or -errno.
int segment_begin(struct segment *s, int dir_fd, const struct segment_name *name, const char *file,
                  uint64_t ts_us, int level);

// Adds a line with its newline. 0, or -ENOMEM, after which the segment is of no more use.
int segment_add(struct segment *s, const char *line, size_t len, uint64_t ts_us);

// Writes what is pending. 0 or -errno.
int segment_write(struct segment *s);

// Makes all lines added so far readable in the file. 0 or -errno.
int segment_flush(struct segment *s, enum segment_sync sync);

// Ends the file with the line at position last and gives it its name, which is left in s->name. 0,
// or -errno: call again later.
int segment_finish(struct segment *s, uint64_t last, enum segment_sync sync);

// Leaves the file as it is and forgets it.
void segment_abandon(struct segment *s);
