// SPDX-License-Identifier: Apache-2.0
//
// expect.h - what a C unit test says when something differs: where, what, and both values.
// A test's main counts in `failures` and returns expect_result(): a test without any check fails.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct expect {
    unsigned checks, failures;
};

static inline bool expect_u64_at(struct expect *e, const char *where, int line, const char *what,
                                 uint64_t got, uint64_t want)
{
    e->checks++;
    if (got == want)
        return true;
    e->failures++;
    fprintf(stderr, "%s:%d: %s: got %llu, want %llu\n", where, line, what, (unsigned long long)got,
            (unsigned long long)want);
    return false;
}

static inline bool expect_bytes_at(struct expect *e, const char *where, int line, const char *what,
                                   const void *got, size_t got_len, const void *want,
                                   size_t want_len)
{
    e->checks++;
    if (got_len == want_len && memcmp(got, want, want_len) == 0)
        return true;
    e->failures++;
    fprintf(stderr, "%s:%d: %s: got", where, line, what);
    for (size_t i = 0; i < got_len; i++)
        fprintf(stderr, " %02x", ((const uint8_t *)got)[i]);
    fprintf(stderr, ", want");
    for (size_t i = 0; i < want_len; i++)
        fprintf(stderr, " %02x", ((const uint8_t *)want)[i]);
    fprintf(stderr, "\n");
    return false;
}

#define EXPECT_U64(e, what, got, want) expect_u64_at((e), __FILE__, __LINE__, (what), (got), (want))
#define EXPECT_BYTES(e, what, got, got_len, want, want_len)                                        \
    expect_bytes_at((e), __FILE__, __LINE__, (what), (got), (got_len), (want), (want_len))
#define EXPECT_TEXT(e, what, got, got_len, want)                                                   \
    expect_bytes_at((e), __FILE__, __LINE__, (what), (got), (got_len), (want), strlen(want))

static inline int expect_result(const struct expect *e)
{
    fprintf(stderr, "%u checks, %u failed\n", e->checks, e->failures);
    return e->checks > 0 && e->failures == 0 ? 0 : 1;
}
