// SPDX-License-Identifier: Apache-2.0

#include "helper/aggregate/rtt_path.h"
#include "schema/encode.h"

#include <string.h>

// Versions of clang-format differ in the braces of a macro.
// clang-format off
#define WORD(literal) {(literal), sizeof(literal) - 1}
// clang-format on
static const struct text state_names[] = {[PATH_UNKNOWN] = {NULL, 0},
                                          [PATH_UP] = WORD("up"),
                                          [PATH_UNCONFIRMED] = WORD("unconfirmed"),
                                          [PATH_PF] = WORD("pf"),
                                          [PATH_DOWN] = WORD("down")};

static const struct text skip_names[] = {
    [SKIP_NONE] = {NULL, 0}, [SKIP_DATA] = WORD("data"), [SKIP_DISABLED] = WORD("disabled")};
#undef WORD

const char *path_state_name(enum path_state state)
{
    return state_names[state].ptr;
}

// The number of word in names, or 0.
static uint64_t number_of(struct text word, const struct text *names, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (text_equal(word, names[i]))
            return i;
    return 0;
}

void latest_set(struct latest *l, uint64_t at_us, uint64_t value, uint64_t second)
{
    struct latest new = {at_us, value, second};
    bool later = at_us != l->at_us   ? at_us > l->at_us
                 : value != l->value ? value > l->value
                                     : second > l->second;
    if (later)
        *l = new;
}

static void keep_max(uint64_t *into, uint64_t value)
{
    if (value > *into)
        *into = value;
}

static void set_laddr(struct rtt_path *p, uint64_t at_us, struct ip_addr laddr)
{
    if (at_us < p->laddr_us ||
        (at_us == p->laddr_us && memcmp(&laddr, &p->laddr, sizeof(laddr)) <= 0))
        return;
    p->laddr_us = at_us;
    p->laddr = laddr;
}

static void set_state(struct rtt_path *p, uint64_t at_us, struct text word)
{
    uint64_t state = number_of(word, state_names, sizeof(state_names) / sizeof(*state_names));
    if (state)
        latest_set(&p->state, at_us, state, 0);
}

static bool add_rtt(struct rtt_path *p, uint64_t rtt_ns)
{
    if (p->rtt.total == 0 || rtt_ns < p->min_ns)
        p->min_ns = rtt_ns;
    keep_max(&p->max_ns, rtt_ns);
    p->sum_ns += rtt_ns;
    p->sumsq_ns2 += (uint128)rtt_ns * rtt_ns;
    return sketch_add(&p->rtt, rtt_ns, 1) == 0;
}

// Where the path sends from: of what we sent, and of its answers.
#define ADD_LADDR(p, ev, event)                                                                    \
    do {                                                                                           \
        if (EVENT_HAS(ev, event, laddr) && !ip_is_unspecified((ev)->event.laddr))                  \
            set_laddr(p, (ev)->ts_us, (ev)->event.laddr);                                          \
    } while (0)

// What sctp_hb_sent and sctp_hb_ack have in common beside the path keys.
#define ADD_TIMING_AND_STATE(p, ev, event)                                                         \
    do {                                                                                           \
        ADD_LADDR(p, ev, event);                                                                   \
        if (EVENT_HAS(ev, event, hb_interval_us) && EVENT_HAS(ev, event, rto_us))                  \
            latest_set(&(p)->timing, (ev)->ts_us, (ev)->event.hb_interval_us, (ev)->event.rto_us); \
        if (EVENT_HAS(ev, event, state))                                                           \
            set_state(p, (ev)->ts_us, (ev)->event.state);                                          \
    } while (0)

static bool add_ack(struct rtt_path *p, const struct event *ev)
{
    const struct ev_sctp_hb_ack *ack = &ev->sctp_hb_ack;
    bool ok = text_equal(ack->verdict, TEXT_LITERAL("ok"));
    bool late = !ok && text_equal(ack->verdict, TEXT_LITERAL("late"));
    if (ok) {
        p->acked++;
        keep_max(&p->last_ack_us, ev->ts_us);
    } else if (late) {
        p->late++;
        keep_max(&p->last_late_us, ev->ts_us);
    } else {
        p->discarded++;
    }
    ADD_TIMING_AND_STATE(p, ev, sctp_hb_ack);
    if (EVENT_HAS(ev, sctp_hb_ack, kernel_srtt_us))
        latest_set(&p->srtt, ev->ts_us, ack->kernel_srtt_us, 0);
    if ((ok || late) && EVENT_HAS(ev, sctp_hb_ack, rtt_ns))
        return add_rtt(p, ack->rtt_ns);
    return true;
}

