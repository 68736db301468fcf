// SPDX-License-Identifier: Apache-2.0
//
// parse_numbers.c - strict readers of numbers with units: the whole string, in range, or nothing.

#include "helper/cli.h"

#include <string.h>

struct suffix {
    const char *text;
    uint64_t factor;
};

// Reads digits from *at and moves it behind them.
static bool read_digits(const char **at, uint64_t *out)
{
    const char *p = *at;
    uint64_t value = 0;
    if (*p < '0' || *p > '9')
        return false;
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
            return false;
    *at = p;
    *out = value;
    return true;
}

bool parse_u64(const char *text, uint64_t *out)
{
    return read_digits(&text, out) && *text == '\0';
}

// NUMBER[.FRACTION]SUFFIX, exactly: a fraction finer than one unit of the result is refused.
static bool parse_scaled(const char *text, const struct suffix *suffixes, uint64_t *out)
{
    uint64_t whole = 0, fraction = 0, divisor = 1;
    if (!read_digits(&text, &whole))
        return false;
    if (*text == '.') {
        const char *start = ++text;
        if (!read_digits(&text, &fraction) || text - start > 9)
            return false;
        for (; start < text; start++)
            divisor *= 10;
    }
    for (; suffixes->text; suffixes++) {
        if (strcmp(text, suffixes->text) != 0)
            continue;
        uint64_t scaled, part;
        if (__builtin_mul_overflow(whole, suffixes->factor, &scaled) ||
            __builtin_mul_overflow(fraction, suffixes->factor, &part) || part % divisor != 0)
            return false;
        return !__builtin_add_overflow(scaled, part / divisor, out);
    }
    return false;
}

bool parse_duration_us(const char *text, uint64_t *out)
{
    static const struct suffix units[] = {{"", 1000000},
                                          {"us", 1},
                                          {"ms", 1000},
                                          {"s", 1000000},
                                          {"m", 60000000},
                                          {"h", UINT64_C(3600000000)},
                                          {"d", UINT64_C(86400000000)},
                                          {NULL, 0}};
    return parse_scaled(text, units, out);
}

bool parse_size_bytes(const char *text, uint64_t *out)
{
    static const struct suffix units[] = {
        {"", 1},        {"K", 1 << 10},           {"k", 1 << 10},
        {"M", 1 << 20}, {"m", 1 << 20},           {"G", 1 << 30},
        {"g", 1 << 30}, {"T", UINT64_C(1) << 40}, {"t", UINT64_C(1) << 40},
        {NULL, 0}};
    return parse_scaled(text, units, out);
}

bool parse_percent_ppm(const char *text, uint64_t *out)
{
    static const struct suffix units[] = {{"%", 10000}, {NULL, 0}};
    return parse_scaled(text, units, out);
}
