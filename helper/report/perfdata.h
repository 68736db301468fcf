// SPDX-License-Identifier: Apache-2.0
//
// perfdata.h - numbers behind the bar of a monitoring plugin's line, as the Monitoring Plugins
// guidelines have them: label=value[unit];[warn];[crit].
#pragma once

#include "helper/report/report.h"

// 0: not set, and left empty: a 0 there would be a limit of 0.
struct perf_limits {
    uint64_t warn, crit;
    bool least; // what is below them is bad, which is written as a range: "20:"
};

// Adds a value. unit is "", "c" for a counter, "B", "us", or "%": then value and limits are in
// parts per million. What does not fit is left out as a whole.
void perfdata_add(struct check_result *result, const char *label, uint64_t value, const char *unit,
                  struct perf_limits limits);
