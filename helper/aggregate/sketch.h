// SPDX-License-Identifier: Apache-2.0
//
// sketch.h - a log-linear histogram: quantiles of values of any size with a bounded relative error.
//
// 64 buckets an octave, so a bucket is at most 1/64 of its value wide and its midpoint is off by at
// most 0.78 %; values below 128 are exact. Integers only; merging adds counts, in any order.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include "schema/events.h"

struct sketch {
    void *counts;            // of the buckets [first, first + buckets), each of `width` bytes
    uint16_t first, buckets; // from the least used to the last
    uint8_t width; // 1, 2, 4 or 8: what the largest count needs, as there can be many sketches
    uint64_t total;
};

enum { SKETCH_BUCKETS_MAX = (57 << 6) + 128 };

void sketch_free(struct sketch *s);

// Starts to fetch what sketch_add() will touch.
void sketch_prefetch(const struct sketch *s, uint64_t value);

// Adds count times value. 0, or -1 if there is no memory.
int sketch_add(struct sketch *s, uint64_t value, uint64_t count);
int sketch_merge(struct sketch *into, const struct sketch *from);

// The value at quantile (parts per million, nearest rank): the midpoint of its bucket. 0 if empty.
uint64_t sketch_quantile(const struct sketch *s, uint32_t quantile_ppm);

// How many values are smaller than bound, which is the start of a bucket: a power of two is.
uint64_t sketch_count_below(const struct sketch *s, uint64_t bound);

// The least and the last bucket with values; of a sketch that is not empty.
void sketch_used(const struct sketch *s, uint32_t *least, uint32_t *last);

uint32_t sketch_bucket(uint64_t value);
// Smallest value of a bucket; the one of bucket + 1 is the first that no longer belongs.
uint64_t sketch_bucket_start(uint32_t bucket);

// "index:count index:count …" in ascending order, into buf. Returns the length, or 0 if it does not
// fit or the sketch is empty.
size_t sketch_write(const struct sketch *s, char *buf, size_t size);

// Adds what sketch_write wrote. 0, or -1 if the text is malformed (nothing is added then) or memory
// ran out.
int sketch_read(struct sketch *s, struct text text);
