// SPDX-License-Identifier: Apache-2.0
//
// prometheus.c - the Prometheus text format 0.0.4.

#include "helper/report/exposition.h"
#include "helper/report/render.h"

void render_prometheus(FILE *out, const struct report *const *reports, size_t count,
                       const struct render_options *options)
{
    (void)options;
    print_exposition(out, reports, count, false);
}
