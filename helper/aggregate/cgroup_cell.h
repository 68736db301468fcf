// SPDX-License-Identifier: Apache-2.0
//
// cgroup_cell.h - what is known of one cgroup. Everything adds up in any order.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "schema/events.h"

// A limit that is not set.
#define CGROUP_NO_LIMIT UINT64_MAX

// Keys that are sums, the same in cgroup_summary and here.
#define CGROUP_COUNTERS(X)                                                                         \
    X(run_ns)                                                                                      \
    X(wait_ns)                                                                                     \
    X(connects)                                                                                    \
    X(accepts)                                                                                     \
    X(retransmits)                                                                                 \
    X(read_bytes)                                                                                  \
    X(write_bytes)                                                                                 \
    X(reads)                                                                                       \
    X(writes)                                                                                      \
    X(latency_ns)                                                                                  \
    X(direct_reclaims)                                                                             \
    X(direct_reclaim_ns)                                                                           \
    X(limit_reclaims)                                                                              \
    X(limit_reclaim_ns)                                                                            \
    X(oom_events)                                                                                  \
    X(moved_in)                                                                                    \
    X(moved_out)

// Sums, too, which are left out where nobody could say: before Linux 6.3.
#define CGROUP_TRAFFIC(X)                                                                          \
    X(tx_bytes)                                                                                    \
    X(rx_bytes)                                                                                    \
    X(tx_packets)                                                                                  \
    X(rx_packets)

// Keys of which the last value stands.
#define CGROUP_STATES(X)                                                                           \
    X(cpu_quota_ns)                                                                                \
    X(cpu_period_ns)                                                                               \
    X(memory_max_bytes)                                                                            \
    X(pids_max)                                                                                    \
    X(memory_bytes)                                                                                \
    X(pids)                                                                                        \
    X(frozen)

// Those of them that are limits.
#define CGROUP_LIMITS(X)                                                                           \
    X(cpu_quota_ns)                                                                                \
    X(memory_max_bytes)                                                                            \
    X(pids_max)

enum cgroup_limit {
#define X(key) CGROUP_LIMIT_##key,
    CGROUP_LIMITS(X)
#undef X
        CGROUP_LIMIT_COUNT
};

// The kernel's own counters, in groups that are read together: X(group, key).
#define CGROUP_READINGS(X)                                                                         \
    X(throttle, periods)                                                                           \
    X(throttle, throttled)                                                                         \
    X(throttle, throttled_ns)                                                                      \
    X(used, used_ns)                                                                               \
    X(used, oom_kills)                                                                             \
    X(used, oom_kills_below)

// The groups, and what cgroup_summary calls the times of their readings: first_…_us, last_…_us.
#define CGROUP_READING_GROUPS(X)                                                                   \
    X(throttle, read)                                                                              \
    X(used, used)

// What was said last, and when (0: never). At equal times the larger value stands.
struct cgroup_last {
    uint64_t at_us, value;
};

void cgroup_last_set(struct cgroup_last *last, uint64_t at_us, uint64_t value);

struct cgroup_throttle_reading {
    uint64_t at_us; // 0: none
    uint64_t periods, throttled, throttled_ns;
};

struct cgroup_used_reading {
    uint64_t at_us;
    uint64_t used_ns, oom_kills, oom_kills_below;
};

struct cgroup_cell {
#define X(key) uint64_t key;
    CGROUP_COUNTERS(X)
    CGROUP_TRAFFIC(X)
#undef X
    bool has_traffic, lacks_traffic; // whether an event had tx_bytes, and whether one had not
    uint64_t max_latency_ns;
#define X(key) struct cgroup_last key;
    CGROUP_STATES(X)
#undef X
    struct cgroup_throttle_reading first_throttle, last_throttle;
    struct cgroup_used_reading first_used, last_used;
    struct cgroup_last path;             // interned
    struct cgroup_last processes;        // of summaries; live ones are counted by place
    uint64_t placed;                     // processes that are in it now
    uint64_t placed_us;                  // when that was last touched; 0: nobody said
    uint64_t born_us, gone_us;           // 0: not seen
    uint64_t first_us, last_us;          // events
    uint32_t limits[CGROUP_LIMIT_COUNT]; // first reading of each: see struct cgroup_limits
};

// Whether bytes and packets can be said: not of a cgroup whose network was counted, but never
// those. One of which some events have them gets the sum of these.
static inline bool cgroup_knows_traffic(const struct cgroup_cell *cell)
{
    return cell->has_traffic || !cell->lacks_traffic;
}

// Takes what an event of this cgroup says of it: sums, limits, readings, times.
void cgroup_cell_add(struct cgroup_cell *cell, const struct event *ev);

// Fills everything but the keys of a cgroup_summary.
void cgroup_cell_summary(const struct cgroup_cell *cell, struct event *summary);

// Adds all of from (whose place among the processes is not moved).
void cgroup_cell_merge(struct cgroup_cell *into, const struct cgroup_cell *from);
