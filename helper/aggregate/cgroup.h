// SPDX-License-Identifier: Apache-2.0
//
// cgroup.h - the cgroups of the cgroup report, who is in them, and what changed. Private to
// cgroup*.c.
#pragma once

#include "helper/aggregate/aggregate.h"
#include "helper/aggregate/cgroup_cell.h"
#include "helper/aggregate/intern.h"
#include "helper/aggregate/keymap.h"

struct cgroup_key {
    uint64_t id;
    uint32_t host, hierarchy; // interned
};

// Where a process is on one hierarchy.
struct cgroup_place_key {
    uint64_t pid;
    uint32_t host, hierarchy; // interned
};

struct cgroup_place {
    struct cgroup_cell *cell; // NULL: the process is gone
};

// What the kernel's number of a hierarchy stands for.
struct cgroup_hierarchy {
    uint64_t id;
    uint32_t host, text; // interned
};

enum { CGROUP_HIERARCHIES_MAX = 256 };

struct cgroup_change {
    uint64_t at_us;
    uint64_t cgroup_id;
    uint64_t pid; // 0: none
    uint64_t was, now;
    uint64_t seen;   // in which order they were added: what comes first at equal times
    bool has_limits; // was and now hold
    uint32_t host, hierarchy, change, path, from_path, comm; // interned
};

// The last changes. Memory is bounded: the oldest make room.
struct cgroup_changes {
    struct cgroup_change *items;
    size_t count, capacity;
    uint64_t dropped;
};

enum { CGROUP_CHANGES_MAX = 10000 };

// A limit as it was read: one of a list in order of time.
struct cgroup_limit_reading {
    uint64_t at_us, value;
    uint32_t next; // number of the next one, 0: none
};

// The readings of all limits of all cgroups. Memory is bounded: beyond READINGS_MAX no new ones
// are taken.
struct cgroup_limits {
    struct cgroup_limit_reading *items; // number n is items[n - 1]
    size_t count, capacity;
    uint64_t dropped;
};

enum { CGROUP_READINGS_MAX = 1 << 20 };

// True if the change of a summary is a reading of a limit.
bool cgroup_limit_find(struct text change, enum cgroup_limit *limit);
// Puts a reading into the list that starts with *head.
void cgroup_limit_add(struct cgroup_limits *limits, uint32_t *head, uint64_t at_us, uint64_t value);
// The reading of a number, NULL for 0.
const struct cgroup_limit_reading *cgroup_limit_next(const struct cgroup_limits *limits,
                                                     uint32_t index);

void cgroup_changes_add(struct cgroup_changes *changes, const struct intern *words,
                        const struct cgroup_change *change);
// In order of time, and of what they say where that is equal.
void cgroup_changes_sort(struct cgroup_changes *changes, const struct intern *words);

// What the input tells of: what it does not is shown as unknown, not as 0.
enum cgroup_subject {
    SEEN_CPU = 1,
    SEEN_NET = 2,
    SEEN_IO = 4,
    SEEN_MEM = 8,
    SEEN_MOVES = 16,
    SEEN_TRAFFIC = 32 // bytes and packets of the network
};

struct cgroup_aggregate {
    unsigned seen; // enum cgroup_subject
    const struct report_options *options;
    struct keymap *cells;  // struct cgroup_cell by struct cgroup_key
    struct keymap *places; // struct cgroup_place by struct cgroup_place_key
    struct intern *words;
    struct cgroup_cell other; // cgroups beyond max_keys, together
    bool has_other;           // there are some
    struct cgroup_hierarchy hierarchies[CGROUP_HIERARCHIES_MAX];
    size_t hierarchy_count;
    struct cgroup_changes changes;
    struct cgroup_limits limits;
    bool live;           // the stream is of this host, now: its cgroup filesystem is read as well
    uint64_t scanned_us; // when that was last done
    bool scanning;       // its events are coming in
    bool said_not_there; // that --under or --hierarchy names nothing
};

// The text of a cell's path; absent if nobody said.
struct text cgroup_path(const struct cgroup_aggregate *a, const struct cgroup_cell *cell);

// What a cgroup is called of which nobody said the path: "(id 30)".
struct text cgroup_unnamed(struct cgroup_aggregate *a, uint64_t id);

// The path of the cgroup that changed: as it was then where that was said, else as it is known now.
struct text cgroup_change_path(const struct cgroup_aggregate *a,
                               const struct cgroup_change *change);

// True if --hierarchy and --under want it.
bool cgroup_wanted(const struct cgroup_aggregate *a, uint32_t hierarchy, struct text path);

// Adds the rows, a tree; and the section `timeline`.
void cgroup_rows(struct cgroup_aggregate *a, struct report *report);
void cgroup_timeline(struct cgroup_aggregate *a, struct report *report);

// In the order of the tree: what is below a cgroup follows it.
int cgroup_compare_paths(struct text a, struct text b);

// Processes of the cgroups asked for that were killed for want of memory in the report's time, each
// counted once; *name is the first cgroup, in the order of the tree, that has some. One reading of
// the kernel's counters does not say when: they count since the cgroup was made.
uint64_t cgroup_oom_kills(struct cgroup_aggregate *a, struct text *name);

// `netvitals check cgroup`.
enum check_state cgroup_check(void *self, uint64_t now_us, struct check_result *result);

// What moves processes between cells: cgroup_task, cgroup_attach, cgroup_fork, cgroup_exit.
void cgroup_places_add(struct cgroup_aggregate *a, const struct event *ev,
                       const struct cgroup_key *key, struct cgroup_cell *cell);

// Takes the limits of a cgroup_state or a cgroup_summary of cell.
void cgroup_limits_take(struct cgroup_aggregate *a, struct cgroup_cell *cell,
                        const struct event *ev);
// Adds the changes of limits.
void cgroup_limits_changes(struct cgroup_aggregate *a, struct cgroup_changes *changes);
// Emits the readings of a cgroup that its cgroup_summary does not have.
void cgroup_limits_summarise(const struct cgroup_aggregate *a, const struct cgroup_key *key,
                             const struct cgroup_cell *cell, summary_fn *emit, void *context);

// See struct aggregate.
void cgroup_summarise(void *self, summary_fn *emit, void *context);
