// SPDX-License-Identifier: Apache-2.0
//
// metric.h - columns as metrics in base units, as Prometheus and OpenMetrics want them: `p50_ns` is
// netvitals_rtt_p50_seconds, `loss_ppm` is a ratio, `bytes_up` is the direction "up" of
// netvitals_traffic_bytes (prometheus.io/docs/practices/naming).
#pragma once

#include "helper/report/format.h"

enum { METRIC_NAME_MAX = 128 };

struct metric {
    char name[METRIC_NAME_MAX]; // of the family: without _total
    const char *unit;           // "seconds", "bytes", "packets", "ratio"; NULL: none
    unsigned decimals;          // values are in 10^-decimals of the unit
    bool adds_up;               // over rows and over time, and
    bool counter;          // never goes down, which Prometheus and OpenMetrics ask of a counter
    struct text direction; // "up" or "down", else absent: a label
};

// The metric of a column with numbers; false for labels and text. table is rows or a section of
// report.
bool metric_of_column(const struct report *report, const struct table *table, size_t column,
                      struct metric *out);

// The metric of the histogram of a report's rows: netvitals_rtt_seconds.
void metric_of_histogram(const struct report *report, struct metric *out);

// Splits a key that ends in _up or _down: *stem becomes what is before, *direction the word.
bool metric_split_direction(struct text key, struct text *stem, struct text *direction);

// A key without the unit that it names: "p50_ns" is "p50", "bytes_redirected" is "redirected";
// empty if the unit is all that it names.
struct text metric_stem(struct text key, enum unit unit);

// Whether a column is bytes a second: its key names the whole unit.
bool metric_is_rate(const struct column *column);

// A column whose words make a metric of value 1: text that is neither a label nor prose.
bool metric_is_state(const struct column *column);
