// SPDX-License-Identifier: Apache-2.0
//
// lint_sctp.c - heartbeats that cannot be.

#include "helper/lint/lint.h"

#include <inttypes.h>
#include <string.h>

struct lint_path_key {
    uint64_t netns, assoc_id;
    struct ip_addr raddr;
    uint32_t host;
    uint16_t lport, rport;
};

// ACKs of a path, one after the other, whose rtt_ns can be told to be of another unit.
struct lint_run {
    uint64_t length;
    uint64_t unit_us;                   // 1000 if it is milliseconds, 1 microseconds
    uint64_t line, rtt_ns, expected_us; // the first one
    const char *source;
};

struct lint_path {
    uint64_t sent_us;  // last heartbeat; 0: none seen
    uint64_t first_us; // the first
    struct lint_run wrong_unit;
};

// The kernel counts in jiffies, of 10 ms at most: what is made of two can be off by one at either
// end.
enum { JIFFIES_US = 20000 };

// One ACK may agree with another unit by chance, not so many.
enum { WRONG_UNIT_ACKS = 4 };
// The kernel takes an eighth of its smoothed RTT away for each answer that is faster, in whole
// jiffies: below eight of them it never falls, so it may tell for ever of a delay that was once.
enum { SRTT_US_MIN = 80000 };

size_t lint_path_size(void)
{
    return sizeof(struct lint_path);
}

size_t lint_path_key_size(void)
{
    return sizeof(struct lint_path_key);
}

static struct lint_path *path_of(struct lint *l, const struct event *ev, uint64_t netns,
                                 uint64_t assoc_id, struct ip_addr raddr, uint64_t lport,
                                 uint64_t rport)
{
    struct lint_path_key key;
    memset(&key, 0, sizeof(key)); // padding is part of the key
    key.netns = netns;
    key.assoc_id = assoc_id;
    key.raddr = raddr;
    key.host = intern_id(l->words, ev->host);
    key.lport = (uint16_t)lport;
    key.rport = (uint16_t)rport;
    return keymap_cell(l->paths, &key, keymap_hash(l->paths, &key));
}

#define PATH_OF(l, ev, event)                                                                      \
    path_of(l, ev, (ev)->event.netns, (ev)->event.assoc_id, (ev)->event.raddr, (ev)->event.lport,  \
            (ev)->event.rport)

static void check_rto(struct lint *l, uint64_t rto_us)
{
    if (rto_us && rto_us < 1000) // the kernel counts it in jiffies, 1 ms at best
        lint_say(l, "unit", "rto_us %" PRIu64 " is below a jiffy: milliseconds labelled us?",
                 rto_us);
}

// sctp_sf_backbeat_8_3 discards an ACK that is older than interval + RTO, as they are when it
// comes. Those of the HEARTBEAT say nothing: as soon as it is made, the RTO may be doubled for one
// that is unanswered.
static void check_age(struct lint *l, const struct ev_sctp_hb_ack *ack, bool ok)
{
    uint64_t deadline_us = ack->hb_interval_us + ack->rto_us;
    if (ok && ack->rtt_ns / 1000 > deadline_us + JIFFIES_US)
        lint_say(l, "rtt",
                 "rtt_ns %" PRIu64 " is above interval + RTO (%" PRIu64
                 " us): the kernel would call the ACK late",
                 ack->rtt_ns, deadline_us);
    else if (!ok && ack->rtt_ns / 1000 + JIFFIES_US < deadline_us)
        lint_say(l, "rtt", "late with rtt_ns %" PRIu64 ", below interval + RTO (%" PRIu64 " us)",
                 ack->rtt_ns, deadline_us);
}

// Whether value is about part, within a tenth.
static bool is_about(uint64_t value, uint64_t part)
{
    return part && value / part < UINT32_MAX && value * 10 >= part * 9 && value * 10 <= part * 11;
}

