// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/events.h"
#include "bpf/xdpacct/config.h"
#include "bpf/xdpacct/naming.h"

#include <arpa/inet.h>

static struct ip_addr address(const __u64 words[2], unsigned family)
{
    return family == FAMILY_V4 ? ip_from_v4((const uint8_t *)words)
                               : ip_from_v6((const uint8_t *)words);
}

// Protocols whose headers start with two ports, and so have them (0 is "not known": a cut copy, or
// a later piece of a packet whose first piece was not seen).
static bool has_ports(unsigned proto)
{
    return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
           proto == IPPROTO_UDPLITE || proto == IPPROTO_DCCP;
}

static void write_flow(struct writer *w, const struct stamp *stamp, const struct flow_entry *flow,
                       struct naming *names)
{
    struct event ev = {.type = EV_flow, .ts_us = stamp->ts_us};
    char encap[32];
    unsigned family = FLOW_ID_FAMILY(flow->key.id), proto = FLOW_ID_PROTO(flow->key.id);
    EVENT_SET(&ev, flow, iface, text_of(stamp->iface));
    EVENT_SET(&ev, flow, mode, text_of(stamp->mode));
    if (FLOW_ID_ENCAP(flow->key.id))
        EVENT_SET(&ev, flow, encap, text_of(encap_text(FLOW_ID_ENCAP(flow->key.id), encap)));
    EVENT_SET(&ev, flow, sub, address(flow->key.sub, family));
    if (stamp->by != BY_SUBSCRIBER)
        EVENT_SET(&ev, flow, peer, address(flow->key.peer, family));
    if (stamp->by == BY_FLOW) {
        EVENT_SET(&ev, flow, proto, proto);
        if (has_ports(proto)) {
            EVENT_SET(&ev, flow, sub_port, ntohs(FLOW_ID_SUB_PORT(flow->key.id)));
            EVENT_SET(&ev, flow, peer_port, ntohs(FLOW_ID_PEER_PORT(flow->key.id)));
        }
    }
    EVENT_SET(&ev, flow, bytes_up, flow->count.bytes[DIR_UP]);
    EVENT_SET(&ev, flow, bytes_down, flow->count.bytes[DIR_DOWN]);
    EVENT_SET(&ev, flow, packets_up, flow->count.packets[DIR_UP]);
    EVENT_SET(&ev, flow, packets_down, flow->count.packets[DIR_DOWN]);
    EVENT_SET(&ev, flow, interval_us, stamp->interval_us);
    naming__flow(names, stamp, flow, &ev);
    writer_event(w, &ev);
}

static void write_overflow(struct writer *w, const struct stamp *stamp,
                           const struct flow_entry *entry)
{
    struct event ev = {.type = EV_traffic_overflow, .ts_us = stamp->ts_us};
    EVENT_SET(&ev, traffic_overflow, iface, text_of(stamp->iface));
    EVENT_SET(&ev, traffic_overflow, mode, text_of(stamp->mode));
    EVENT_SET(&ev, traffic_overflow, sub, address(entry->key.sub, FLOW_ID_FAMILY(entry->key.id)));
    EVENT_SET(&ev, traffic_overflow, bytes_up, entry->count.bytes[DIR_UP]);
    EVENT_SET(&ev, traffic_overflow, bytes_down, entry->count.bytes[DIR_DOWN]);
    EVENT_SET(&ev, traffic_overflow, packets_up, entry->count.packets[DIR_UP]);
    EVENT_SET(&ev, traffic_overflow, packets_down, entry->count.packets[DIR_DOWN]);
    EVENT_SET(&ev, traffic_overflow, interval_us, stamp->interval_us);
    writer_event(w, &ev);
}

#define SET_TOTAL(ev, name, counter)                                                               \
    (EVENT_SET(ev, traffic_totals, name##_packets, (counter).packets),                             \
     EVENT_SET(ev, traffic_totals, name##_bytes, (counter).bytes))

static void write_totals(struct writer *w, const struct stamp *stamp,
                         const struct interval_counts *counts)
{
    struct event ev = {.type = EV_traffic_totals, .ts_us = stamp->ts_us};
    EVENT_SET(&ev, traffic_totals, iface, text_of(stamp->iface));
    EVENT_SET(&ev, traffic_totals, mode, text_of(stamp->mode));
    EVENT_SET(&ev, traffic_totals, interval_us, stamp->interval_us);
    EVENT_SET(&ev, traffic_totals, bytes, text_of(stamp->bytes));
    SET_TOTAL(&ev, seen, counts->counters[COUNT_SEEN]);
    SET_TOTAL(&ev, accounted, counts->accounted);
    SET_TOTAL(&ev, overflow, counts->counters[COUNT_OVERFLOW]);
    SET_TOTAL(&ev, not_ours, counts->counters[COUNT_NOT_OURS]);
    SET_TOTAL(&ev, non_ip, counts->counters[COUNT_NON_IP]);
    SET_TOTAL(&ev, bad_header, counts->counters[COUNT_BAD_HEADER]);
    SET_TOTAL(&ev, outer_fragments, counts->counters[COUNT_OUTER_FRAGMENTS]);
    SET_TOTAL(&ev, rejected_outer, counts->counters[COUNT_REJECTED_OUTER]);
    SET_TOTAL(&ev, local, counts->counters[COUNT_LOCAL]);
    SET_TOTAL(&ev, truncated, counts->counters[COUNT_TRUNCATED]);
    SET_TOTAL(&ev, aggregated, counts->counters[COUNT_AGGREGATED]);
    EVENT_SET(&ev, traffic_totals, flows, counts->flows.used);
    EVENT_SET(&ev, traffic_totals, flows_spilled, counts->spilled);
    writer_event(w, &ev);
}

void events_write(struct writer *w, const struct stamp *stamp, const struct interval_counts *counts,
                  struct naming *names)
{
    for (size_t i = 0; i < counts->flows.used && !writer_closed(w); i++)
        write_flow(w, stamp, &counts->flows.entries[i], names);
    for (size_t i = 0; i < counts->overflowed.used && !writer_closed(w); i++)
        write_overflow(w, stamp, &counts->overflowed.entries[i]);
    write_totals(w, stamp, counts);
    naming__totals(names, stamp);
    writer_flush(w);
}
