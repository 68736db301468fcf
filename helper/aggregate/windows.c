// SPDX-License-Identifier: Apache-2.0

#include "helper/aggregate/windows.h"

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
        w->length_us *= 2;
    return w->length_us != before_us;
}
