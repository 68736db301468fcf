// SPDX-License-Identifier: Apache-2.0
//
// openmetrics.c - OpenMetrics 1.0.

#include "helper/report/exposition.h"
#include "helper/report/render.h"

void render_openmetrics(FILE *out, const struct report *const *reports, size_t count,
                        const struct render_options *options)
{
    (void)options;
    print_exposition(out, reports, count, true);
}
