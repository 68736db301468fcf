// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/naming.h"
#include "bpf/xdpacct/names/tracker.h"
#include "bpf/xdpacct/xdpacct.skel.h"
#include "helper/exit_codes.h"
#include "schema/encode.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

enum { FLOWS_MIN = 65536 };

struct naming {
    struct tracker *tracker;
    struct ring_buffer *ring;
    struct acct *acct;
    const struct prefix_set *resolvers;
    struct writer *writer;
    uint64_t now_us;
    struct name_losses told; // of the program's counts, what was reported
};

static bool trusts(void *context, struct ip_addr resolver)
{
    const struct naming *n = context;
    return n->resolvers->count == 0 || prefix_set__contains(n->resolvers, resolver);
}

static void write_name(void *context, const struct learnt *learnt)
{
    struct naming *n = context;
    struct event ev = {.type = EV_name, .ts_us = n->now_us};
    EVENT_SET(&ev, name, sub, learnt->sub);
    EVENT_SET(&ev, name, peer, learnt->peer);
    EVENT_SET(&ev, name, name, learnt->verdict.name);
    EVENT_SET(&ev, name, evidence, evidence_text(learnt->verdict.evidence));
    if (learnt->verdict.unverified)
        EVENT_SET(&ev, name, unverified, 1);
    if (learnt->verdict.evidence == EVIDENCE_DNS)
        EVENT_SET(&ev, name, ttl_s, learnt->ttl_s);
    writer_event(n->writer, &ev);
}

static int take_copy(void *context, void *copy, size_t size)
{
    struct naming *n = context;
    tracker__packet(n->tracker, copy, size, n->now_us);
    return 0;
}

int naming__open(struct naming **out, const struct loader *l, struct acct *a,
                 const struct config *config, const struct settings *settings,
                 const struct prefix_set *resolvers, struct writer *w)
{
    *out = NULL;
    if (settings->names == NAMES_OFF)
        return EXIT_OK;
    struct naming *n = calloc(1, sizeof(*n));
    if (!n)
        return loader_fail(l, ENOMEM, "make room for names");
    *n = (struct naming){.acct = a, .resolvers = resolvers, .writer = w};
    uint64_t flows = config->max_flows < FLOWS_MIN ? FLOWS_MIN : config->max_flows;
    struct tracker_config names = {.flows = (uint32_t)flows,
                                   .hellos = settings->names == NAMES_ALL,
                                   .trusts = trusts,
                                   .learn = write_name,
                                   .context = n};
    n->tracker = tracker__new(&names);
    n->ring = ring_buffer__new(bpf_map__fd(a->skel->maps.name_copies), take_copy, n, NULL);
    if (n->tracker && n->ring) {
        *out = n;
        return EXIT_OK;
    }
    int err = n->tracker ? errno : ENOMEM;
    naming__free(n);
    return loader_fail(l, err, "make room for names");
}

void naming__free(struct naming *n)
{
    if (!n)
        return;
    ring_buffer__free(n->ring);
    tracker__free(n->tracker);
    free(n);
}

int naming__fd(const struct naming *n)
{
    return n ? ring_buffer__epoll_fd(n->ring) : -1;
}

void naming__take(struct naming *n)
{
    if (!n)
        return;
    n->now_us = n->writer->now_us ? n->writer->now_us : event_now_us();
    ring_buffer__consume(n->ring);
}

