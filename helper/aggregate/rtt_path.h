// SPDX-License-Identifier: Apache-2.0
//
// rtt_path.h - what is known of an SCTP path: counts that add, extremes, and registers that keep
// what was said last. Everything here merges in any order, so a path is the same whether it was
// built from events, from summaries, or from both.
#pragma once

#include "helper/aggregate/sketch.h"
#include "schema/events.h"

// What was said last, and when. At equal times the larger value stands, whatever the order.
struct latest {
    uint64_t at_us; // 0: nothing was said
    uint64_t value, second;
};

void latest_set(struct latest *l, uint64_t at_us, uint64_t value, uint64_t second);

enum path_state { PATH_UNKNOWN, PATH_UP, PATH_UNCONFIRMED, PATH_PF, PATH_DOWN };
enum path_skip { SKIP_NONE, SKIP_DATA, SKIP_DISABLED };

__extension__ typedef unsigned __int128 uint128;

// What an ACK touches stands first: it is what keymap_prefetch() fetches.
struct rtt_path {
    uint64_t acked, last_ack_us;
    struct latest timing;    // hb_interval_us, rto_us
    struct latest state;     // enum path_state
    struct latest srtt;      // kernel_srtt_us
    uint64_t min_ns, max_ns; // of sketch.total values; 0, 0 without any
    uint64_t sum_ns;
    struct sketch rtt; // ns, of accepted and of late ACKs: both are true round trips
    uint128 sumsq_ns2;
    struct ip_addr laddr;
    uint64_t laddr_us; // when laddr was said; 0: never
    uint64_t sent, last_sent_us, received, last_recv_us;
    uint64_t missed, late, last_late_us, discarded, probes_sent, probes_acked;
    struct latest miss; // since_us, outstanding
    struct latest skip; // enum path_skip
};

// Adds an event of this path. False if there is no memory.
bool rtt_path_add(struct rtt_path *path, const struct event *ev);
bool rtt_path_merge(struct rtt_path *into, const struct rtt_path *from);
void rtt_path_release(struct rtt_path *path);

// Fills everything but the keys of an rtt_summary. sketch must have room for EVENT_LINE_MAX bytes
// and outlive the event.
void rtt_path_summary(const struct rtt_path *path, struct event *summary, char *sketch);

const char *path_state_name(enum path_state state);

// Mean, and standard deviation (ping calls it mdev), both rounded down; 0 without values.
uint64_t rtt_path_mean_ns(const struct rtt_path *path);
uint64_t rtt_path_jitter_ns(const struct rtt_path *path);

// A quantile within min_ns..max_ns.
uint64_t rtt_path_quantile_ns(const struct rtt_path *path, uint32_t quantile_ppm);
