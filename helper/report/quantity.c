// SPDX-License-Identifier: Apache-2.0
//
// quantity.c - numbers and times as people read them.

#include "helper/report/format.h"

#include <inttypes.h>
#include <time.h>

struct scale {
    uint64_t factor;
    const char *name;
};

static const struct scale scales_ns[] = {{UINT64_C(86400000000000), "d"},
                                         {UINT64_C(3600000000000), "h"},
                                         {UINT64_C(60000000000), "min"},
                                         {1000000000, "s"},
                                         {1000000, "ms"},
                                         {1000, "µs"},
                                         {1, "ns"},
                                         {0, NULL}};

static const struct scale scales_bytes[] = {{UINT64_C(1000000000000), "TB"},
                                            {1000000000, "GB"},
                                            {1000000, "MB"},
                                            {1000, "kB"},
                                            {1, "B"},
                                            {0, NULL}};

// Three significant digits, rounded half up; whole units stay whole.
static void format_scaled(uint64_t value, const struct scale *s, char *out)
{
    while (s->factor > 1 && value < s->factor)
        s++;
    uint64_t whole = value / s->factor;
    unsigned decimals = s->factor == 1 || whole >= 100 ? 0 : whole >= 10 ? 1 : 2;
    uint64_t divisor = s->factor;
    for (unsigned i = 0; i < decimals; i++)
        divisor /= 10;
    uint64_t rounded =
        divisor ? value / divisor + (value % divisor >= divisor - value % divisor) : value;
    uint64_t unit = decimals == 2 ? 100 : decimals == 1 ? 10 : 1;
    if (decimals)
        snprintf(out, QUANTITY_MAX, "%" PRIu64 ".%0*" PRIu64 " %s", rounded / unit, (int)decimals,
                 rounded % unit, s->name);
    else
        snprintf(out, QUANTITY_MAX, "%" PRIu64 " %s", rounded, s->name);
}

const char *quantity_format(uint64_t value, enum unit unit, char out[QUANTITY_MAX])
{
    switch (unit) {
    case UNIT_NS:
        format_scaled(value, scales_ns, out);
        break;
    case UNIT_US:
        if (value > UINT64_MAX / 1000)
            snprintf(out, QUANTITY_MAX, "%" PRIu64 " µs", value);
        else
            format_scaled(value * 1000, scales_ns, out);
        break;
    case UNIT_S:
        snprintf(out, QUANTITY_MAX, "%" PRIu64 " s", value);
        break;
    case UNIT_BYTES:
        format_scaled(value, scales_bytes, out);
        break;
    case UNIT_PPM: {
        uint64_t tenths = value / 1000 + (value % 1000 >= 500);
        snprintf(out, QUANTITY_MAX, "%" PRIu64 ".%" PRIu64 " %%", tenths / 10, tenths % 10);
        break;
    }
    default:
        snprintf(out, QUANTITY_MAX, "%" PRIu64, value);
    }
    return out;
}

const char *time_format(uint64_t ts_us, char out[QUANTITY_MAX])
{
    time_t seconds = (time_t)(ts_us / 1000000);
    struct tm tm;
    char date[24];
    if (!gmtime_r(&seconds, &tm) || strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        snprintf(out, QUANTITY_MAX, "%" PRIu64 " us", ts_us);
    else
        snprintf(out, QUANTITY_MAX, "%s.%06uZ", date, (unsigned)(ts_us % 1000000));
    return out;
}
