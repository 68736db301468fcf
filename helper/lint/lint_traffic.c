// SPDX-License-Identifier: Apache-2.0
//
// lint_traffic.c - bytes, packets and intervals that cannot be.

#include "helper/lint/lint.h"

#include <inttypes.h>
#include <string.h>

struct lint_interval_key {
    uint32_t type, host, text; // of the event; its interface or cgroup
    uint32_t number;           // its port
};

struct lint_interval {
    uint64_t ends_us;
    // of key type EV_flow: the source in which the interface's begin came, and what came since
    uint64_t begun_in;
    struct flows_at {
        uint64_t ts_us, count;
    } flows[2]; // two producers can count one interface, and their lines come mixed
};

enum {
    IP_HEADER_MIN = 20,
    IP_PACKET_MAX = 8 * 65535, // GRO_MAX_SIZE: generic XDP sees what GRO merged
};
static const uint64_t overlap_us = 100000; // timers are late now and then
static const uint64_t cpus_max = 8192;     // NR_CPUS of the largest kernels

size_t lint_interval_size(void)
{
    return sizeof(struct lint_interval);
}

size_t lint_interval_key_size(void)
{
    return sizeof(struct lint_interval_key);
}

// Two intervals of one counter that overlap count the same bytes twice.
static void check_overlap(struct lint *l, const struct event *ev, struct text text, uint64_t number,
                          uint64_t interval_us)
{
    const struct lint_interval_key key = {(uint32_t)ev->type, intern_id(l->words, ev->host),
                                          intern_id(l->words, text), (uint32_t)number};
    struct lint_interval *interval =
        keymap_cell(l->intervals, &key, keymap_hash(l->intervals, &key));
    if (!interval)
        return;
    if (interval->ends_us && ev->ts_us - interval_us + overlap_us < interval->ends_us &&
        ev->ts_us >= interval->ends_us)
        lint_say(l, "interval",
                 "the interval begins %" PRIu64 " us before the one ahead of it ends",
                 interval->ends_us - (ev->ts_us - interval_us));
    interval->ends_us = ev->ts_us;
}

// packet_min: the smallest packet that has any bytes.
static void check_pair(struct lint *l, const char *what, uint64_t bytes, uint64_t packets,
                       uint64_t packet_min, uint64_t packet_max)
{
    if (bytes && !packets)
        lint_say(l, "bytes", "%s: %" PRIu64 " bytes in no packet", what, bytes);
    else if (packet_min && packets > bytes / packet_min)
        lint_say(l, "bytes", "%s: %" PRIu64 " packets of less than %" PRIu64 " bytes each", what,
                 packets, packet_min);
    else if (packets && packet_max && bytes / packets > packet_max)
        lint_say(l, "bytes", "%s: more than %" PRIu64 " bytes a packet", what, packet_max);
}

// What is known of an interface's flow events; NULL if there is no room.
static struct lint_interval *flows_of(struct lint *l, struct text host, struct text iface)
{
    const struct lint_interval_key key = {EV_flow, intern_id(l->words, host),
                                          intern_id(l->words, iface), 0};
    return keymap_cell(l->intervals, &key, keymap_hash(l->intervals, &key));
}

// A stream that is cut at its start, or filtered, need not have all flow events: only one that has
// its begin is held to what its totals say. A producer says its host in begin alone, unless the
// stream was recorded, which stamps all lines with both host and seq.
static void take_begin(struct lint *l, const struct event *ev)
{
    const struct text hosts[] = {ev->host, {0}};
    for (size_t i = 0; EVENT_HAS(ev, begin, iface) && i < (ev->seq ? 1 : 2); i++) {
        struct lint_interval *known = flows_of(l, hosts[i], ev->begin.iface);
        if (known)
            known->begun_in = l->sources;
    }
}

// The count of the interval that ends at ts_us, as all its lines say. The older one makes room.
static uint64_t *flows_at(struct lint_interval *known, uint64_t ts_us)
{
    struct flows_at *f = known->flows;
    for (size_t i = 0; i < 2; i++)
        if (f[i].ts_us == ts_us)
            return &f[i].count;
    f += f[0].ts_us > f[1].ts_us;
    *f = (struct flows_at){.ts_us = ts_us};
    return &f->count;
}

static void count_flow(struct lint *l, const struct event *ev)
{
    struct lint_interval *known = flows_of(l, ev->host, ev->flow.iface);
    if (known && known->begun_in == l->sources)
        ++*flows_at(known, ev->ts_us);
}

static void check_flow_count(struct lint *l, const struct event *ev)
{
    struct lint_interval *known = flows_of(l, ev->host, ev->traffic_totals.iface);
    if (!known || known->begun_in != l->sources)
        return;
    uint64_t *count = flows_at(known, ev->ts_us), said = ev->traffic_totals.flows;
    if (EVENT_HAS(ev, traffic_totals, flows) && *count != said)
        lint_say(l, "flows",
                 "the interval has %" PRIu64 " flow events, yet traffic_totals says %" PRIu64
                 ": lines are %s",
                 *count, said, *count < said ? "missing" : "repeated");
    *count = 0;
}

