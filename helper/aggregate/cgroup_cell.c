// SPDX-License-Identifier: Apache-2.0

#include "helper/aggregate/cgroup_cell.h"

void cgroup_last_set(struct cgroup_last *last, uint64_t at_us, uint64_t value)
{
    if (at_us > last->at_us || (at_us == last->at_us && value > last->value))
        *last = (struct cgroup_last){at_us, value};
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

#define X(group, name)                                                                             \
    static void take_##group(struct cgroup_cell *c, const struct cgroup_##group##_reading *r)      \
    {                                                                                              \
        if (r->at_us && (!c->first_##group.at_us || r->at_us < c->first_##group.at_us))            \
            c->first_##group = *r;                                                                 \
        if (r->at_us > c->last_##group.at_us)                                                      \
            c->last_##group = *r;                                                                  \
    }
CGROUP_READING_GROUPS(X)
#undef X

static void add_state(struct cgroup_cell *c, const struct event *ev)
{
    const struct ev_cgroup_state *s = &ev->cgroup_state;
#define TAKE(key)                                                                                  \
    if (EVENT_HAS(ev, cgroup_state, key))                                                          \
        cgroup_last_set(&c->key, ev->ts_us, s->key);
    TAKE(cpu_quota_ns)
    TAKE(cpu_period_ns)
    TAKE(memory_max_bytes)
    TAKE(pids_max)
    TAKE(memory_bytes)
    TAKE(pids)
    TAKE(processes)
#undef TAKE
    if (EVENT_HAS(ev, cgroup_state, throttled_ns))
        take_throttle(c, &(struct cgroup_throttle_reading){ev->ts_us, s->periods, s->throttled,
                                                           s->throttled_ns});
    if (EVENT_HAS(ev, cgroup_state, run_ns) || EVENT_HAS(ev, cgroup_state, oom_kills))
        take_used(c, &(struct cgroup_used_reading){ev->ts_us, s->run_ns, s->oom_kills,
                                                   s->oom_kills_below});
}

static void note_traffic(struct cgroup_cell *c, bool known)
{
    c->has_traffic |= known;
    c->lacks_traffic |= !known;
}

static void add_summary(struct cgroup_cell *c, const struct event *ev)
{
    const struct ev_cgroup_summary *s = &ev->cgroup_summary;
    struct cgroup_cell from = {.max_latency_ns = s->max_latency_ns,
                               .processes = {s->processes_us, s->processes},
                               .born_us = s->born_us,
                               .gone_us = s->gone_us,
                               .first_us = s->first_us,
                               .last_us = s->last_us};
#define X(key) from.key = s->key;
    CGROUP_COUNTERS(X)
    CGROUP_TRAFFIC(X)
#undef X
    // without any use of the network there is nothing that it could lack
    if (s->tx_bytes | s->rx_bytes | s->connects | s->accepts | s->retransmits)
        note_traffic(&from, EVENT_HAS(ev, cgroup_summary, tx_bytes));
#define X(key) from.key = (struct cgroup_last){s->key##_us, s->key};
    CGROUP_STATES(X)
#undef X
#define X(group, name)                                                                             \
    from.first_##group.at_us = s->first_##name##_us;                                               \
    from.last_##group.at_us = s->last_##name##_us;
    CGROUP_READING_GROUPS(X)
#undef X
#define X(group, key)                                                                              \
    from.first_##group.key = s->first_##key;                                                       \
    from.last_##group.key = s->last_##key;
    CGROUP_READINGS(X)
#undef X
    cgroup_cell_merge(c, &from);
}

static void add_interval(struct cgroup_cell *c, const struct event *ev)
{
#define ADD(event, key) c->key += ev->event.key
    switch (ev->type) {
    case EV_cgroup_cpu:
        ADD(cgroup_cpu, run_ns);
        ADD(cgroup_cpu, wait_ns);
        break;
    case EV_cgroup_net:
        note_traffic(c, EVENT_HAS(ev, cgroup_net, tx_bytes));
        ADD(cgroup_net, tx_bytes);
        ADD(cgroup_net, rx_bytes);
        ADD(cgroup_net, tx_packets);
        ADD(cgroup_net, rx_packets);
        ADD(cgroup_net, connects);
        ADD(cgroup_net, accepts);
        ADD(cgroup_net, retransmits);
        break;
    case EV_cgroup_io:
        ADD(cgroup_io, read_bytes);
        ADD(cgroup_io, write_bytes);
        ADD(cgroup_io, reads);
        ADD(cgroup_io, writes);
        ADD(cgroup_io, latency_ns);
        c->max_latency_ns = later(c->max_latency_ns, ev->cgroup_io.max_latency_ns);
        break;
    case EV_cgroup_mem:
        ADD(cgroup_mem, direct_reclaims);
        ADD(cgroup_mem, direct_reclaim_ns);
        ADD(cgroup_mem, limit_reclaims);
        ADD(cgroup_mem, limit_reclaim_ns);
        break;
    default:
        break;
    }
#undef ADD
}

void cgroup_cell_add(struct cgroup_cell *c, const struct event *ev)
{
    if (ev->type == EV_cgroup_summary) {
        add_summary(c, ev);
        return;
    }
    c->first_us = earlier(c->first_us, ev->ts_us);
    c->last_us = later(c->last_us, ev->ts_us);
    switch (ev->type) {
    case EV_cgroup_state:
        add_state(c, ev);
        break;
    case EV_cgroup_mkdir:
        c->born_us = earlier(c->born_us, ev->ts_us);
        break;
    case EV_cgroup_rmdir:
    case EV_cgroup_release:
        c->gone_us = earlier(c->gone_us, ev->ts_us);
        break;
    case EV_cgroup_frozen:
        cgroup_last_set(&c->frozen, ev->ts_us, ev->cgroup_frozen.frozen);
        break;
    case EV_cgroup_oom:
        c->oom_events++;
        break;
    default:
        add_interval(c, ev);
    }
}

void cgroup_cell_merge(struct cgroup_cell *into, const struct cgroup_cell *from)
{
#define X(key) into->key += from->key;
    CGROUP_COUNTERS(X)
    CGROUP_TRAFFIC(X)
#undef X
    into->has_traffic |= from->has_traffic;
    into->lacks_traffic |= from->lacks_traffic;
#define X(key) cgroup_last_set(&into->key, from->key.at_us, from->key.value);
    CGROUP_STATES(X)
    X(processes)
#undef X
    into->max_latency_ns = later(into->max_latency_ns, from->max_latency_ns);
#define X(group, name)                                                                             \
    take_##group(into, &from->first_##group);                                                      \
    take_##group(into, &from->last_##group);
    CGROUP_READING_GROUPS(X)
#undef X
    into->born_us = earlier(into->born_us, from->born_us);
    into->gone_us = earlier(into->gone_us, from->gone_us);
    into->first_us = earlier(into->first_us, from->first_us);
    into->last_us = later(into->last_us, from->last_us);
}

static void summarise_readings(const struct cgroup_cell *c, struct event *out)
{
#define X(group, name)                                                                             \
    if (c->first_##group.at_us) {                                                                  \
        EVENT_SET(out, cgroup_summary, first_##name##_us, c->first_##group.at_us);                 \
        EVENT_SET(out, cgroup_summary, last_##name##_us, c->last_##group.at_us);                   \
    }
    CGROUP_READING_GROUPS(X)
#undef X
#define X(group, key)                                                                              \
    if (c->first_##group.at_us) {                                                                  \
        EVENT_SET(out, cgroup_summary, first_##key, c->first_##group.key);                         \
        EVENT_SET(out, cgroup_summary, last_##key, c->last_##group.key);                           \
    }
    CGROUP_READINGS(X)
#undef X
}

void cgroup_cell_summary(const struct cgroup_cell *c, struct event *out)
{
#define X(key) EVENT_SET(out, cgroup_summary, key, c->key);
    CGROUP_COUNTERS(X)
    if (cgroup_knows_traffic(c)) {
        CGROUP_TRAFFIC(X)
    }
#undef X
#define X(key)                                                                                     \
    if (c->key.at_us) {                                                                            \
        EVENT_SET(out, cgroup_summary, key, c->key.value);                                         \
        EVENT_SET(out, cgroup_summary, key##_us, c->key.at_us);                                    \
    }
    CGROUP_STATES(X)
#undef X
#define X(key)                                                                                     \
    if (c->key)                                                                                    \
        EVENT_SET(out, cgroup_summary, key, c->key);
    X(max_latency_ns)
    X(born_us)
    X(gone_us)
    X(first_us)
    X(last_us)
#undef X
    struct cgroup_last processes = c->processes;
    if (c->placed_us)
        cgroup_last_set(&processes, c->placed_us, c->placed);
    if (processes.at_us) {
        EVENT_SET(out, cgroup_summary, processes, processes.value);
        EVENT_SET(out, cgroup_summary, processes_us, processes.at_us);
    }
    summarise_readings(c, out);
}
