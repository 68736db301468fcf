// SPDX-License-Identifier: Apache-2.0
//
// exposition.h - what the Prometheus text format and OpenMetrics have in common.
#pragma once

#include "helper/report/metric.h"

// A table has at most so many series of a metric; the counters of further rows are summed up in one
// series whose labels are all "other" (prometheus.io: beyond some hundred series, look elsewhere).
enum { EXPOSITION_ROWS_MAX = 1000 };

void print_exposition(FILE *out, const struct report *const *reports, size_t count,
                      bool openmetrics);
