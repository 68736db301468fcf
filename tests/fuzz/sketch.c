// SPDX-License-Identifier: Apache-2.0
// LINK: helper/aggregate/sketch.c schema/events.c schema/ip.c
//
// Any bytes as the text of a sketch, as a summary carries it: what is read is written the same;
// what is refused adds nothing; two that are merged, in either order, have the counts of both;
// quantiles lie within the values and rise. The input is cut in two at its first newline.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "helper/aggregate/sketch.h"

enum { TEXT_MAX = 1 << 18 };

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static bool read_sketch(struct sketch *s, struct text text)
{
    static char again[TEXT_MAX];
    struct sketch same = {0};
    if (sketch_read(s, text) != 0) {
        check(s->total == 0, "a refused text left something");
        return false;
    }
    size_t len = sketch_write(s, again, sizeof(again));
    check((len == 0) == (s->total == 0), "an empty sketch was written, or a full one was not");
    check(len <= text.len, "it got longer"); // leading zeroes are read and not written
    check(sketch_read(&same, (struct text){again, len}) == 0, "its own text was refused");
    check(same.total == s->total, "counts got lost on the way");
    sketch_free(&same);
    return true;
}

static void check_quantiles(const struct sketch *s)
{
    uint64_t before = 0;
    for (uint32_t ppm = 0; ppm <= 1000000; ppm += 100000) {
        uint64_t value = sketch_quantile(s, ppm);
        check(value >= before, "a higher quantile is smaller");
        check(sketch_count_below(s, sketch_bucket_start(sketch_bucket(value))) <= s->total,
              "more values below one than there are");
        before = value;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *data = (const char *)bytes, *newline = size ? memchr(data, '\n', size) : NULL;
    size_t head = newline ? (size_t)(newline - data) : size;
    struct text first = {data, head}, second = {data + head, 0};
    if (newline)
        second = (struct text){newline + 1, size - head - 1};
    struct sketch a = {0}, b = {0}, ab = {0}, ba = {0};
    bool both = read_sketch(&a, first);
    both = read_sketch(&b, second) && both;
    check_quantiles(&a);
    if (both && a.total <= UINT64_MAX - b.total) {
        static char one[TEXT_MAX], other[TEXT_MAX];
        check(sketch_merge(&ab, &a) == 0 && sketch_merge(&ab, &b) == 0 &&
                  sketch_merge(&ba, &b) == 0 && sketch_merge(&ba, &a) == 0,
              "cannot merge");
        size_t len = sketch_write(&ab, one, sizeof(one));
        check(len == sketch_write(&ba, other, sizeof(other)) && memcmp(one, other, len) == 0,
              "the order of merging matters");
        check(ab.total == a.total + b.total, "merging loses counts");
        check_quantiles(&ab);
    }
    sketch_free(&a);
    sketch_free(&b);
    sketch_free(&ab);
    sketch_free(&ba);
    return 0;
}
