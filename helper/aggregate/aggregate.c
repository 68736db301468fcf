// SPDX-License-Identifier: Apache-2.0
//
// aggregate.c - the reports that there are: one row each.

#include "helper/aggregate/aggregate.h"

#include <string.h>

extern const struct aggregate aggregate_cgroup;
extern const struct aggregate aggregate_rtt;
extern const struct aggregate aggregate_redirect;
extern const struct aggregate aggregate_traffic;

// one row a line
// clang-format off
const struct aggregate *const aggregates[] = {
    &aggregate_rtt,
    &aggregate_cgroup,
    &aggregate_redirect,
    &aggregate_traffic,
    NULL,
};
// clang-format on

const struct aggregate *aggregate_find(const char *name)
{
    for (const struct aggregate *const *a = aggregates; *a; a++)
        if (strcmp((*a)->name, name) == 0)
            return *a;
    return NULL;
}

const struct opt *aggregate_options(size_t number)
{
    for (const struct aggregate *const *a = aggregates; *a; a++)
        if ((*a)->options && number-- == 0)
            return (*a)->options;
    return NULL;
}
