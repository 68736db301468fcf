// SPDX-License-Identifier: Apache-2.0
//
// rtt_contradict.c - where the kernel's list of associations and the heartbeats disagree.

#include "helper/aggregate/rtt.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct comparison {
    const struct assoc_list *assocs;
    const struct rtt_judged *judged;
    size_t count;
    rtt_contradiction_fn *emit;
    void *context;
};

static bool is_dead(enum rtt_verdict v)
{
    return v == VERDICT_STALLED || v == VERDICT_NEVER || v == VERDICT_DOWN;
}

// /proc shows one network namespace only. A path whose association is not in the list is
// contradicted if another one of its namespace is, or if the list is of our own namespace.
static bool list_covers(const struct comparison *c, uint64_t netns)
{
    struct stat st;
    if (stat("/proc/self/ns/net", &st) == 0 && st.st_ino == netns)
        return true;
    for (size_t i = 0; i < c->count; i++)
        if (c->judged[i].key.netns == netns &&
            assoc_list_find(c->assocs, c->judged[i].key.assoc_id))
            return true;
    return false;
}

static void emit_path(const struct comparison *c, const struct rtt_judged *j, const char *kernel,
                      const char *detail)
{
    const struct rtt_contradiction found = {.assoc_id = j->key.assoc_id,
                                            .raddr = j->key.raddr,
                                            .rport = j->key.rport,
                                            .kernel = kernel,
                                            .heartbeats = rtt_verdict_name(j->verdict),
                                            .detail = detail,
                                            .state = CHECK_CRITICAL};
    c->emit(c->context, &found);
}

static void contradict_path(const struct comparison *c, const struct rtt_judged *j)
{
    const struct assoc *a = assoc_list_find(c->assocs, j->key.assoc_id);
    if (a && a->state == ASSOC_ESTABLISHED) {
        if (is_dead(j->verdict))
            emit_path(c, j, "ESTABLISHED", j->why);
        else if (j->verdict == VERDICT_CLOSED)
            emit_path(c, j, "ESTABLISHED", "its end was seen, yet the kernel lists it");
        return;
    }
    if (j->verdict != VERDICT_OK && j->verdict != VERDICT_LOSSY && j->verdict != VERDICT_LATE)
        return;
    if (a)
        emit_path(c, j, assoc_state_name(a->state),
                  "heartbeats are answered, yet the association is not established");
    else if (list_covers(c, j->key.netns))
        emit_path(c, j, "not listed",
                  "heartbeats are answered, yet the kernel has no such association");
}

// True if heartbeats were seen of the association; of the path to one address, if that is not NULL.
static bool was_seen(const struct comparison *c, const struct assoc *a, const struct ip_addr *raddr)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->judged[i].key.assoc_id == a->assoc_id &&
            (!raddr || ip_equal(c->judged[i].key.raddr, *raddr)))
            return true;
    return false;
}

static void contradict_assoc(const struct comparison *c, const struct assoc *a)
{
    // while an association is set up or shut down, silence is no contradiction worth an alarm
    enum check_state state = a->state != ASSOC_ESTABLISHED ? CHECK_OK
                             : was_seen(c, a, NULL)        ? CHECK_WARNING
                                                           : CHECK_CRITICAL;
    for (size_t k = 0; k < a->address_count; k++) {
        const struct rtt_contradiction found = {
            .assoc_id = a->assoc_id,
            .raddr = a->addresses[k],
            .rport = a->rport,
            .kernel = assoc_state_name(a->state),
            .heartbeats = "nothing",
            .detail = "no heartbeat of this path was seen in the window",
            .state = state};
        if (!was_seen(c, a, &a->addresses[k]))
            c->emit(c->context, &found);
    }
}

void rtt_contradict(const struct assoc_list *assocs, const struct rtt_judged *judged, size_t count,
                    rtt_contradiction_fn *emit, void *context)
{
    const struct comparison c = {assocs, judged, count, emit, context};
    for (size_t i = 0; i < count; i++)
        contradict_path(&c, &judged[i]);
    for (size_t i = 0; i < assocs->count; i++)
        contradict_assoc(&c, &assocs->items[i]);
}

// ---- the section of the report

static const struct column columns[] = {
    {"assoc_id", "ASSOC", UNIT_ID, COLUMN_LABEL},   {"raddr", "PEER", UNIT_NONE, COLUMN_LABEL},
    {"rport", "PORT", UNIT_PORT, COLUMN_LABEL},     {"kernel", "KERNEL SAYS", UNIT_NONE, 0},
    {"heartbeats", "HEARTBEATS SAY", UNIT_NONE, 0}, {"detail", "DETAIL", UNIT_NONE, COLUMN_PROSE},
};

static void add_row(void *context, const struct rtt_contradiction *found)
{
    struct table *t = context;
    struct cell *c = table_add_row(t);
    if (!c)
        return;
    c[0] = cell_u64(found->assoc_id);
    c[1] = cell_ip(t, found->raddr);
    c[2] = cell_u64(found->rport);
    c[3] = cell_text(text_of(found->kernel));
    c[4] = cell_text(text_of(found->heartbeats));
    c[5] = cell_copy(t, text_of(found->detail));
}

void rtt_contradictions(const char *assocs_path, const struct rtt_judged *judged, size_t count,
                        struct report *report)
{
    struct assoc_list assocs;
    char error[ASSOC_ERROR_MAX];
    if (!assoc_list_read(assocs_path, &assocs, error)) {
        fprintf(stderr, "netvitals: %s\n", error);
        report->nothing_there = true;
        return;
    }
    struct table *t = report_add_section(report, "contradictions", "Contradictions");
    if (t) {
        table_add_columns(t, columns, sizeof(columns) / sizeof(*columns));
        rtt_contradict(&assocs, judged, count, add_row, t);
    }
    assoc_list_free(&assocs);
}
