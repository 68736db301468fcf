// SPDX-License-Identifier: Apache-2.0
//
// rtt.h - the paths of the rtt report. Private to rtt*.c.
#pragma once

#include "helper/aggregate/aggregate.h"
#include "helper/aggregate/intern.h"
#include "helper/aggregate/keymap.h"
#include "helper/aggregate/rtt_assocs.h"
#include "helper/aggregate/rtt_verdict.h"
#include "helper/aggregate/windows.h"

// A path is named by the peer's address within its association; the local address may change.
struct rtt_path_key {
    uint64_t netns, assoc_id;
    uint64_t window_us; // start of the window; 0: windows are not asked for
    struct ip_addr raddr;
    uint32_t host; // interned
    uint16_t lport, rport;
};

struct rtt_assoc_key {
    uint64_t netns, assoc_id;
    uint32_t host;
    uint16_t lport, rport;
};

struct rtt_assoc {
    struct latest state; // number of its word in rtt.c
};

struct rtt {
    const struct report_options *options;
    struct windows windows;
    struct keymap *paths;  // struct rtt_path by struct rtt_path_key
    struct keymap *assocs; // struct rtt_assoc by struct rtt_assoc_key
    struct intern *words;  // hosts
    struct rtt_path other; // paths beyond rtt_keys_max(), together
    bool out_of_memory;
};

// One path over all windows, judged: what the report, the check and the contradictions are made
// from.
struct rtt_judged {
    struct rtt_path_key key;
    struct rtt_path path;
    enum rtt_verdict verdict;
    char why[160];
};

// Judges all paths, worst first. *count is set; free with rtt_judged_free. NULL if there is no
// memory.
struct rtt_judged *rtt_judge_all(const struct rtt *rtt, uint64_t now_us, size_t *count);
void rtt_judged_free(struct rtt_judged *judged, size_t count);

// How many paths (times windows) are kept apart.
size_t rtt_keys_max(const struct report_options *options);
bool rtt_other_is_empty(const struct rtt *rtt);

// Adds the rows, and the evidence as a note.
void rtt_rows(const struct rtt *rtt, const struct rtt_judged *judged, size_t count, uint64_t now_us,
              struct report *report);

// Fills the histogram of the rows.
void rtt_histogram(const struct rtt_judged *judged, size_t count, struct report *report);

// Adds the section `timeline`: a row for each path and window, in the order of judged.
void rtt_timeline(const struct rtt *rtt, const struct rtt_judged *judged, size_t count,
                  struct report *report);

// Where the kernel's list and the heartbeats disagree on a path.
struct rtt_contradiction {
    uint64_t assoc_id;
    struct ip_addr raddr;
    uint16_t rport;
    const char *kernel, *heartbeats, *detail; // what each says, and the reason
    enum check_state state;                   // what `check` makes of it
};
typedef void rtt_contradiction_fn(void *context, const struct rtt_contradiction *found);

// Calls emit once a contradiction; its texts hold as long as judged does.
void rtt_contradict(const struct assoc_list *assocs, const struct rtt_judged *judged, size_t count,
                    rtt_contradiction_fn *emit, void *context);

// Adds the section `contradictions`. A list that cannot be read is said on stderr and is nothing
// there.
void rtt_contradictions(const char *assocs_path, const struct rtt_judged *judged, size_t count,
                        struct report *report);

// `netvitals check rtt`.
enum check_state rtt_check(void *self, uint64_t now_us, struct check_result *result);
