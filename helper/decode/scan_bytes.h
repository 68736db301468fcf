// SPDX-License-Identifier: Apache-2.0
//
// scan_bytes.h - the bytes of a line for scan.c: compared, and the ends of strings and numbers
// found, 16 at a time; digits read 8 at a time. All of it may read behind the line, for which
// scan.h has SCAN_PADDING.
#pragma once

#include "schema/ip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "digits and keys are read as little-endian words"
#endif

enum { BLOCK = 16 }; // bytes compared at once

// Called for every key: gcc leaves them as calls at -O2, which costs a quarter of the speed.
#define HOT inline __attribute__((always_inline))

static HOT uint64_t load64(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

// A bit for each of BLOCK bytes that are the same in a and b, the first in the lowest bit.
static HOT uint32_t same_bytes(const char *a, const char *b)
{
#ifdef __SSE2__
    __m128i same =
        _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)a), _mm_loadu_si128((const __m128i *)b));
    return (uint32_t)_mm_movemask_epi8(same);
#else
    uint32_t bits = 0;
    for (unsigned i = 0; i < BLOCK; i++)
        bits |= (uint32_t)(a[i] == b[i]) << i;
    return bits;
#endif
}

// The first byte at p that is a quote, a backslash, below 0x20 or above 0x7f.
static HOT const char *string_end(const char *p)
{
#ifdef __SSE2__
    for (;; p += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)p);
        __m128i odd = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                   _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
        odd =
            _mm_or_si128(odd, _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20))); // signed: above 0x7f too
        int found = _mm_movemask_epi8(odd);
        if (found)
            return p + __builtin_ctz((unsigned)found);
    }
