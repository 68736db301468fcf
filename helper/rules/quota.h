// SPDX-License-Identifier: Apache-2.0
//
// quota.h - how much of a rate a subscriber may use.
//
// A file of lines:  SUBSCRIBER RATE BYTES [WARN%]
//   10.128.0.0/9  charged 3G 80%     each subscriber of the prefix
//   alice         charged 10G        a name that --subscribers gives
//   *             free    100G       everybody else
// The first line that fits a subscriber and a rate decides. Sizes are powers of 1024; without WARN%
// there is no warning ahead of the quota.
#pragma once

#include "helper/rules/rules.h"
#include "schema/events.h"

struct quotas;

enum { QUOTA_ERROR_MAX = 256 };

struct quota {
    uint64_t bytes;
    uint64_t warn_bytes; // the threshold of the warning; bytes if there is none
};

// NULL with "FILE:LINE: what is wrong" in error.
struct quotas *quotas_load(const char *path, char error[QUOTA_ERROR_MAX]);
void quotas_free(struct quotas *q);

// Whether each quota is of a rate that the rules can give; false with "FILE:LINE: what is wrong": a
// quota of another rate would hold for ever.
bool quotas_fit_rules(const struct quotas *q, const struct rules *rules, const char *path,
                      char error[QUOTA_ERROR_MAX]);

// The quota of a subscriber (by name where it has one, else by address), or NULL.
const struct quota *quota_find(const struct quotas *q, struct text name, struct ip_addr ip,
                               struct text rate);
