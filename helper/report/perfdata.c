// SPDX-License-Identifier: Apache-2.0

#include "helper/report/perfdata.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NUMBER_MAX = 32, ITEM_MAX = 160 };

static const char *number(uint64_t value, bool percent, char out[NUMBER_MAX])
{
    if (percent)
        snprintf(out, NUMBER_MAX, "%" PRIu64 ".%04" PRIu64, value / 10000, value % 10000);
    else
        snprintf(out, NUMBER_MAX, "%" PRIu64, value);
    return out;
}

void perfdata_add(struct check_result *result, const char *label, uint64_t value, const char *unit,
                  struct perf_limits limits)
{
    const bool percent = strcmp(unit, "%") == 0;
    const char *range = limits.least ? ":" : "";
    char item[ITEM_MAX], text[NUMBER_MAX], warn[NUMBER_MAX] = "", crit[NUMBER_MAX] = "";
    if (limits.warn)
        number(limits.warn, percent, warn);
    if (limits.crit)
        number(limits.crit, percent, crit);
    size_t used = strlen(result->perfdata);
    int len = snprintf(item, sizeof(item), "%s%s=%s%s%s%s%s%s%s%s", used ? " " : "", label,
                       number(value, percent, text), unit, *warn || *crit ? ";" : "", warn,
                       *warn ? range : "", *crit ? ";" : "", crit, *crit ? range : "");
    if (len > 0 && (size_t)len < sizeof(item) && used + (size_t)len < sizeof(result->perfdata))
        memcpy(result->perfdata + used, item, (size_t)len + 1);
}
