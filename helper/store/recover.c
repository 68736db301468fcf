// SPDX-License-Identifier: Apache-2.0

#include "helper/store/recover.h"
#include "helper/decode/feed.h"
#include "helper/decode/source.h"
#include "helper/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A segment being copied: only lines that are whole go on.
struct copy {
    struct segment to;
    uint64_t lines;
    uint64_t last_us;
    int rc;
};

static void copy_line(void *context, struct text raw, const struct event *ev)
{
    struct copy *c = context;
    if (!raw.ptr)
        return; // a notice of bpftrace's, which no recorder writes
    uint64_t ts_us = ev ? ev->ts_us : c->to.to_us;
    c->lines++;
    c->last_us = ts_us > c->last_us ? ts_us : c->last_us;
    if (c->rc == 0)
        c->rc = segment_add(&c->to, raw.ptr, raw.len, ts_us);
    if (c->rc == 0)
        c->rc = segment_add(&c->to, "\n", 1, ts_us);
}

// Reads what can be read, also behind an error of writing: the lines are counted.
static int copy_source(struct source *source, struct copy *c)
{
    struct feed *feed = feed_new(&(struct feed_sink){.line = copy_line, .context = c});
    if (!feed)
        return -ENOMEM;
    ssize_t got;
    do {
        size_t size;
        char *space = feed_space(feed, &size);
        got = source_read(source, space, size);
        if (got > 0)
            feed_commit(feed, (size_t)got);
        if (c->rc == 0)
            c->rc = segment_write(&c->to);
    } while (got > 0 || (got < 0 && errno == EINTR));
    feed_end(feed);
    feed_free(feed);
    return 0;
}

static int recover_one(const char *path, int dir_fd, const struct store_file *file, int level,
                       struct recovery *out)
{
    char error[256], temporary[SEGMENT_NAME_MAX]; // whoever lists the store skips names with a dot
    struct copy c = {0};
    snprintf(temporary, sizeof(temporary), ".%s.%08x.recovering", file->name.host,
             (unsigned)file->name.machine);
    struct source *source = source_open(path, error, sizeof(error));
    if (!source)
        return -errno;
    c.rc = segment_begin(&c.to, dir_fd, &file->name, temporary, file->name.from_s * 1000000, level);
    int rc = copy_source(source, &c);
    source_close(source);
    if (rc != 0)
        return rc;
    uint64_t last = file->name.first + c.lines - 1;
    if (c.rc == 0 && c.lines > 0)
        c.rc = segment_finish(&c.to, last, SYNC_SEGMENT);
    segment_abandon(&c.to);
    if (c.rc == 0)
        unlinkat(dir_fd, file->file, 0);
    if (c.rc != 0 || c.lines == 0)
        unlinkat(dir_fd, temporary, 0);
    out->unwritten += c.rc != 0;
    out->segments += c.lines > 0;
    out->lines += c.lines;
    out->last = c.lines > 0 && last > out->last ? last : out->last;
    out->last_us = c.last_us > out->last_us ? c.last_us : out->last_us;
    return 0;
}

int recover_segments(const char *dir, int dir_fd, const char *host, uint32_t machine, int level,
                     struct recovery *out)
{
    struct store_files files;
    *out = (struct recovery){0};
    int rc = store_list(dir, &files);
    for (size_t i = 0; rc == 0 && i < files.count; i++) {
        const struct store_file *f = &files.items[i];
        if (!f->segment || f->name.to_s != SEGMENT_OPEN || f->name.machine != machine ||
            strcmp(f->name.host, host) != 0)
            continue;
        char *path = NULL;
        rc = asprintf(&path, "%s/%s", dir, f->file) < 0 ? -ENOMEM
                                                        : recover_one(path, dir_fd, f, level, out);
        free(path);
    }
    store_free(&files);
    return rc;
}