#else
    while ((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\')
        p++;
    return p;
#endif
}

#ifdef __SSE2__
// A bit for each byte that is a digit.
static HOT uint32_t digit_bits(__m128i bytes)
{
    // '0' to '9' become -128 to -119, everything else is above
    __m128i shifted = _mm_sub_epi8(bytes, _mm_set1_epi8((char)('0' + 128)));
    return (uint32_t)_mm_movemask_epi8(_mm_cmplt_epi8(shifted, _mm_set1_epi8(-118)));
}
#endif

// How many digits stand at p, up to 16.
static HOT unsigned count_digits(const char *p)
{
#ifdef __SSE2__
    return (unsigned)__builtin_ctz(~digit_bits(_mm_loadu_si128((const __m128i *)p)));
#else
    unsigned count = 0;
    while (count < 16 && p[count] >= '0' && p[count] <= '9')
        count++;
    return count;
#endif
}

// The value of 8 digits, the first in the lowest byte. Each byte is 0 to 9.
static HOT uint64_t value_of_8(uint64_t digits)
{
    digits = digits * 10 + (digits >> 8);
    return ((digits & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
            (digits >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >>
           32;
}

// The 8 bytes that end at end, as digits; only the last count (1 to 8) are kept, zeroes before
// them.
static HOT uint64_t last_digits(const char *end, unsigned count)
{
    uint64_t word = load64(end - 8) ^ UINT64_C(0x3030303030303030);
    return word >> (64 - count * 8) << (64 - count * 8);
}

// An integer of 17 to 20 digits, which may not fit.
static bool long_integer(const char *p, unsigned count, uint64_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < count; i++)
        if (__builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, (uint64_t)(p[i] - '0'), value))
            return false;
    return true;
}

// An unsigned integer of 64 bits at p, written as JSON wants it. Returns its end, or NULL. The 16
// bytes before p are looked at: a key and more stand there. No branch hangs on the number of
// digits, which nobody could predict.
static HOT const char *integer(const char *p, uint64_t *value)
{
    unsigned count = count_digits(p);
    if (count == 0 || (*p == '0' && count > 1))
        return NULL;
    const char *end = p + count;
    if (count <= 8) {
        *value = value_of_8(last_digits(end, count));
        return end;
    }
    *value =
        value_of_8(last_digits(end, 8)) + value_of_8(last_digits(end - 8, count - 8)) * 100000000;
    if (count < 16)
        return end;
    count += count_digits(end);
    if (count == 16)
        return end;
    return count <= 20 && long_integer(p, count, value) ? p + count : NULL;
}

#ifdef __SSE2__

// The number that ends at end, as its last `len` digits, 1 to 3. Sets *wrong if it is above 255.
static HOT uint32_t octet(const char *end, uint32_t len, uint32_t *wrong)
{
    static const uint32_t masks[4] = {0, 0xff0000, 0xffff00, 0xffffff};
    uint32_t digits; // a byte each, the first in the lowest
    memcpy(&digits, end - 3, sizeof(digits));
    digits = (digits ^ 0x30303030) & masks[len & 3];
    *wrong |= __builtin_bswap32(digits) > 0x02050500;
    return (digits * (100 << 16 | 10 << 8 | 1)) >> 16 & 0xff;
}

static HOT uint32_t bits_of(__m128i bytes)
{
    return (uint32_t)_mm_movemask_epi8(bytes);
}

// Dotted quad followed by a quote. Returns the quote, or NULL. Without branches, as nobody could
// predict how many digits an octet has.
static HOT const char *dotted_quad(const char *p, struct ip_addr *out)
{
    const __m128i bytes = _mm_loadu_si128((const __m128i *)p);
    const uint32_t dots = bits_of(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('.')));
    const uint32_t zeroes = bits_of(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('0')));
    const uint32_t digits = digit_bits(bytes), end = (uint32_t)__builtin_ctz(~(digits | dots));
    const uint32_t starts = (dots << 1 | 1) & ((2u << end) - 1), dots23 = dots & (dots - 1),
                   dots3 = dots23 & (dots23 - 1), later = dots3 & (dots3 - 1);
    const uint32_t a = (uint32_t)__builtin_ctz(dots | 1u << BLOCK),
                   b = (uint32_t)__builtin_ctz(dots23 | 1u << BLOCK),
                   c = (uint32_t)__builtin_ctz(dots3 | 1u << BLOCK);
    // an octet is empty, has a zero before other digits, or four digits; there are not four octets
    uint32_t wrong = (starts & ~digits) | (starts & zeroes & digits >> 1) |
                     (digits & digits >> 1 & digits >> 2 & digits >> 3 & ((1u << end) - 1)) |
                     (uint32_t)(c >= end) | (later & ((1u << end) - 1)) | (uint32_t)(p[end] != '"');
    const uint64_t quad = octet(p + a, a, &wrong) | octet(p + b, b - a - 1, &wrong) << 8 |
                          octet(p + c, c - b - 1, &wrong) << 16 |
                          octet(p + end, end - c - 1, &wrong) << 24;
    const uint64_t words[2] = {0, quad << 32 | 0xffff0000}; // IPv4-mapped
    memcpy(out, words, sizeof(*out));
    return wrong ? NULL : p + end;
}

#else

// Dotted quad followed by a quote. Returns the quote, or NULL.
static HOT const char *dotted_quad(const char *p, struct ip_addr *out)
{
    uint8_t bytes[4];
    for (int i = 0; i < 4; i++) {
        unsigned value = (unsigned char)*p - (unsigned)'0', next;
        if (value > 9)
            return NULL;
        p++;
        if ((next = (unsigned char)*p - (unsigned)'0') <= 9) {
            if (value == 0)
                return NULL;
            value = value * 10 + next;
            p++;
            if ((next = (unsigned char)*p - (unsigned)'0') <= 9) {
                value = value * 10 + next;
                p++;
            }
        }
        if (value > 255 || *p != (i < 3 ? '.' : '"'))
            return NULL;
        p += i < 3;
        bytes[i] = (uint8_t)value;
    }
    *out = ip_from_v4(bytes);
    return p;
}

#endif