static void check_flow(struct lint *l, const struct event *ev)
{
    const struct ev_flow *f = &ev->flow;
    check_pair(l, "up", f->bytes_up, f->packets_up, IP_HEADER_MIN, IP_PACKET_MAX);
    check_pair(l, "down", f->bytes_down, f->packets_down, IP_HEADER_MIN, IP_PACKET_MAX);
    if (EVENT_HAS(ev, flow, proto) && f->proto > 255)
        lint_say(l, "range", "proto %" PRIu64 " is no IP protocol", f->proto);
    if (f->packets_up == 0 && f->packets_down == 0 && f->bytes_up == 0 && f->bytes_down == 0)
        lint_say(l, "bytes", "a flow without a packet");
    count_flow(l, ev);
}

static void check_overflow(struct lint *l, const struct event *ev)
{
    const struct ev_traffic_overflow *o = &ev->traffic_overflow;
    check_pair(l, "up", o->bytes_up, o->packets_up, IP_HEADER_MIN, IP_PACKET_MAX);
    check_pair(l, "down", o->bytes_down, o->packets_down, IP_HEADER_MIN, IP_PACKET_MAX);
    if (o->packets_up == 0 && o->packets_down == 0)
        lint_say(l, "bytes", "overflow without a packet");
}

static void check_totals(struct lint *l, const struct event *ev)
{
    const struct ev_traffic_totals *t = &ev->traffic_totals;
    uint64_t packets = 0, bytes = 0;
#define COUNTER(name)                                                                              \
    packets += t->name##_packets;                                                                  \
    bytes += t->name##_bytes;                                                                      \
    check_pair(l, #name, t->name##_bytes, t->name##_packets, 0, 0);
    COUNTER(accounted)
    COUNTER(overflow)
    COUNTER(not_ours)
    COUNTER(non_ip)
    COUNTER(bad_header)
    COUNTER(outer_fragments)
    COUNTER(rejected_outer)
#undef COUNTER
    if (packets != t->seen_packets)
        lint_say(l, "sum", "seen_packets %" PRIu64 ", yet its parts sum up to %" PRIu64,
                 t->seen_packets, packets);
    if (bytes != t->seen_bytes)
        lint_say(l, "sum", "seen_bytes %" PRIu64 ", yet its parts sum up to %" PRIu64,
                 t->seen_bytes, bytes);
    check_overlap(l, ev, t->iface, 0, t->interval_us);
    check_flow_count(l, ev);
}

// bytes_max: those of one message. sockredir counts a message and then its bytes, and may be read
// in between: each CPU can have one that has no bytes yet.
static void check_messages(struct lint *l, const char *what, uint64_t bytes, uint64_t msgs,
                           uint64_t bytes_max)
{
    if (bytes && !msgs)
        lint_say(l, "bytes", "%s: %" PRIu64 " bytes in no message", what, bytes);
    else if (msgs && !bytes)
        lint_say(l, "bytes", "%s: %" PRIu64 " messages without a byte", what, msgs);
    else if (msgs > bytes && msgs - bytes > cpus_max)
        lint_say(l, "bytes", "%s: %" PRIu64 " messages of %" PRIu64 " bytes in all", what, msgs,
                 bytes);
    else if (msgs && bytes / msgs > bytes_max)
        lint_say(l, "bytes", "%s: more than %" PRIu64 " bytes a message", what, bytes_max);
}

static void check_redirect(struct lint *l, const struct event *ev)
{
    // MAX_RW_COUNT of the kernel is below. What a connection sent outside the map is passed as one
    // message: as much as a year at 36 GB/s.
    const uint64_t send_max = UINT64_C(1) << 31, passed_max = UINT64_C(1) << 60;
    const struct ev_redirect *r = &ev->redirect;
    check_messages(l, "redirected", r->bytes_redirected, r->msgs_redirected, send_max);
    check_messages(l, "passed", r->bytes_passed, r->msgs_passed, passed_max);
    check_overlap(l, ev, r->cgroup, r->port, r->interval_us);
}

static void check_cgroup_cpu(struct lint *l, const struct event *ev)
{
    const struct ev_cgroup_cpu *c = &ev->cgroup_cpu;
    if (c->interval_us && c->run_ns / 1000 / c->interval_us > cpus_max)
        lint_say(l, "range",
                 "run_ns %" PRIu64 " is more than %" PRIu64 " CPUs can run in the interval",
                 c->run_ns, cpus_max);
    if (EVENT_HAS(ev, cgroup_cpu, periods) && c->throttled > c->periods)
        lint_say(l, "range", "throttled in %" PRIu64 " of %" PRIu64 " periods", c->throttled,
                 c->periods);
}

static void check_cgroup_net(struct lint *l, const struct event *ev)
{
    const struct ev_cgroup_net *c = &ev->cgroup_net;
    if (EVENT_HAS(ev, cgroup_net, tx_packets))
        check_pair(l, "tx", c->tx_bytes, c->tx_packets, 0, 0);
    if (EVENT_HAS(ev, cgroup_net, rx_packets))
        check_pair(l, "rx", c->rx_bytes, c->rx_packets, 0, 0);
}

void lint_traffic(struct lint *l, const struct event *ev)
{
    switch (ev->type) {
    case EV_begin:
        take_begin(l, ev);
        break;
    case EV_flow:
        check_flow(l, ev);
        break;
    case EV_traffic_overflow:
        check_overflow(l, ev);
        break;
    case EV_traffic_totals:
        check_totals(l, ev);
        break;
    case EV_redirect:
        check_redirect(l, ev);
        break;
    case EV_cgroup_cpu:
        check_cgroup_cpu(l, ev);
        break;
    case EV_cgroup_net:
        check_cgroup_net(l, ev);
        break;
    default:
        break;
    }
}
