// SPDX-License-Identifier: Apache-2.0

#include "bpf/sockredir/redirect_events.h"
#include "schema/encode.h"

#include <string.h>

void redirect_events__init(struct redirect_events *e, struct writer *out,
                           const struct redirect *redirect, const struct cgroup_dir *cgroup)
{
    *e = (struct redirect_events){.out = out, .redirect = redirect, .cgroup = cgroup};
    e->last_us = event_now_us();
}

static void set_passed(struct event *ev, const uint64_t passed[PASS_REASONS])
{
    // an absent key is 0 here: nothing is unknown about it, and lines stay short
#define PASSED(REASON, key)                                                                        \
    if (passed[REASON])                                                                            \
    EVENT_SET(ev, redirect, key, passed[REASON])
    PASSED(PASS_PEER, bytes_passed_peer);
    PASSED(PASS_EARLY, bytes_passed_early);
    PASSED(PASS_SMALL, bytes_passed_small);
    PASSED(PASS_FULL, bytes_passed_full);
    PASSED(PASS_LEFT, bytes_passed_left);
    PASSED(PASS_STOP, bytes_passed_stop);
    PASSED(PASS_SHADOW, bytes_passed_shadow);
    PASSED(PASS_UNKNOWN, bytes_passed_unknown);
#undef PASSED
}

// now - told, member by member, which are all counters; told becomes now.
static struct port_counts advance(struct port_counts *told, const struct port_counts *now)
{
    struct port_counts delta;
    for (size_t i = 0; i < sizeof(delta) / sizeof(__u64); i++)
        ((__u64 *)&delta)[i] = ((const __u64 *)now)[i] - ((const __u64 *)told)[i];
    *told = *now;
    return delta;
}

static bool is_zero(const struct port_counts *c)
{
    static const struct port_counts zero;
    return memcmp(c, &zero, sizeof(zero)) == 0;
}

static void tell_port(struct redirect_events *e, uint16_t port, unsigned slot, uint64_t interval_us,
                      uint64_t unread_bytes)
{
    struct port_counts now;
    if (redirect_port_counts(e->redirect, slot, &now) != 0)
        return; // the next interval has it
    struct port_counts delta = advance(&e->told[slot], &now);
    uint32_t sockets = redirect_sockets_of(e->redirect, slot);
    if (is_zero(&delta) && !sockets)
        return;
    uint64_t msgs = 0, bytes = 0, passed[PASS_REASONS];
    for (int r = 0; r < PASS_REASONS; r++) {
        passed[r] = delta.bytes_passed[r];
        msgs += delta.msgs_passed[r];
        bytes += passed[r];
    }
    struct event ev = {.type = EV_redirect, .ts_us = e->last_us};
    EVENT_SET(&ev, redirect, cgroup, text_of(e->cgroup->path));
    EVENT_SET(&ev, redirect, port, port);
    EVENT_SET(&ev, redirect, interval_us, interval_us);
    EVENT_SET(&ev, redirect, msgs_redirected, delta.msgs_redirected);
    EVENT_SET(&ev, redirect, bytes_redirected, delta.bytes_redirected);
    EVENT_SET(&ev, redirect, msgs_passed, msgs);
    EVENT_SET(&ev, redirect, bytes_passed, bytes);
    EVENT_SET(&ev, redirect, sockets, sockets);
    EVENT_SET(&ev, redirect, connections, delta.connections);
    EVENT_SET(&ev, redirect, unread_bytes, unread_bytes);
    set_passed(&ev, passed);
    writer_event(e->out, &ev);
}

void redirect_events__interval(struct redirect_events *e, uint64_t unread_bytes)
{
    uint16_t ports[PORT_SLOTS];
    unsigned used = redirect_port_slots(e->redirect, ports);
    uint64_t now_us = event_now_us();
    // the wall clock may be set back
    uint64_t interval_us = now_us > e->last_us ? now_us - e->last_us : 1;
    e->last_us = now_us;
    for (unsigned slot = 0; slot < used; slot++)
        tell_port(e, ports[slot], slot, interval_us, unread_bytes);
    uint64_t lost = redirect_totals(e->redirect).notes_lost;
    writer_lost(e->out, lost - e->notes_lost, "notes of closed connections");
    e->notes_lost = lost;
    writer_flush(e->out);
}

// The words of enum pass_reason in events.
static const char *const reason_words[PASS_REASONS] = {
    [PASS_PEER] = "peer",     [PASS_EARLY] = "early",     [PASS_SMALL] = "small",
    [PASS_FULL] = "full",     [PASS_LEFT] = "left",       [PASS_STOP] = "stop",
    [PASS_SHADOW] = "shadow", [PASS_UNKNOWN] = "unknown",
};

void redirect_events__closed(struct redirect_events *e, const struct note *note)
{
    unsigned local = note->end & 1, remote = !local;
    struct ip_addr addr[2];
    for (int i = 0; i < 2; i++)
        addr[i] = ip_from_v6((const uint8_t *)note->key.addr[i]);
    struct event ev = {.type = EV_redirect_conn};
    EVENT_SET(&ev, redirect_conn, laddr, addr[local]);
    EVENT_SET(&ev, redirect_conn, lport, note->key.port[local]);
    EVENT_SET(&ev, redirect_conn, raddr, addr[remote]);
    EVENT_SET(&ev, redirect_conn, rport, note->key.port[remote]);
    EVENT_SET(&ev, redirect_conn, cgroup_id, note->cgroup_id);
    EVENT_SET(&ev, redirect_conn, bytes_redirected, note->bytes_redirected);
    EVENT_SET(&ev, redirect_conn, bytes_passed, note->bytes_passed);
    if (note->reason < PASS_REASONS && reason_words[note->reason])
        EVENT_SET(&ev, redirect_conn, reason, text_of(reason_words[note->reason]));
    writer_event(e->out, &ev);
}
