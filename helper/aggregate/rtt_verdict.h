// SPDX-License-Identifier: Apache-2.0
//
// rtt_verdict.h - what to call a path, and why.
#pragma once

#include "helper/aggregate/rtt_path.h"
#include "helper/report/report.h"

// From worst to best: rows are sorted by it.
enum rtt_verdict {
    VERDICT_STALLED,  // a heartbeat is unanswered beyond its deadline
    VERDICT_NEVER,    // the same, and none was ever answered
    VERDICT_DOWN,     // the kernel gave the path up
    VERDICT_PF,       // potentially failed (RFC 7829)
    VERDICT_LOSSY,    // heartbeats or their ACKs get lost
    VERDICT_LATE,     // ACKs come too late to count for the kernel
    VERDICT_DISABLED, // heartbeats are switched off
    VERDICT_QUIET,    // no heartbeats because DATA flows, or none was due
    VERDICT_OK,
    VERDICT_CLOSED, // the association is over
};

const char *rtt_verdict_name(enum rtt_verdict verdict);
enum check_state rtt_verdict_state(enum rtt_verdict verdict);

// Age of the oldest heartbeat without an answer, at now_us; 0 if all were answered.
uint64_t rtt_unanswered_age_us(const struct rtt_path *path, uint64_t now_us);

// How long an answer may take: the heartbeat interval plus the RTO, after which the kernel itself
// discards the ACK (sctp_sf_backbeat_8_3). 31 s, the kernel's default, where the path did not say.
uint64_t rtt_deadline_us(const struct rtt_path *path);

// Heartbeats without an answer, in parts per million of those sent; the one under way does not
// count.
uint64_t rtt_loss_ppm(const struct rtt_path *path, uint64_t now_us);

// The verdict, with its evidence in words in why. over_us: when the association ended, or 0.
enum rtt_verdict rtt_judge(const struct rtt_path *path, uint64_t now_us, uint64_t over_us,
                           char *why, size_t why_size);
