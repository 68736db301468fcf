// SPDX-License-Identifier: Apache-2.0

#include "helper/aggregate/sketch.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SUB_BITS = 6, GROW_BY = 16 };

uint32_t sketch_bucket(uint64_t value)
{
    if (value < 2u << SUB_BITS)
        return (uint32_t)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - SUB_BITS;
    return (shift << SUB_BITS) + (uint32_t)(value >> shift);
}

uint64_t sketch_bucket_start(uint32_t bucket)
{
    if (bucket < 2u << SUB_BITS)
        return bucket;
    unsigned shift = (bucket >> SUB_BITS) - 1;
    return (uint64_t)((bucket & 63) + 64) << shift;
}

static uint64_t bucket_midpoint(uint32_t bucket)
{
    if (bucket < 2u << SUB_BITS)
        return bucket;
    unsigned shift = (bucket >> SUB_BITS) - 1;
    return sketch_bucket_start(bucket) + ((UINT64_C(1) << shift) >> 1);
}

void sketch_free(struct sketch *s)
{
    free(s->counts);
    *s = (struct sketch){0};
}

// Makes room for the buckets [low, high]. A path of few values takes little, as there can be a
// million; one that had to grow gets half as much again on that side.
static int reserve(struct sketch *s, uint32_t low, uint32_t high)
{
    uint32_t first = low / GROW_BY * GROW_BY, end = (high / GROW_BY + 1) * GROW_BY;
    if (s->buckets) {
        uint32_t last_end = s->first + s->buckets, more = s->buckets / 2 / GROW_BY * GROW_BY;
        first = first >= s->first ? s->first : first > more ? first - more : 0;
        end = end <= last_end ? last_end : end + more;
    }
    if (s->buckets == end - first)
        return 0;
    uint64_t *counts = calloc(end - first, sizeof(*counts));
    if (!counts)
        return -1;
    if (s->buckets)
        memcpy(counts + (s->first - first), s->counts, s->buckets * sizeof(*counts));
    free(s->counts);
    s->counts = counts;
    s->first = first;
    s->buckets = end - first;
    return 0;
}

void sketch_prefetch(const struct sketch *s, uint64_t value)
{
    uint32_t at = sketch_bucket(value) - s->first; // below the first it is very large
    if (at < s->buckets)
        __builtin_prefetch(&s->counts[at], 1);
}

int sketch_add(struct sketch *s, uint64_t value, uint64_t count)
{
    uint32_t bucket = sketch_bucket(value);
    if (bucket - s->first >= s->buckets && reserve(s, bucket, bucket) != 0)
        return -1;
    s->counts[bucket - s->first] += count;
    s->total += count;
    return 0;
}

int sketch_merge(struct sketch *into, const struct sketch *from)
{
    if (from->total == 0)
        return 0;
    if (reserve(into, from->first, from->first + from->buckets - 1) != 0)
        return -1;
    for (uint32_t i = 0; i < from->buckets; i++)
        into->counts[from->first - into->first + i] += from->counts[i];
    into->total += from->total;
    return 0;
}

uint64_t sketch_quantile(const struct sketch *s, uint32_t quantile_ppm)
{
    if (s->total == 0)
        return 0;
    __extension__ unsigned __int128 scaled = (unsigned __int128)s->total * quantile_ppm + 999999;
    uint64_t rank = (uint64_t)(scaled / 1000000);
    uint64_t seen = 0;
    uint32_t last = 0;
    if (rank == 0)
        rank = 1;
    for (uint32_t i = 0; i < s->buckets; i++) {
        if (!s->counts[i])
            continue;
        last = s->first + i;
        seen += s->counts[i];
        if (seen >= rank)
            break;
    }
    return bucket_midpoint(last);
}

uint64_t sketch_count_below(const struct sketch *s, uint64_t bound)
{
    uint32_t end = sketch_bucket(bound);
    uint64_t count = 0;
    for (uint32_t i = 0; i < s->buckets && s->first + i < end; i++)
        count += s->counts[i];
    return count;
}

enum { NUMBER_MAX = 20, PAIR_MAX = 1 + 4 + 1 + NUMBER_MAX };

static size_t put_number(uint64_t value, char *out)
{
    char digits[NUMBER_MAX];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    memcpy(out, digits + at, sizeof(digits) - at);
    return sizeof(digits) - at;
}

size_t sketch_write(const struct sketch *s, char *buf, size_t size)
{
    size_t at = 0;
    for (uint32_t i = 0; i < s->buckets; i++) {
        if (!s->counts[i])
            continue;
        if (size - at < PAIR_MAX)
            return 0;
        if (at)
            buf[at++] = ' ';
        at += put_number(s->first + i, buf + at);
        buf[at++] = ':';
        at += put_number(s->counts[i], buf + at);
    }
    return at;
}

static bool read_number(const char **at, const char *end, uint64_t *out)
{
    const char *p = *at;
    uint64_t value = 0;
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
            return false;
    bool any = p > *at;
    *at = p;
    *out = value;
    return any;
}

int sketch_read(struct sketch *s, struct text text)
{
    struct sketch added = {0};
    const char *at = text.ptr, *end = text.ptr + text.len;
    uint64_t bucket, count;
    int64_t previous = -1;
    while (at < end) {
        if (!read_number(&at, end, &bucket) || at == end || *at++ != ':' ||
            !read_number(&at, end, &count) || bucket >= SKETCH_BUCKETS_MAX ||
            (int64_t)bucket <= previous || count == 0 ||
            __builtin_add_overflow(added.total, count, &added.total) ||
            reserve(&added, (uint32_t)bucket, (uint32_t)bucket) != 0 ||
            (at < end && (*at++ != ' ' || at == end)))
            goto malformed;
        added.counts[bucket - added.first] = count;
        previous = (int64_t)bucket;
    }
    if (added.total > UINT64_MAX - s->total || sketch_merge(s, &added) != 0)
        goto malformed;
    sketch_free(&added);
    return 0;
malformed:
    sketch_free(&added);
    return -1;
}
