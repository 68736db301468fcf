// SPDX-License-Identifier: Apache-2.0
//
// rtt_histogram.c - round trips by size, for formats that have histograms. The bounds are powers of
// two, where a bucket of the sketch begins, so that the counts are exact.

#include "helper/aggregate/rtt.h"

#include <stdlib.h>

enum { FIRST_BOUND_BITS = 16, BOUNDS = 21 }; // 65 us to 69 s

_Static_assert(BOUNDS <= (int)HISTOGRAM_BOUNDS_MAX, "more bounds than a histogram has");

static void fill_row(const struct rtt_path *p, const struct histogram *h, struct histogram_row *row)
{
    row->total = p->rtt.total;
    row->sum = p->sum_ns;
    for (size_t i = 0; i < h->bound_count; i++)
        row->counts[i] = sketch_count_below(&p->rtt, h->bounds[i] + 1);
}

void rtt_histogram(const struct rtt_judged *judged, size_t count, struct report *report)
{
    struct histogram *h = &report->histogram;
    size_t rows = count < HISTOGRAM_ROWS_MAX ? count : HISTOGRAM_ROWS_MAX;
    h->rows = calloc(rows + 1, sizeof(*h->rows));
    if (!h->rows) // left out: the quantiles are there
        return;
    h->unit = UNIT_NS;
    h->help = "round trips of accepted and late ACKs";
    h->bound_count = BOUNDS;
    h->row_count = rows;
    for (size_t i = 0; i < BOUNDS; i++)
        h->bounds[i] = (UINT64_C(1) << (FIRST_BOUND_BITS + i)) - 1;
    for (size_t i = 0; i < rows; i++)
        fill_row(&judged[i].path, h, &h->rows[i]);
}
