// SPDX-License-Identifier: Apache-2.0
//
// traffic.h - the traffic report: bytes and packets by any combination of keys, and the bill by
// rules. Private to traffic*.c and bill*.c.
#pragma once

#include "helper/aggregate/aggregate.h"
#include "helper/aggregate/keymap.h"
#include "helper/aggregate/subscribers.h"
#include "helper/aggregate/traffic_key.h"
#include "helper/aggregate/windows.h"
#include "helper/rules/pseudonym.h"
#include "helper/rules/quota.h"
#include "helper/rules/rules.h"

// Signed: a correction (reclass) takes bytes from one key and gives them to another, and the two
// can be in different parts of a stream.
struct traffic_counts {
    int64_t bytes_up, bytes_down, packets_up, packets_down;
};

// Sums by some of the facts.
struct traffic_sums {
    uint32_t parts;              // bits PART_BIT(…)
    struct keymap *cells;        // struct traffic_counts by packed key; NULL: not kept
    struct traffic_counts other; // keys beyond the limit, together
};

// What is to be added to sums.
struct traffic_item {
    struct traffic_facts facts;
    struct traffic_counts counts;
    int sign;   // -1: taken away
    bool timed; // belongs to a window
};

// Items wait until there are some of them, so that their cells can be fetched together.
enum { TRAFFIC_QUEUE_MAX = 32 };

struct totals_key {
    uint32_t host, iface;
};

// The traffic_totals of an interface.
struct totals_cell {
    uint64_t from_us, to_us;
    uint64_t values[F_totals_summary_COUNT]; // counters by number of the field in totals_summary
};

struct traffic {
    const struct report_options *options;
    struct windows windows;
    struct intern *words;
    uint32_t *domains; // word of the registrable domain by word of the name; 0: not looked up yet
    uint32_t domains_size;
    struct subscribers *subscribers; // this and the next four: NULL without their option
    struct rules *rules, *rules_before;
    struct pseudonyms *pseudonyms;
    struct quotas *quotas;
    struct traffic_sums rows;     // by --by
    struct traffic_sums timeline; // by window and app or name, for plots
    struct traffic_sums accounts; // with --rules: what the bill is made from
    uint32_t parts;               // all that the three are by
    struct traffic_item queue[TRAFFIC_QUEUE_MAX];
    size_t queued;
    struct keymap *totals; // struct totals_cell by struct totals_key
    uint32_t producer;     // word of tool and version of the last `begin` of a producer
    bool out_of_memory;
};

// What an event says of its traffic, before options are applied to it.
struct flow_view {
    struct text iface, name, evidence;
    struct ip_addr sub, peer;
    bool has_sub, has_peer;
    uint8_t proto, unverified;
    uint16_t peer_port;
    uint64_t at_us;    // end of its interval; 0: unknown
    uint64_t rated_us; // start of its interval: what time-dependent rules go by
};

// traffic_facts.c: the keys that an event counts for, by names, subscribers, rules and pseudonyms.
void traffic_find_facts(struct traffic *t, struct text host, const struct flow_view *view,
                        struct traffic_facts *out);

// traffic_sums.c
bool traffic_sums_open(struct traffic_sums *s, uint32_t parts, size_t max);
void traffic_sums_close(struct traffic_sums *s);
void traffic_sums_add(struct traffic_sums *s, const struct traffic_facts *facts,
                      const struct traffic_counts *counts, int sign);
// As traffic_sums_add() for each of at most TRAFFIC_QUEUE_MAX items.
void traffic_sums_add_items(struct traffic_sums *s, const struct traffic_item *items, size_t count,
                            bool only_timed);
// The sums of `from` by fewer parts, over all windows unless PART_WINDOW is among them. Close it.
struct traffic_sums traffic_sums_fold(const struct traffic_sums *from, uint32_t parts);
// A table of the sums, largest first, and after `top` rows (0: all) the rest as `other`.
// duration_us adds a column of bytes per second; 0 leaves it empty.
void traffic_sums_table(const struct traffic *t, const struct traffic_sums *s, uint64_t top,
                        uint64_t duration_us, struct table *table);
bool traffic_counts_are_zero(const struct traffic_counts *counts);

// traffic_rows.c: the rows, and the note on what became of all packets.
void traffic_rows(const struct traffic *t, struct report *report);
// Sum of a counter of traffic_totals, by its number in totals_summary, over all interfaces.
uint64_t traffic_total(const struct traffic *t, unsigned field);

// traffic_timeline.c: the section `timeline`, for plots; timeline.cells must be there.
void traffic_timeline(const struct traffic *t, struct report *report);

// traffic_summary.c
void traffic_summarise(void *self, summary_fn *emit, void *context);
// Adds what traffic_totals or totals_summary say.
void traffic_add_totals(struct traffic *t, const struct event *ev);

// bill.c: the sections of a report with --rules.
void bill_fill(const struct traffic *t, struct report *report);
// The worst state of any quota, with a line about it; CHECK_OK without one. used is set to the
// number of subscribers judged.
enum check_state bill_check_quotas(const struct traffic *t, struct check_result *result);

// `netvitals check traffic`.
enum check_state traffic_check(void *self, uint64_t now_us, struct check_result *result);
