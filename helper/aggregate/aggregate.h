// SPDX-License-Identifier: Apache-2.0
//
// aggregate.h - what a report is made of. One row of aggregates[] (aggregate.c) is one report.
//
// An aggregate takes raw events and summaries alike. Adding is associative and commutative, so
// merging two aggregates is adding the summaries of one to the other: parts, hours, hosts and
// threads are all the same operation. (An aggregate that knows more than its summaries say has a
// merge() of its own for threads.)
#pragma once

#include "helper/options.h"
#include "helper/report/report.h"
#include "schema/events.h"

typedef void summary_fn(void *context, const struct event *summary);

struct aggregate {
    const char *name;          // `netvitals report NAME`
    const char *title;         // headline of the text and HTML report
    const char *how_to_feed;   // what an empty report tells the user to run
    const struct opt *options; // rows of its own, members of struct report_options; or NULL
    // What an event means depends on those before it, so one thread must read them all, and the
    // summaries of a stream's parts are those of the whole only where each part can stand alone.
    bool in_order;

    // NULL on failure, which it has said on stderr; errno is EINVAL if an option was wrong.
    void *(*create)(const struct report_options *options);
    void (*add)(void *self, const struct event *ev);
    // As add() for each, in order. Whoever has many keys fetches the cells of all events before it
    // touches the first: waiting for memory is most of the work. NULL where there is nothing to
    // gain.
    void (*add_batch)(void *self, const struct event *events, size_t count);
    // Adds columns, rows and further sections to report; now_us is the stream's last timestamp
    // (live: the clock). Text in cells may point into the aggregate, which outlives the report.
    void (*fill)(void *self, uint64_t now_us, struct report *report);
    // Calls emit once a summary event.
    void (*summarise)(void *self, summary_fn *emit, void *context);
    // Adds all that another aggregate of the same options knows. NULL: its summaries say it all.
    void (*merge)(void *self, const void *other);
    // Judges against the limits in options: the worst state, and one line about it.
    enum check_state (*check)(void *self, uint64_t now_us, struct check_result *result);
    void (*destroy)(void *self);
};

// NULL-terminated.
extern const struct aggregate *const aggregates[];

const struct aggregate *aggregate_find(const char *name);

// The option tables of the aggregates by number, NULL behind the last: for commands that make
// reports.
const struct opt *aggregate_options(size_t number);