static bool add_summary(struct rtt_path *p, const struct ev_rtt_summary *s, const struct event *ev)
{
    struct rtt_path from = {
        .sent = s->sent,
        .acked = s->acked,
        .missed = s->missed,
        .late = s->late,
        .discarded = s->discarded,
        .received = s->received,
        .probes_sent = s->probes_sent,
        .probes_acked = s->probes_acked,
        .min_ns = s->min_ns,
        .max_ns = s->max_ns,
        .sum_ns = s->sum_ns,
        .sumsq_ns2 = (uint128)s->sumsq_hi << 64 | s->sumsq_lo,
        .last_sent_us = s->last_sent_us,
        .last_ack_us = s->last_ack_us,
        .last_late_us = s->last_late_us,
        .last_recv_us = s->last_recv_us,
        .miss = {s->last_miss_us, s->miss_since_us, s->outstanding},
        .timing = {s->timing_us, s->hb_interval_us, s->rto_us},
        .srtt = {s->srtt_us, s->kernel_srtt_us, 0},
        .state = {s->state_us, number_of(s->state, state_names, PATH_DOWN + 1), 0},
        .skip = {s->skip_us, number_of(s->skip_reason, skip_names, SKIP_DISABLED + 1), 0},
        .laddr = s->laddr,
        .laddr_us = EVENT_HAS(ev, rtt_summary, laddr) ? s->laddr_us : 0,
    };
    bool ok = !EVENT_HAS(ev, rtt_summary, sketch) || sketch_read(&from.rtt, s->sketch) == 0;
    ok = ok && rtt_path_merge(p, &from);
    rtt_path_release(&from);
    return ok;
}

bool rtt_path_add(struct rtt_path *p, const struct event *ev)
{
    switch (ev->type) {
    case EV_sctp_hb_sent:
        p->sent++;
        keep_max(&p->last_sent_us, ev->ts_us);
        ADD_TIMING_AND_STATE(p, ev, sctp_hb_sent);
        break;
    case EV_sctp_hb_ack:
        return add_ack(p, ev);
    case EV_sctp_hb_miss:
        ADD_LADDR(p, ev, sctp_hb_miss);
        p->missed++;
        latest_set(&p->miss, ev->ts_us, ev->sctp_hb_miss.since_us, ev->sctp_hb_miss.outstanding);
        break;
    case EV_sctp_hb_skip:
        ADD_LADDR(p, ev, sctp_hb_skip);
        latest_set(&p->skip, ev->ts_us,
                   number_of(ev->sctp_hb_skip.reason, skip_names, SKIP_DISABLED + 1), 0);
        break;
    case EV_sctp_hb_recv:
        p->received++;
        keep_max(&p->last_recv_us, ev->ts_us);
        break;
    case EV_sctp_pmtu_probe:
        ADD_LADDR(p, ev, sctp_pmtu_probe);
        *(ev->sctp_pmtu_probe.acked ? &p->probes_acked : &p->probes_sent) += 1;
        break;
    case EV_sctp_path:
        set_state(p, ev->ts_us, ev->sctp_path.to);
        break;
    case EV_rtt_summary:
        return add_summary(p, &ev->rtt_summary, ev);
    default:
        break;
    }
    return true;
}

static void merge_latest(struct latest *into, const struct latest *from)
{
    if (from->at_us)
        latest_set(into, from->at_us, from->value, from->second);
}

bool rtt_path_merge(struct rtt_path *into, const struct rtt_path *from)
{
    into->sent += from->sent;
    into->acked += from->acked;
    into->missed += from->missed;
    into->late += from->late;
    into->discarded += from->discarded;
    into->received += from->received;
    into->probes_sent += from->probes_sent;
    into->probes_acked += from->probes_acked;
    if (from->rtt.total) {
        if (into->rtt.total == 0 || from->min_ns < into->min_ns)
            into->min_ns = from->min_ns;
        keep_max(&into->max_ns, from->max_ns);
        into->sum_ns += from->sum_ns;
        into->sumsq_ns2 += from->sumsq_ns2;
    }
    keep_max(&into->last_sent_us, from->last_sent_us);
    keep_max(&into->last_ack_us, from->last_ack_us);
    keep_max(&into->last_late_us, from->last_late_us);
    keep_max(&into->last_recv_us, from->last_recv_us);
    merge_latest(&into->miss, &from->miss);
    merge_latest(&into->timing, &from->timing);
    merge_latest(&into->srtt, &from->srtt);
    merge_latest(&into->state, &from->state);
    merge_latest(&into->skip, &from->skip);
    if (from->laddr_us)
        set_laddr(into, from->laddr_us, from->laddr);
    return sketch_merge(&into->rtt, &from->rtt) == 0;
}

