// SPDX-License-Identifier: Apache-2.0
// LINK: helper/decode/ahead.c
//
// Reading ahead: the same bytes in the same order whatever the sizes of the reads on both sides,
// the failure after the last of them, and an end at any time.

#include "helper/decode/ahead.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned failures;

#define CHECK(ok)                                                                                  \
    do {                                                                                           \
        if (!(ok)) {                                                                               \
            failures++;                                                                            \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #ok);                               \
        }                                                                                          \
    } while (0)

struct stream {
    size_t at, size;
    unsigned seed; // of the sizes of reads
    int failed;    // errno at the end, or 0
    unsigned reads_at_end;
};

static char byte_at(size_t at)
{
    return (char)(at * 2654435761u >> 13);
}

static ssize_t read_stream(void *context, char *buf, size_t size)
{
    struct stream *s = context;
    size_t left = s->size - s->at, take = 1 + (size_t)rand_r(&s->seed) % size;
    if (take % 8 == 0) {
        errno = EINTR;
        return -1;
    }
    if (left == 0) {
        s->reads_at_end++;
        errno = s->failed;
        return s->failed ? -1 : 0;
    }
    take = take < left ? take : left;
    for (size_t i = 0; i < take; i++)
        buf[i] = byte_at(s->at++);
    return (ssize_t)take;
}

// Reads `want` bytes of a stream, or all and the end twice.
static void try_out(size_t size, size_t want, int failed, unsigned seed)
{
    static char buf[300000];
    struct stream s = {.size = size, .seed = seed, .failed = failed};
    struct ahead *a = ahead_start(read_stream, &s);
    CHECK(a);
    size_t seen = 0;
    while (a && seen < want && seen < size) {
        ssize_t got = ahead_read(a, buf, 1 + (size_t)rand_r(&seed) % sizeof(buf));
        CHECK(got > 0);
        if (got <= 0)
            break;
        for (ssize_t i = 0; i < got; i++)
            if (buf[i] != byte_at(seen++)) {
                CHECK(!"another byte");
                got = i;
            }
        CHECK(!ahead_ended(a));
    }
    for (int i = 0; a && want > size && i < 2; i++) {
        errno = 0;
        CHECK(ahead_read(a, buf, sizeof(buf)) == (failed ? -1 : 0) && errno == failed);
        CHECK(ahead_ended(a));
    }
    ahead_stop(a);
    CHECK(want <= size || s.reads_at_end == 1);
}

int main(void)
{
    static const size_t sizes[] = {0, 1, 131072, 131073, 600000, 5000000};
    for (unsigned seed = 1; seed <= 8; seed++)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
            try_out(sizes[i], SIZE_MAX, 0, seed);
            try_out(sizes[i], SIZE_MAX, EBADMSG, seed);
            try_out(sizes[i], sizes[i] / 3, 0, seed);
        }
    return failures ? 1 : 0;
}
