// SPDX-License-Identifier: Apache-2.0

#include "helper/store/retention.h"
#include "helper/store/store.h"
#include "schema/encode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct own {
    const char *file;
    uint64_t to_s, bytes;
};

// The complete segments of id, in the order of their positions; fills items, which has room for all
// files.
static size_t own_segments(const struct store_files *files, int dir_fd, const struct identity *id,
                           struct own *items)
{
    size_t count = 0;
    for (size_t i = 0; i < files->count; i++) {
        const struct store_file *f = &files->items[i];
        struct stat st;
        if (f->segment && f->name.to_s != SEGMENT_OPEN && f->name.machine == id->machine &&
            strcmp(f->name.host, id->spelt) == 0 && fstatat(dir_fd, f->file, &st, 0) == 0)
            items[count++] = (struct own){f->file, f->name.to_s, (uint64_t)st.st_size};
    }
    return count;
}

static uint64_t remove_oldest(const struct retention *keep, int dir_fd, const struct own *items,
                              size_t count)
{
    uint64_t bytes = 0, removed = 0, now_us = event_now_us();
    uint64_t oldest_s = now_us > keep->age_us ? (now_us - keep->age_us) / 1000000 : 0;
    for (size_t i = 0; i < count; i++)
        bytes += items[i].bytes;
    for (size_t i = 0; i + 1 < count; i++) {
        bool old = keep->age_us && items[i].to_s < oldest_s;
        if (!old && !(keep->bytes && bytes > keep->bytes))
            continue;
        if (unlinkat(dir_fd, items[i].file, 0) == 0) {
            removed++;
            bytes -= items[i].bytes;
        } else if (errno != ENOENT) {
            fprintf(stderr, "netvitals: cannot remove %s: %s\n", items[i].file, strerror(errno));
        }
    }
    return removed;
}

uint64_t retention_apply(const struct retention *keep, const char *dir, const struct identity *id)
{
    struct store_files files;
    if ((!keep->age_us && !keep->bytes) || store_list(dir, &files) != 0)
        return 0;
    uint64_t removed = 0;
    struct own *items = calloc(files.count + 1, sizeof(*items));
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (items && dir_fd >= 0)
        removed = remove_oldest(keep, dir_fd, items, own_segments(&files, dir_fd, id, items));
    if (dir_fd >= 0)
        close(dir_fd);
    free(items);
    store_free(&files);
    return removed;
}