void rtt_path_release(struct rtt_path *p)
{
    sketch_free(&p->rtt);
}

#define SET(key, value) EVENT_SET(out, rtt_summary, key, value)
#define SET_IF(key, value)                                                                         \
    do {                                                                                           \
        if (value)                                                                                 \
            SET(key, value);                                                                       \
    } while (0)

static void summarise_registers(const struct rtt_path *p, struct event *out)
{
    SET_IF(last_sent_us, p->last_sent_us);
    SET_IF(last_ack_us, p->last_ack_us);
    SET_IF(last_late_us, p->last_late_us);
    SET_IF(last_recv_us, p->last_recv_us);
    if (p->miss.at_us) {
        SET(last_miss_us, p->miss.at_us);
        SET(miss_since_us, p->miss.value);
        SET(outstanding, p->miss.second);
    }
    if (p->timing.at_us) {
        SET(timing_us, p->timing.at_us);
        SET(hb_interval_us, p->timing.value);
        SET(rto_us, p->timing.second);
    }
    if (p->srtt.at_us) {
        SET(srtt_us, p->srtt.at_us);
        SET(kernel_srtt_us, p->srtt.value);
    }
    if (p->state.at_us) {
        SET(state_us, p->state.at_us);
        SET(state, state_names[p->state.value]);
    }
    if (p->skip.at_us && p->skip.value) {
        SET(skip_us, p->skip.at_us);
        SET(skip_reason, skip_names[p->skip.value]);
    }
    if (p->laddr_us) {
        SET(laddr_us, p->laddr_us);
        SET(laddr, p->laddr);
    }
}

void rtt_path_summary(const struct rtt_path *p, struct event *out, char *sketch)
{
    SET(sent, p->sent);
    SET(acked, p->acked);
    SET(missed, p->missed);
    SET(late, p->late);
    SET(discarded, p->discarded);
    SET(received, p->received);
    SET(probes_sent, p->probes_sent);
    SET(probes_acked, p->probes_acked);
    if (p->rtt.total) {
        size_t len = sketch_write(&p->rtt, sketch, EVENT_LINE_MAX);
        SET(min_ns, p->min_ns);
        SET(max_ns, p->max_ns);
        SET(sum_ns, p->sum_ns);
        SET(sumsq_hi, (uint64_t)(p->sumsq_ns2 >> 64));
        SET(sumsq_lo, (uint64_t)p->sumsq_ns2);
        SET(sketch, ((struct text){sketch, len}));
    }
    summarise_registers(p, out);
}

uint64_t rtt_path_mean_ns(const struct rtt_path *p)
{
    return p->rtt.total ? p->sum_ns / p->rtt.total : 0;
}

// Largest r with r * r <= value.
static uint64_t square_root(uint128 value)
{
    uint128 low = 0, high = (uint128)1 << 64;
    while (high - low > 1) {
        uint128 middle = low + (high - low) / 2;
        if (middle * middle <= value)
            low = middle;
        else
            high = middle;
    }
    return (uint64_t)low;
}

uint64_t rtt_path_jitter_ns(const struct rtt_path *p)
{
    uint64_t n = p->rtt.total;
    if (n == 0)
        return 0;
    // variance = (n * sum of squares - square of the sum) / n^2; the products fit for any real RTT,
    // and where they would not, dividing first is exact enough
    uint128 scaled, square = (uint128)p->sum_ns * p->sum_ns;
    if (!__builtin_mul_overflow(p->sumsq_ns2, (uint128)n, &scaled))
        return square_root((scaled - square) / ((uint128)n * n));
    uint128 mean = p->sum_ns / n;
    return square_root(p->sumsq_ns2 / n - mean * mean);
}

uint64_t rtt_path_quantile_ns(const struct rtt_path *p, uint32_t quantile_ppm)
{
    uint64_t value = sketch_quantile(&p->rtt, quantile_ppm);
    return value < p->min_ns ? p->min_ns : value > p->max_ns ? p->max_ns : value;
}
