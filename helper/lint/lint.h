// SPDX-License-Identifier: Apache-2.0
//
// lint.h - what no right producer prints: events held against what can be, line by line.
//
// A rule looks at one event and at what the lines before said of the same path, interface or host.
// It names what cannot be; it never guesses about what is merely unusual.
#pragma once

#include <stdio.h>
#include "helper/aggregate/intern.h"
#include "helper/aggregate/keymap.h"
#include "schema/events.h"

struct lint {
    FILE *out;
    const char *source;
    uint64_t line, sources;       // of the source; how many there were
    uint64_t findings, shown_max; // 0: all are shown
    struct intern *words;         // hosts and interfaces
    struct keymap *hosts;         // struct lint_clock by number of the host
    struct keymap *paths;         // struct lint_path by its key (lint_sctp.c)
    struct keymap *intervals;     // struct lint_interval by its key (lint_traffic.c)
    struct keymap *counters;      // struct lint_counters by its key (lint_counters.c)
};

// False if there is no memory.
bool lint_open(struct lint *l, FILE *out);
void lint_close(struct lint *l);

// Starts a source: line numbers begin anew, and clocks may.
void lint_source(struct lint *l, const char *name);

// One line: an event, or one of an unknown type (ev is NULL). unknown_keys: how many the schema
// lacks.
void lint_line(struct lint *l, struct text raw, const struct event *ev, uint64_t unknown_keys);

// Says what is wrong with the line: "FILE:LINE: rule: text".
void lint_say(struct lint *l, const char *rule, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// How often a stream of the event's host began or ended, or another source did, so far: where that
// is another number than before, the host may have started anew.
uint64_t lint_streams(struct lint *l, const struct event *ev);

// ---- rules by subject, private to lint*.c

void lint_sctp(struct lint *l, const struct event *ev);
void lint_traffic(struct lint *l, const struct event *ev);
void lint_counters(struct lint *l, const struct event *ev);
void lint_summary(struct lint *l, const struct event *ev);
void lint_words(struct lint *l, const struct event *ev);
size_t lint_path_size(void), lint_path_key_size(void);
size_t lint_interval_size(void), lint_interval_key_size(void);
size_t lint_counters_size(void), lint_counters_key_size(void);
