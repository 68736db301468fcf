// SPDX-License-Identifier: Apache-2.0
// LINK: helper/decode/source.c helper/decode/ahead.c helper/decode/feed.c helper/decode/decoder.c
// LINK: helper/decode/json_event.c helper/decode/json_check.c helper/decode/json_members.c helper/decode/scan.c
// LINK: helper/decode/field_value.c helper/decode/bpftrace.c helper/decode/text_arena.c
// LINK: helper/store/segment_name.c schema/encode.c schema/events.c schema/ip.c
// LIBS: json-c libzstd
//
// Any bytes as a stored segment: read as `report` reads it, once as a complete file and once as one
// that is being written. The same events come out, and only the complete one may be called cut
// short. The first bytes are taken for the name of a segment too: what is read as one is written
// the same.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "helper/decode/feed.h"
#include "helper/decode/source.h"
#include "helper/store/segment_name.h"

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

static void no_events(void *context, const struct event *events, size_t count)
{
    (void)context, (void)events, (void)count;
}

// Reads at most 1 MiB: a small frame can hold gigabytes of the same byte.
static uint64_t read_all(const char *path, bool *good)
{
    char error[256];
    struct source *source = source_open(path, error, sizeof(error));
    struct feed *feed = feed_new(&(struct feed_sink){.events = no_events});
    if (!source || !feed)
        fail("cannot begin");
    ssize_t got;
    size_t size, total = 0;
    do {
        char *space = feed_space(feed, &size);
        got = source_read(source, space, size < 4096 ? size : 4096);
        if (got > 0)
            feed_commit(feed, (size_t)got);
        total += got > 0 ? (size_t)got : 0;
    } while (got > 0 && total < 1 << 20);
    feed_end(feed);
    if ((got < 0) != (source_error(source) != NULL))
        fail("an error without words, or words without an error");
    *good = got >= 0;
    uint64_t events = feed_counts(feed)->events;
    feed_free(feed);
    source_close(source);
    return events;
}

static void check_name(const char *bytes, size_t size)
{
    char text[SEGMENT_NAME_MAX], again[SEGMENT_NAME_MAX];
    struct segment_name name;
    size_t len = size < sizeof(text) - 1 ? size : sizeof(text) - 1;
    memcpy(text, bytes, len);
    text[len] = '\0';
    if (!segment_name_parse(text, &name))
        return;
    segment_name_format(&name, again);
    // leading zeroes are read and not written
    if (strlen(again) > strlen(text) || !segment_name_parse(again, &name))
        fail("a name is not written as it was read");
}

// One file in memory under two names.
static char dir[] = "/tmp/netvitals-fuzz-XXXXXX", complete[64], growing[80];

static void remove_names(void)
{
    unlink(complete);
    unlink(growing);
    rmdir(dir);
}

static int open_file(void)
{
    char target[64];
    int fd = memfd_create("segment", 0);
    if (fd < 0 || !mkdtemp(dir))
        fail("cannot make a file");
    snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
    snprintf(complete, sizeof(complete), "%s/segment", dir);
    snprintf(growing, sizeof(growing), "%s" SOURCE_GROWING_SUFFIX, complete);
    if (symlink(target, complete) != 0 || symlink(target, growing) != 0 ||
        atexit(remove_names) != 0)
        fail("cannot make links");
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static int fd = -1;
    if (fd < 0)
        fd = open_file();
    if (ftruncate(fd, 0) != 0 || pwrite(fd, bytes, size, 0) != (ssize_t)size)
        fail("cannot write");
    bool good, growing_good;
    uint64_t events = read_all(complete, &good), growing_events = read_all(growing, &growing_good);
    if (events != growing_events || (good && !growing_good))
        fail("a file that is being written is read otherwise");
    check_name((const char *)bytes, size);
    return 0;
}
