// SPDX-License-Identifier: Apache-2.0
//
// rtt_contradict.c - where the kernel's list of associations and the heartbeats disagree.

#include "helper/aggregate/rtt.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const struct column columns[] = {
    {"assoc_id", "ASSOC", UNIT_ID, COLUMN_LABEL},   {"raddr", "PEER", UNIT_NONE, COLUMN_LABEL},
    {"rport", "PORT", UNIT_PORT, COLUMN_LABEL},     {"kernel", "KERNEL SAYS", UNIT_NONE, 0},
    {"heartbeats", "HEARTBEATS SAY", UNIT_NONE, 0}, {"detail", "DETAIL", UNIT_NONE, COLUMN_PROSE},
};

static void add(struct table *t, uint64_t assoc_id, struct ip_addr raddr, uint16_t rport,
                const char *kernel, const char *heartbeats, const char *detail)
{
    struct cell *c = table_add_row(t);
    if (!c)
        return;
    c[0] = cell_u64(assoc_id);
    c[1] = cell_ip(t, raddr);
    c[2] = cell_u64(rport);
    c[3] = cell_text(text_of(kernel));
    c[4] = cell_text(text_of(heartbeats));
    c[5] = cell_copy(t, text_of(detail));
}

static bool is_dead(enum rtt_verdict v)
{
    return v == VERDICT_STALLED || v == VERDICT_NEVER || v == VERDICT_DOWN;
}

// /proc shows one network namespace only. A path whose association is not in the list is
// contradicted if another one of its namespace is, or if the list is of our own namespace.
static bool list_covers(const struct assoc_list *assocs, const struct rtt_judged *judged,
                        size_t count, uint64_t netns)
{
    struct stat st;
    if (stat("/proc/self/ns/net", &st) == 0 && st.st_ino == netns)
        return true;
    for (size_t i = 0; i < count; i++)
        if (judged[i].key.netns == netns && assoc_list_find(assocs, judged[i].key.assoc_id))
            return true;
    return false;
}

static void contradict_path(const struct assoc_list *assocs, const struct rtt_judged *judged,
                            size_t count, size_t i, struct table *t)
{
    const struct rtt_judged *j = &judged[i];
    const struct assoc *a = assoc_list_find(assocs, j->key.assoc_id);
    const char *verdict = rtt_verdict_name(j->verdict);
    if (a && a->state == ASSOC_ESTABLISHED) {
        if (is_dead(j->verdict))
            add(t, j->key.assoc_id, j->key.raddr, j->key.rport, "ESTABLISHED", verdict, j->why);
        else if (j->verdict == VERDICT_CLOSED)
            add(t, j->key.assoc_id, j->key.raddr, j->key.rport, "ESTABLISHED", verdict,
                "its end was seen, yet the kernel lists it");
        return;
    }
    if (j->verdict != VERDICT_OK && j->verdict != VERDICT_LOSSY && j->verdict != VERDICT_LATE)
        return;
    if (a)
        add(t, j->key.assoc_id, j->key.raddr, j->key.rport, assoc_state_name(a->state), verdict,
            "heartbeats are answered, yet the association is not established");
    else if (list_covers(assocs, judged, count, j->key.netns))
        add(t, j->key.assoc_id, j->key.raddr, j->key.rport, "not listed", verdict,
            "heartbeats are answered, yet the kernel has no such association");
}

static void contradict_assoc(const struct assoc *a, const struct rtt_judged *judged, size_t count,
                             struct table *t)
{
    for (size_t k = 0; k < a->address_count; k++) {
        bool seen = false;
        for (size_t i = 0; i < count && !seen; i++)
            seen = judged[i].key.assoc_id == a->assoc_id &&
                   ip_equal(judged[i].key.raddr, a->addresses[k]);
        if (!seen)
            add(t, a->assoc_id, a->addresses[k], a->rport, assoc_state_name(a->state), "nothing",
                "no heartbeat of this path was seen in the window");
    }
}

void rtt_contradict(const struct assoc_list *assocs, const struct rtt_judged *judged, size_t count,
                    struct report *report)
{
    struct table *t = report_add_section(report, "contradictions", "Contradictions");
    if (!t)
        return;
    table_add_columns(t, columns, sizeof(columns) / sizeof(*columns));
    for (size_t i = 0; i < count; i++)
        contradict_path(assocs, judged, count, i, t);
    for (size_t i = 0; i < assocs->count; i++)
        contradict_assoc(&assocs->items[i], judged, count, t);
}
