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

static uint64_t count_at(const struct sketch *s, uint32_t i)
{
    switch (s->width) {
    case sizeof(uint8_t):
        return ((const uint8_t *)s->counts)[i];
    case sizeof(uint16_t):
        return ((const uint16_t *)s->counts)[i];
    case sizeof(uint32_t):
        return ((const uint32_t *)s->counts)[i];
    default:
        return ((const uint64_t *)s->counts)[i];
    }
}

static void set_count(struct sketch *s, uint32_t i, uint64_t count)
{
    switch (s->width) {
    case sizeof(uint8_t):
        ((uint8_t *)s->counts)[i] = (uint8_t)count;
        break;
    case sizeof(uint16_t):
        ((uint16_t *)s->counts)[i] = (uint16_t)count;
        break;
    case sizeof(uint32_t):
        ((uint32_t *)s->counts)[i] = (uint32_t)count;
        break;
    default:
        ((uint64_t *)s->counts)[i] = count;
    }
}

static uint8_t width_of(uint64_t count)
{
    return count <= UINT8_MAX    ? sizeof(uint8_t)
           : count <= UINT16_MAX ? sizeof(uint16_t)
           : count <= UINT32_MAX ? sizeof(uint32_t)
                                 : sizeof(uint64_t);
}

// Makes room for counts of `width` in the buckets [low, high]. A path of few values takes little,
// as there can be a million; one that had to grow gets half as much again on that side.
static int reserve(struct sketch *s, uint32_t low, uint32_t high, uint8_t width)
{
    uint32_t first = low / GROW_BY * GROW_BY, end = (high / GROW_BY + 1) * GROW_BY;
    if (s->buckets) {
        uint32_t last_end = s->first + s->buckets, more = s->buckets / 2 / GROW_BY * GROW_BY;
        first = first >= s->first ? s->first : first > more ? first - more : 0;
        end = end <= last_end ? last_end : end + more;
        end = end < SKETCH_BUCKETS_MAX ? end : SKETCH_BUCKETS_MAX;
        width = width > s->width ? width : s->width;
        if (s->buckets == end - first && s->width == width)
            return 0;
    }
    struct sketch larger = {.first = (uint16_t)first,
                            .buckets = (uint16_t)(end - first),
                            .width = width,
                            .total = s->total};
    larger.counts = calloc(larger.buckets, width);
    if (!larger.counts)
        return -1;
    for (uint32_t i = 0; i < s->buckets; i++)
        set_count(&larger, s->first - first + i, count_at(s, i));
    free(s->counts);
    *s = larger;
    return 0;
}

void sketch_prefetch(const struct sketch *s, uint64_t value)
{
    uint32_t at = sketch_bucket(value) - s->first; // below the first it is very large
    if (at < s->buckets)
        __builtin_prefetch((const char *)s->counts + (size_t)at * s->width, 1);
}

static int add_to_bucket(struct sketch *s, uint32_t bucket, uint64_t count)
{
    uint32_t at = bucket - s->first;
    if (at < s->buckets)
        count += count_at(s, at);
    if ((at >= s->buckets || width_of(count) > s->width) &&
        reserve(s, bucket, bucket, width_of(count)) != 0)
        return -1;
    set_count(s, bucket - s->first, count);
    return 0;
}

int sketch_add(struct sketch *s, uint64_t value, uint64_t count)
{
    if (add_to_bucket(s, sketch_bucket(value), count) != 0)
        return -1;
    s->total += count;
    return 0;
}

int sketch_merge(struct sketch *into, const struct sketch *from)
{
    uint32_t least, last;
    if (from->total == 0)
        return 0;
    sketch_used(from, &least, &last); // not what it has room for, or room would grow with merging
    if (reserve(into, least, last, from->width) != 0)
        return -1;
    for (uint32_t bucket = least; bucket <= last; bucket++)
        if (add_to_bucket(into, bucket, count_at(from, bucket - from->first)) != 0)
            return -1;
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
    for (uint32_t i = 0; i < s->buckets && seen < rank; i++) {
        uint64_t count = count_at(s, i);
        if (count)
            last = s->first + i;
        seen += count;
    }
    return bucket_midpoint(last);
}

uint64_t sketch_count_below(const struct sketch *s, uint64_t bound)
{
    uint32_t end = sketch_bucket(bound);
    uint64_t count = 0;
    for (uint32_t i = 0; i < s->buckets && s->first + i < end; i++)
        count += count_at(s, i);
    return count;
}

void sketch_used(const struct sketch *s, uint32_t *least, uint32_t *last)
{
    uint32_t low = 0, high = s->buckets - 1u;
    while (low < high && !count_at(s, low))
        low++;
    while (high > low && !count_at(s, high))
        high--;
    *least = s->first + low;
    *last = s->first + high;
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
        uint64_t count = count_at(s, i);
        if (!count)
            continue;
        if (size - at < PAIR_MAX)
            return 0;
        if (at)
            buf[at++] = ' ';
        at += put_number(s->first + i, buf + at);
        buf[at++] = ':';
        at += put_number(count, buf + at);
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
            add_to_bucket(&added, (uint32_t)bucket, count) != 0 ||
            (at < end && (*at++ != ' ' || at == end)))
            goto malformed;
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