// A flow's name came after its first bytes were reported: those of each interval move.
static void write_reclass(struct naming *n, const struct event *flow, const struct attribution *a,
                          const struct moved *moved)
{
    struct event ev = {.type = EV_reclass, .ts_us = flow->ts_us};
    EVENT_SET(&ev, reclass, iface, flow->flow.iface);
    EVENT_SET(&ev, reclass, mode, flow->flow.mode);
    EVENT_SET(&ev, reclass, sub, flow->flow.sub);
    EVENT_SET(&ev, reclass, peer, flow->flow.peer);
    EVENT_SET(&ev, reclass, proto, flow->flow.proto);
    EVENT_SET(&ev, reclass, sub_port, flow->flow.sub_port);
    EVENT_SET(&ev, reclass, peer_port, flow->flow.peer_port);
    if (a->from.evidence != EVIDENCE_NONE) {
        EVENT_SET(&ev, reclass, from_name, a->from.name);
        EVENT_SET(&ev, reclass, from_evidence, evidence_text(a->from.evidence));
    }
    if (a->from.ambiguous)
        EVENT_SET(&ev, reclass, from_ambiguous, 1);
    EVENT_SET(&ev, reclass, name, a->verdict.name);
    EVENT_SET(&ev, reclass, evidence, evidence_text(a->verdict.evidence));
    if (a->verdict.unverified)
        EVENT_SET(&ev, reclass, unverified, 1);
    EVENT_SET(&ev, reclass, bytes_up, moved->count.bytes[DIR_UP]);
    EVENT_SET(&ev, reclass, bytes_down, moved->count.bytes[DIR_DOWN]);
    EVENT_SET(&ev, reclass, packets_up, moved->count.packets[DIR_UP]);
    EVENT_SET(&ev, reclass, packets_down, moved->count.packets[DIR_DOWN]);
    EVENT_SET(&ev, reclass, flow_ts_us, moved->interval.end_us);
    EVENT_SET(&ev, reclass, interval_us, moved->interval.length_us);
    writer_event(n->writer, &ev);
}

void naming__flow(struct naming *n, const struct stamp *stamp, const struct flow_entry *flow,
                  struct event *ev)
{
    struct attribution a;
    if (!n)
        return;
    const struct tracker_interval interval = {stamp->ts_us, stamp->interval_us};
    tracker__attribute(n->tracker, &flow->key, &flow->count, &interval, &a);
    for (unsigned i = 0; i < a.moved_count; i++)
        write_reclass(n, ev, &a, &a.moved[i]);
    if (a.verdict.evidence == EVIDENCE_NONE)
        return;
    EVENT_SET(ev, flow, name, a.verdict.name);
    EVENT_SET(ev, flow, evidence, evidence_text(a.verdict.evidence));
    if (a.verdict.ambiguous)
        EVENT_SET(ev, flow, ambiguous, 1);
    if (a.verdict.unverified)
        EVENT_SET(ev, flow, unverified, 1);
}

void naming__totals(struct naming *n, const struct stamp *stamp)
{
    if (!n)
        return;
    struct tracker_counts counts = tracker__take_counts(n->tracker);
    struct name_losses now = n->acct->skel->bss->name_losses;
    struct event ev = {.type = EV_names_totals, .ts_us = stamp->ts_us};
    EVENT_SET(&ev, names_totals, iface, text_of(stamp->iface));
    EVENT_SET(&ev, names_totals, mode, text_of(stamp->mode));
    EVENT_SET(&ev, names_totals, interval_us, stamp->interval_us);
    EVENT_SET(&ev, names_totals, copies, counts.copies);
    EVENT_SET(&ev, names_totals, copies_over_limit, now.over_limit - n->told.over_limit);
    EVENT_SET(&ev, names_totals, dns_answers, counts.dns_answers);
    EVENT_SET(&ev, names_totals, dns_untrusted, counts.dns_untrusted);
    EVENT_SET(&ev, names_totals, hellos_named, counts.hellos_named);
    EVENT_SET(&ev, names_totals, hellos_unnamed, counts.hellos_unnamed);
    EVENT_SET(&ev, names_totals, hellos_incomplete, counts.incomplete);
    EVENT_SET(&ev, names_totals, hellos_contradictory, counts.contradictory);
    EVENT_SET(&ev, names_totals, names_refused, counts.no_room);
    EVENT_SET(&ev, names_totals, flows_forgotten, counts.flows_forgotten);
    EVENT_SET(&ev, names_totals, addresses_forgotten, counts.addresses_forgotten);
    EVENT_SET(&ev, names_totals, open_forgotten, counts.open_forgotten);
    EVENT_SET(&ev, names_totals, dns_over_limit, counts.dns_over_limit);
    writer_event(n->writer, &ev);
    writer_lost(n->writer, now.ring_full - n->told.ring_full, "copies of packets with names");
    n->told = now;
}
