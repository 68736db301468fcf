// SPDX-License-Identifier: Apache-2.0
//
// options.h - the configuration of `report` and `check`. Its option rows are in options.c and,
// where only one report has them, beside that report.
#pragma once

#include "helper/cli.h"

struct report_options {
    // what to read
    const char *since, *until; // RFC 3339, today, yesterday, -2h
    bool strict, fail_on_loss;
    uint64_t jobs;
    uint64_t max_keys; // rows (times windows) kept apart; 0: a million
    // what to show
    const char *format;
    const char *by;     // keys, comma-separated
    uint64_t window_us; // length of the windows that summaries and plots are cut into; 0: one
    bool plots;         // the format draws series over time: keep windows even without window_us
    uint64_t top;       // rows; 0: all
    bool wide, raw;
    const char *output; // file instead of stdout
    // live
    uint64_t follow_us; // interval between two prints; 0: one report at the end
    // rtt
    const char *assocs; // file of /proc/net/sctp/assocs; "" for this host's; NULL for none
    uint64_t max_age_us, warn_p99_us, crit_p99_us, warn_loss_ppm, crit_loss_ppm;
    // check
    uint64_t warn_share_ppm, crit_share_ppm;                                       // redirect
    uint64_t warn_throttled_ppm, crit_throttled_ppm, warn_full_ppm, crit_full_ppm; // cgroup
    bool live; // ages count to the clock, not to the last event
    // traffic
    const char *subscribers, *rules, *rules_before, *quota, *pseudonyms;
    bool full_names;
    // cgroup
    const char *hierarchy, *under;
    bool snapshot;
    bool stored; // all input is files: nothing but them is looked at
};

// Option rows for what is read, for which rows there are, and for how they are printed.
extern const struct opt report_input_options[];
extern const struct opt report_row_options[];
extern const struct opt report_output_options[];
