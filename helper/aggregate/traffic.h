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

// Sums stop at the ends of 64 bits: a line that claims more than exists must not turn into less.
static inline int64_t traffic_plus(int64_t a, int64_t b)
{
    int64_t sum;
    return !__builtin_add_overflow(a, b, &sum) ? sum : b > 0 ? INT64_MAX : INT64_MIN;
}

// A count as a line says it, in the range of sums.
static inline int64_t traffic_count(uint64_t value)
{
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

static inline int64_t traffic_volume(const struct traffic_counts *c)
{
    return traffic_plus(c->bytes_up, c->bytes_down);
}

enum {
    TRAFFIC_PRODUCERS = 4,
    TRAFFIC_WORDS_MAX = 1 << 20,                   // texts that are kept apart,
    TRAFFIC_NAMES_MAX = TRAFFIC_WORDS_MAX / 4 * 3, // and among them names of hosts
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

// What bytes are is part of the key: lengths of another kind are never added up.
struct totals_key {
    uint32_t host, iface, bytes;
    uint32_t padding; // 0: the size of a key is a multiple of 8
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
    struct keymap *originals; // struct traffic_original by pseudonym, for quotas
    struct quotas *quotas;
    struct traffic_sums rows;     // by --by
    struct traffic_sums timeline; // by window and app or name, for plots
    struct traffic_sums accounts; // with --rules: what the bill is made from
    uint32_t parts;               // all that the three are by
    struct traffic_sums overflow; // by subscriber: what is in none of them
    struct traffic_item queue[TRAFFIC_QUEUE_MAX];
    size_t queued;
    struct keymap *totals; // struct totals_cell by struct totals_key
    // words of the versions that the events came from, in alphabetical order; 0: none
    uint32_t producers[TRAFFIC_PRODUCERS];
    bool more_producers;
    unsigned lacks; // bits of enum rules_ask: what summaries did not tell
    bool asn_unreadable;
    bool out_of_memory;
};

// What an event says of its traffic, before options are applied to it.
struct flow_view {
    struct text iface, name, evidence;
    struct text subscriber; // name that a summary gives in place of sub
    struct ip_addr sub, peer;
    bool has_sub, has_peer;
    uint8_t proto, unverified;
    uint16_t peer_port;
    uint64_t at_us;    // when it was reported: which window it counts in; 0: unknown
    uint64_t owned_us; // end of its interval: who had the address then
    uint64_t rated_us; // start of its interval: what time-dependent rules go by
};

// Whose pseudonym it is.
struct traffic_original {
    struct ip_addr sub;
    uint32_t subscriber;
};

// traffic_facts.c: the keys that an event counts for, by names, subscribers, rules and pseudonyms.
void traffic_find_facts(struct traffic *t, struct text host, const struct flow_view *view,
                        struct traffic_facts *out);
// The subscriber alone, in facts that have none yet.
void traffic_find_subscriber(struct traffic *t, const struct flow_view *view,
                             struct traffic_facts *out);
// Gives the words that bills are made of their numbers, ahead of the names of a day.
void traffic_keep_words(struct traffic *t);

// traffic.c. To be called before at_us is used: makes windows longer if need be.
void traffic_cover(struct traffic *t, uint64_t at_us);
void traffic_add_producer(struct traffic *t, struct text version);

// traffic_merge.c: adds what another part of the same input came to, for --jobs.
void traffic_merge(void *self, const void *other);

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
void traffic_counts_add(struct traffic_counts *into, const struct traffic_counts *counts, int sign);

// traffic_rows.c: the rows.
void traffic_rows(const struct traffic *t, struct report *report);

// traffic_totals.c: the section `totals`, what became of all packets; none without traffic_totals.
void traffic_totals(const struct traffic *t, struct report *report);
// Sum of a counter of traffic_totals, by its number in totals_summary, over all interfaces.
uint64_t traffic_total(const struct traffic *t, unsigned field);

// traffic_timeline.c: the section `timeline`, for plots; timeline.cells must be there.
void traffic_timeline(const struct traffic *t, struct report *report);

// traffic_summary.c
void traffic_summarise(void *self, summary_fn *emit, void *context);
// Adds what traffic_totals or totals_summary say.
void traffic_add_totals(struct traffic *t, const struct event *ev);
// The same of what another aggregate has. The key is of its words.
void traffic_merge_totals(struct traffic *t, const struct intern *words,
                          const struct totals_key *key, const struct totals_cell *cell);

// traffic_overflow.c. Open it when the parts of the rows are known.
bool traffic_overflow_open(struct traffic *t, size_t max);
void traffic_add_overflow(struct traffic *t, const struct event *ev);
void traffic_add_overflow_summary(struct traffic *t, const struct event *ev);
// The section `overflow`, if there was any.
void traffic_overflow_section(const struct traffic *t, struct report *report);
void traffic_summarise_overflow(const struct traffic *t, summary_fn *emit, void *context);

// bill.c: the sections of a report with --rules.
void bill_fill(const struct traffic *t, struct report *report);
// The worst state of any quota, with a line about it; CHECK_OK without one. used is set to the
// number of subscribers judged.
enum check_state bill_check_quotas(const struct traffic *t, struct check_result *result);

// traffic_check.c: `netvitals check traffic`.
enum check_state traffic_check(void *self, uint64_t now_us, struct check_result *result);
