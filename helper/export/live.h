// SPDX-License-Identifier: Apache-2.0
//
// live.h - the report of a stream that goes on, as monitoring systems want it: states (a verdict,
// an age) as they stand now, and quantiles and counts of the recent past, not of all times.
//
// Events go into several sessions: one for all times, and recent ones, of which the oldest is
// replaced at each turn. Rows, sections, states and counters are those of all times, and deltas are
// differences of these: only that session has seen what an event's meaning can depend on (which
// cgroup a number is, what a correction corrects). Quantiles and rates are of the recent past.
#pragma once

#include "helper/export/deltas.h"
#include "helper/session.h"

enum live_counters {
    // counters count since the start, as Prometheus scrapes them; where not all rows are shown,
    // what
    // is added to a row counts where it is shown now, so that none goes down
    LIVE_TOTALS,
    LIVE_DELTAS, // counters count since the last live_fill, as statsd adds them up
};

enum { LIVE_RECENT_MAX = 2 };

struct live {
    const char *name;                 // of the report, or "all"
    struct report_options options;    // of all times
    struct report_options everything; // of recent times: nothing is left out
    enum live_counters counters;
    bool filled; // once, at least
    struct feed *feed;
    uint64_t lines_unknown; // of feed, counted already
    struct deltas deltas[SESSION_AGGREGATES_MAX];
    struct session all;
    struct session recent[LIVE_RECENT_MAX]; // the oldest first
    uint64_t recent_from_us[LIVE_RECENT_MAX];
    size_t recent_count;
};

// With LIVE_DELTAS the recent past began at the last turn; with LIVE_TOTALS it began at the last
// but one, so that it is never empty. l must stay where it is. Returns an exit code; EXIT_OK: close
// with live_close.
int live_open(struct live *l, const char *name, const struct report_options *options,
              enum live_counters counters);
void live_close(struct live *l);

// A feed whose events go into l, one at a time; NULL if there is no memory. live_end_feed frees it.
struct feed *live_feed(struct live *l);
void live_end_feed(struct live *l);

// The recent past begins anew. Returns an exit code.
int live_turn(struct live *l);

// Fills the reports, at most SESSION_AGGREGATES_MAX; release each. Returns how many. One for whose
// deltas there is no memory is left out; its next ones are of both times.
size_t live_fill(struct live *l, uint64_t now_us, struct report *reports);
