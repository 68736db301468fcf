// SPDX-License-Identifier: Apache-2.0

#include "helper/aggregate/windows.h"

// Every length is a multiple of the one before, and one that people read: 1 s, 5 s, … 1 min, … 1 h,
// … 1 d.
static uint64_t next_length_us(uint64_t length_us)
{
    static const unsigned lengths_s[] = {1,    5,    10,   30,    60,    300,  600,
                                         1800, 3600, 7200, 21600, 43200, 86400};
    for (size_t i = 0; i < sizeof(lengths_s) / sizeof(*lengths_s); i++)
        if (lengths_s[i] * UINT64_C(1000000) > length_us)
            return lengths_s[i] * UINT64_C(1000000);
    return length_us * 2;
}

struct windows windows_new(const struct report_options *options)
{
    if (options->window_us || !options->plots)
        return (struct windows){.length_us = options->window_us};
    return (struct windows){.length_us = 1000000, .grows = true};
}

uint64_t windows_start(const struct windows *w, uint64_t at_us)
{
    return w->length_us ? at_us - at_us % w->length_us : 0;
}

bool windows_cover(struct windows *w, uint64_t at_us)
{
    if (!w->grows || (at_us >= w->first_us && at_us <= w->last_us))
        return false;
    if (w->last_us == 0)
        w->first_us = w->last_us = at_us;
    w->first_us = at_us < w->first_us ? at_us : w->first_us;
    w->last_us = at_us > w->last_us ? at_us : w->last_us;
    uint64_t before_us = w->length_us;
    while (w->last_us / w->length_us - w->first_us / w->length_us >= WINDOWS_MAX)
        w->length_us = next_length_us(w->length_us);
    return w->length_us != before_us;
}
