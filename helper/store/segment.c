// SPDX-License-Identifier: Apache-2.0

#include "helper/store/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OUTPUT_STEP = 128 * 1024 };

int segment_begin(struct segment *s, int dir_fd, const struct segment_name *name, const char *file,
                  uint64_t ts_us, int level)
{
    *s = (struct segment){
        .dir_fd = dir_fd, .fd = -1, .name = *name, .from_us = ts_us, .to_us = ts_us};
    s->name.to_s = SEGMENT_OPEN;
    s->name.from_s = segment_second(ts_us);
    segment_name_format(&s->name, s->file);
    if (file)
        memcpy(s->file, file, strlen(file) + 1);
    s->zstd = ZSTD_createCCtx();
    if (!s->zstd)
        return -ENOMEM;
    ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_checksumFlag, 1);
    s->fd = openat(dir_fd, s->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (s->fd >= 0)
        return 0;
    int failed = errno;
    segment_abandon(s);
    return -failed;
}

static bool make_room(struct segment *s)
{
    if (s->pending_from == s->pending_to)
        s->pending_from = s->pending_to = 0;
    if (s->pending_size - s->pending_to >= OUTPUT_STEP)
        return true;
    size_t size = s->pending_size + 2 * (size_t)OUTPUT_STEP;
    char *larger = realloc(s->pending, size);
    if (!larger)
        return false;
    s->pending = larger;
    s->pending_size = size;
    return true;
}

static int compress(struct segment *s, const char *bytes, size_t len, ZSTD_EndDirective how)
{
    ZSTD_inBuffer in = {bytes, len, 0};
    size_t left;
    do {
        if (!make_room(s))
            return -ENOMEM;
        ZSTD_outBuffer out = {s->pending, s->pending_size, s->pending_to};
        left = ZSTD_compressStream2(s->zstd, &out, &in, how);
        if (ZSTD_isError(left))
            return -ENOMEM;
        s->bytes += out.pos - s->pending_to;
        s->pending_to = out.pos;
    } while (how == ZSTD_e_continue ? in.pos < in.size : left != 0);
    return 0;
}

int segment_add(struct segment *s, const char *line, size_t len, uint64_t ts_us)
{
    s->from_us = ts_us < s->from_us ? ts_us : s->from_us;
    s->to_us = ts_us > s->to_us ? ts_us : s->to_us;
    s->unflushed = true;
    return compress(s, line, len, ZSTD_e_continue);
}

int segment_write(struct segment *s)
{
    while (s->pending_from < s->pending_to) {
        ssize_t put = write(s->fd, s->pending + s->pending_from, s->pending_to - s->pending_from);
        if (put < 0 && errno != EINTR)
            return -errno;
        if (put > 0)
            s->pending_from += (size_t)put;
    }
    return 0;
}

int segment_flush(struct segment *s, enum segment_sync sync)
{
    bool anything = s->unflushed;
    int rc = anything ? compress(s, NULL, 0, ZSTD_e_flush) : 0;
    if (rc == 0) {
        s->unflushed = false;
        rc = segment_write(s);
    }
    if (rc == 0 && anything && sync == SYNC_FLUSH && fdatasync(s->fd) != 0)
        rc = -errno;
    return rc;
}

int segment_finish(struct segment *s, uint64_t last, enum segment_sync sync)
{
    char file[SEGMENT_NAME_MAX];
    int rc = s->ended ? 0 : compress(s, NULL, 0, ZSTD_e_end);
    if (rc == 0) {
        s->ended = true;
        rc = segment_write(s);
    }
    if (rc != 0)
        return rc;
    if (sync != SYNC_NEVER && fsync(s->fd) != 0)
        return -errno;
    s->name.from_s = segment_second(s->from_us);
    s->name.to_s = segment_second(s->to_us);
    s->name.last = last;
    segment_name_format(&s->name, file);
    if (renameat(s->dir_fd, s->file, s->dir_fd, file) != 0)
        return -errno;
    if (sync != SYNC_NEVER)
        fsync(s->dir_fd); // a directory on some file systems cannot; the data is safe
    segment_abandon(s);
    return 0;
}

void segment_abandon(struct segment *s)
{
    if (s->fd >= 0)
        close(s->fd);
    ZSTD_freeCCtx(s->zstd);
    free(s->pending);
    s->fd = -1;
    s->zstd = NULL;
    s->pending = NULL;
}