// What the stream itself says of how long the answer took: the time since the HEARTBEAT, else the
// kernel's smoothed RTT. 0: nothing.
static uint64_t expected_rtt_us(const struct event *ev, const struct lint_path *path)
{
    const struct ev_sctp_hb_ack *ack = &ev->sctp_hb_ack;
    uint64_t least_us = 100, us = 0;
    if (path->sent_us) {
        us = ev->ts_us > path->sent_us ? ev->ts_us - path->sent_us : 0;
    } else if (EVENT_HAS(ev, sctp_hb_ack, kernel_srtt_us)) {
        us = ack->kernel_srtt_us;
        least_us = SRTT_US_MIN;
    }
    return us >= least_us && us < UINT32_MAX ? us : 0;
}

static void say_wrong_unit(struct lint *l, const struct lint_run *run)
{
    uint64_t line = l->line;
    const char *source = l->source;
    l->line = run->line;
    l->source = run->source;
    lint_say(l, "unit",
             "rtt_ns %" PRIu64 ", yet the answer took about %" PRIu64 " us, and so do the next %d "
             "ACKs of this path: %s labelled ns",
             run->rtt_ns, run->expected_us, WRONG_UNIT_ACKS - 1,
             run->unit_us == 1 ? "microseconds" : "milliseconds");
    l->line = line;
    l->source = source;
}

static void check_unit(struct lint *l, const struct event *ev, struct lint_path *path,
                       uint64_t rtt_ns)
{
    struct lint_run *run = &path->wrong_unit;
    uint64_t expected_us = expected_rtt_us(ev, path);
    uint64_t unit_us = is_about(rtt_ns, expected_us)          ? 1
                       : is_about(rtt_ns, expected_us / 1000) ? 1000
                                                              : 0;
    if (rtt_ns < 1000)
        lint_say(l, "unit", "rtt_ns %" PRIu64 ": no answer comes within a microsecond", rtt_ns);
    if (!unit_us || unit_us != run->unit_us)
        *run = (struct lint_run){0, unit_us, l->line, rtt_ns, expected_us, l->source};
    if (unit_us && ++run->length == WRONG_UNIT_ACKS)
        say_wrong_unit(l, run);
}

static void check_ack(struct lint *l, const struct event *ev)
{
    const struct ev_sctp_hb_ack *ack = &ev->sctp_hb_ack;
    struct lint_path *path = PATH_OF(l, ev, sctp_hb_ack);
    bool ok = text_equal(ack->verdict, TEXT_LITERAL("ok"));
    bool late = text_equal(ack->verdict, TEXT_LITERAL("late"));
    if (!path)
        return;
    bool timed = EVENT_HAS(ev, sctp_hb_ack, hb_interval_us) && EVENT_HAS(ev, sctp_hb_ack, rto_us);
    if (timed)
        check_rto(l, ack->rto_us);
    if (!ok && !late)
        return;
    if (EVENT_HAS(ev, sctp_hb_ack, rtt_ns)) {
        if (timed)
            check_age(l, ack, ok);
        check_unit(l, ev, path, ack->rtt_ns);
    } else if (ok && timed && path->first_us &&
               ev->ts_us > path->first_us + ack->hb_interval_us + ack->rto_us + JIFFIES_US) {
        // one that was made before tracing began would be too old by now
        lint_say(l, "rtt", "an accepted ACK without rtt_ns");
    }
}

static void check_miss(struct lint *l, const struct event *ev)
{
    const struct ev_sctp_hb_miss *miss = &ev->sctp_hb_miss;
    if (miss->outstanding == 0)
        lint_say(l, "miss", "a miss with outstanding 0");
    if (miss->since_us == 0 || miss->since_us > ev->ts_us)
        lint_say(l, "miss", "since_us %" PRIu64 " is no age", miss->since_us);
}

void lint_sctp(struct lint *l, const struct event *ev)
{
    const struct ev_sctp_hb_sent *sent = &ev->sctp_hb_sent;
    struct lint_path *path;
    switch (ev->type) {
    case EV_sctp_hb_sent:
        path = PATH_OF(l, ev, sctp_hb_sent);
        if (!path)
            break;
        path->sent_us = ev->ts_us;
        if (!path->first_us)
            path->first_us = ev->ts_us;
        if (EVENT_HAS(ev, sctp_hb_sent, rto_us))
            check_rto(l, sent->rto_us);
        break;
    case EV_sctp_hb_ack:
        check_ack(l, ev);
        break;
    case EV_sctp_hb_miss:
        check_miss(l, ev);
        break;
    default:
        break;
    }
}
