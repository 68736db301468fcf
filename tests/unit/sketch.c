// SPDX-License-Identifier: Apache-2.0
// LINK: helper/aggregate/sketch.c
//
// The sketch against exact quantiles of the same values, of many shapes: never off by more than
// 0.79 % (half a bucket: 1/128 of the value). Merging is exact, in any order and through its text.

#include "helper/aggregate/sketch.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES_MAX = 20000, PARTS_MAX = 7, TEXT_MAX = 64 * 1024 };

static unsigned failures, checks;

static void fail(const char *what, unsigned long long a, unsigned long long b)
{
    failures++;
    fprintf(stderr, "%s: %llu, %llu\n", what, a, b);
}

static uint64_t random_u64(void)
{
    return (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ (uint64_t)random();
}

// Values of a shape: small, any size, a narrow RTT, two modes, powers of two and their neighbours.
static uint64_t value_of(unsigned shape)
{
    switch (shape % 5) {
    case 0:
        return (uint64_t)random() % 300;
    case 1:
        return random_u64() >> random() % 64;
    case 2:
        return 20000000 + (uint64_t)random() % 400000;
    case 3:
        return random() % 10 ? 1000000 + (uint64_t)random() % 1000
                             : 3000000000 + (uint64_t)random();
    default:
        return (UINT64_C(1) << random() % 64) + (uint64_t)(random() % 3) - 1;
    }
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

// |got - want| <= want / 127, in integers.
static bool is_close(uint64_t got, uint64_t want)
{
    uint64_t off = got > want ? got - want : want - got;
    return off <= want / 127;
}

static void check_quantiles(const struct sketch *s, const uint64_t *sorted, size_t count)
{
    static const uint32_t ppm[] = {0,      1,      10000,  250000, 500000, 750000,
                                   900000, 990000, 999000, 999999, 1000000};
    for (size_t i = 0; i < sizeof(ppm) / sizeof(*ppm); i++) {
        __extension__ unsigned __int128 scaled = (unsigned __int128)count * ppm[i] + 999999;
        uint64_t rank = (uint64_t)(scaled / 1000000);
        uint64_t want = sorted[rank ? rank - 1 : 0], got = sketch_quantile(s, ppm[i]);
        checks++;
        if (!is_close(got, want))
            fail("quantile", got, want);
        if (want < 128 && got != want)
            fail("small values are exact", got, want);
    }
}

static void shuffle(unsigned *order, unsigned count)
{
    for (unsigned i = count; i > 1; i--) {
        unsigned k = (unsigned)random() % i, kept = order[i - 1];
        order[i - 1] = order[k];
        order[k] = kept;
    }
}

static void check_same(const struct sketch *a, const struct sketch *b)
{
    static char text_a[TEXT_MAX], text_b[TEXT_MAX];
    size_t len_a = sketch_write(a, text_a, sizeof(text_a));
    size_t len_b = sketch_write(b, text_b, sizeof(text_b));
    checks++;
    if (a->total != b->total || len_a != len_b || memcmp(text_a, text_b, len_a) != 0)
        fail("merged parts differ from the whole; totals", a->total, b->total);
}

// Splits values into parts, merges them in a random order, half of them through their text.
static void check_merge(const struct sketch *whole, const uint64_t *values, size_t count)
{
    static char text[TEXT_MAX];
    struct sketch parts[PARTS_MAX] = {{0}}, merged = {0};
    unsigned order[PARTS_MAX], part_count = 1 + (unsigned)random() % PARTS_MAX;
    for (size_t i = 0; i < count; i++)
        sketch_add(&parts[(unsigned)random() % part_count], values[i], 1);
    for (unsigned i = 0; i < part_count; i++)
        order[i] = i;
    shuffle(order, part_count);
    for (unsigned i = 0; i < part_count; i++) {
        struct sketch *part = &parts[order[i]];
        size_t len = random() % 2 ? sketch_write(part, text, sizeof(text)) : 0;
        int rc = len ? sketch_read(&merged, (struct text){text, len}) : sketch_merge(&merged, part);
        if (rc != 0)
            fail("merge refused part", i, len);
        sketch_free(part);
    }
    check_same(whole, &merged);
    sketch_free(&merged);
}

static void check_shape(unsigned shape)
{
    static uint64_t values[VALUES_MAX];
    size_t count = 1 + (size_t)random() % (shape % 7 ? VALUES_MAX : 5);
    struct sketch s = {0};
    for (size_t i = 0; i < count; i++) {
        values[i] = value_of(shape);
        sketch_add(&s, values[i], 1);
    }
    check_merge(&s, values, count);
    qsort(values, count, sizeof(*values), compare);
    check_quantiles(&s, values, count);
    sketch_free(&s);
}

// Every bucket begins where the one ahead of it ends, and holds its own start.
static void check_buckets(void)
{
    for (uint32_t b = 0; b + 1 < SKETCH_BUCKETS_MAX; b++) {
        uint64_t start = sketch_bucket_start(b), next = sketch_bucket_start(b + 1);
        checks++;
        if (sketch_bucket(start) != b || (next > start && sketch_bucket(next - 1) != b))
            fail("bucket does not hold its own range", b, start);
    }
    if (sketch_bucket(UINT64_MAX) != SKETCH_BUCKETS_MAX - 1)
        fail("the largest value is in bucket", sketch_bucket(UINT64_MAX), SKETCH_BUCKETS_MAX - 1);
}

// Counts on both sides of what two and four bytes hold, come to at once or step by step.
static void check_widths(void)
{
    static const uint64_t counts[] = {1,
                                      UINT8_MAX,
                                      UINT8_MAX + 1,
                                      UINT16_MAX,
                                      UINT16_MAX + 1,
                                      UINT32_MAX - 1,
                                      UINT32_MAX,
                                      UINT32_MAX + UINT64_C(1),
                                      UINT64_MAX - 9};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        struct sketch s = {0}, merged = {0};
        char got[TEXT_MAX], want[100];
        sketch_add(&s, 90, 3);
        sketch_add(&s, 7, counts[i] - 1);
        sketch_add(&s, 7, 1);
        sketch_add(&merged, 7, 1);
        sketch_merge(&merged, &s);
        sketch_add(&merged, 500, 4);
        checks++;
        got[sketch_write(&merged, got, sizeof(got))] = 0;
        snprintf(want, sizeof(want), "7:%llu 90:3 %u:4", (unsigned long long)counts[i] + 1,
                 sketch_bucket(500));
        if (strcmp(got, want) != 0 || merged.total != counts[i] + 8)
            fail(got, counts[i], merged.total);
        sketch_free(&s);
        sketch_free(&merged);
    }
}

// What was merged into is merged into others, as windows are when they grow: room must not grow
// each time, nor beyond the last bucket there is.
static void check_levels(void)
{
    enum { LEVELS = 10, LEAVES = 1 << LEVELS };
    static struct sketch leaves[LEAVES];
    for (unsigned i = 0; i < LEAVES; i++) {
        sketch_add(&leaves[i], 0, 1);
        sketch_add(&leaves[i], UINT64_MAX >> 3 | (uint64_t)i << 58, 1);
        sketch_add(&leaves[i], UINT64_MAX, 1);
    }
    for (unsigned apart = 1; apart < LEAVES; apart *= 2)
        for (unsigned i = 0; i < LEAVES; i += 2 * apart) {
            struct sketch merged = {0};
            sketch_merge(&merged, &leaves[i]);
            sketch_merge(&merged, &leaves[i + apart]);
            sketch_free(&leaves[i]);
            sketch_free(&leaves[i + apart]);
            leaves[i] = merged;
        }
    checks += 2;
    if (leaves[0].buckets > SKETCH_BUCKETS_MAX)
        fail("room beyond the last bucket", leaves[0].buckets, SKETCH_BUCKETS_MAX);
    if (leaves[0].total != 3 * LEAVES || sketch_count_below(&leaves[0], 1) != LEAVES)
        fail("merged level by level", leaves[0].total, sketch_count_below(&leaves[0], 1));
    sketch_free(&leaves[0]);
}

static void check_malformed(void)
{
    static const char *const texts[] = {"1",
                                        "1:",
                                        "1:0",
                                        ":1",
                                        "2:1 1:1",
                                        "1:1 1:1",
                                        "1:1 ",
                                        " 1:1",
                                        "1:1  2:1",
                                        "a:1",
                                        "1:1,2:1",
                                        "-1:1",
                                        "99999999:1",
                                        "1:1\n",
                                        "1:18446744073709551616",
                                        "1:+1",
                                        "1:18446744073709551615 2:1"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct sketch s = {0};
        sketch_add(&s, 5, 3);
        checks++;
        if (sketch_read(&s, (struct text){texts[i], strlen(texts[i])}) == 0 || s.total != 3 ||
            sketch_quantile(&s, 500000) != 5)
            fail("malformed text was taken, number", i, s.total);
        sketch_free(&s);
    }
}

int main(void)
{
    srandom(1);
    check_buckets();
    check_widths();
    check_levels();
    check_malformed();
    for (unsigned shape = 0; shape < 70; shape++)
        check_shape(shape);
    fprintf(stderr, "%u checks, %u failures\n", checks, failures);
    return failures != 0 || checks < 1000;
}
