// SPDX-License-Identifier: Apache-2.0
//
// session.h - one run over the input: events go to the aggregates, control events to the loss
// budget.
#pragma once

#include <stdio.h>
#include "helper/aggregate/aggregate.h"
#include "helper/decode/feed.h"
#include "helper/decode/source.h"

enum { SESSION_AGGREGATES_MAX = 8 };

struct session {
    const struct report_options *options;
    const struct aggregate *kinds[SESSION_AGGREGATES_MAX];
    void *selves[SESSION_AGGREGATES_MAX];
    size_t count;
    uint64_t since_us, until_us; // [since, until)
    uint64_t from_us, to_us;     // timestamps seen
    struct loss_budget loss;
    const char *source; // being read, for messages
    uint64_t bad_lines_shown;
    bool strict_failure;
};

// Opens the aggregates called name, or all for "all". 0, or an exit code after a line on stderr.
int session_open(struct session *s, const char *name, const struct report_options *options);
void session_close(struct session *s);

// Opens an empty session with the aggregates and the range of another one. 0, or an exit code.
int session_open_like(struct session *s, const struct session *other);

// Adds what from has seen to into, by its summaries: the two are as one session that has seen both.
void session_merge(struct session *into, const struct session *from);

// A feed whose events go into s.
struct feed *session_feed(struct session *s);

// Takes one event, or several, from wherever.
void session_add(struct session *s, const struct event *ev);
void session_add_batch(struct session *s, const struct event *events, size_t count);

// Takes a malformed line: counts it, and shows the first of them on stderr.
void session_bad_line(struct session *s, uint64_t line, const char *why);

// What the counts of a feed say of loss; called once when its source is at its end (the rejected
// lines of a feed that goes on are in loss already).
void session_finish_feed(struct session *s, struct feed *feed);

// Fills one report of kind i; free it with report_release.
void session_fill(const struct session *s, size_t i, uint64_t now_us, const char *const *sources,
                  size_t source_count, struct report *out);

// Prints the summary events of all aggregates, sorted, with the stream_summary first.
void session_print_summaries(const struct session *s, FILE *out);

// True if something is missing: what --fail-on-loss asks.
bool session_lost(const struct session *s);
