// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/drain.h"
#include "bpf/xdpacct/xdpacct.skel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SPILL_BATCH = 4096 };

static void add_counter(struct counter *to, uint64_t packets, uint64_t bytes)
{
    to->packets += packets;
    to->bytes += bytes;
}

// Flows on their way to the sum. A line adds two at most.
struct batch {
    struct flows *flows;
    struct counter *sum;
    struct flow_entry of[FLOWS_AT_ONCE];
    unsigned count;
};

static bool add_batch(struct batch *b)
{
    for (unsigned i = 0; i < b->count; i++) {
        const struct flow_count *count = &b->of[i].count;
        add_counter(b->sum, count->packets[DIR_UP] + count->packets[DIR_DOWN],
                    count->bytes[DIR_UP] + count->bytes[DIR_DOWN]);
    }
    bool ok = flows__add(b->flows, b->of, b->count);
    b->count = 0;
    return ok;
}

static void take_v4(const struct slot_v4 *slot, struct batch *b)
{
    b->of[b->count++] = (struct flow_entry){
        .key = {.id = slot->id & FLOW_ID_MASK,
                .sub = {V4_ADDRS_SUB(slot->addrs)},
                .peer = {V4_ADDRS_PEER(slot->addrs)}},
        .count = {.packets = {SLOT_PACKETS(slot->count[0]), SLOT_PACKETS(slot->count[1])},
                  .bytes = {SLOT_BYTES(slot->count[0]), SLOT_BYTES(slot->count[1])}}};
}

static void take_v6(const struct slot_v6 *slot, struct batch *b)
{
    b->of[b->count++] =
        (struct flow_entry){.key = {.id = slot->id & FLOW_ID_MASK,
                                    .sub = {slot->sub[0], slot->sub[1]},
                                    .peer = {slot->peer_net, slot->peer_host}},
                            .count = {.packets = {slot->packets[0], slot->packets[1]},
                                      .bytes = {slot->bytes[0], slot->bytes[1]}}};
}

static void take_line(struct line *line, struct batch *b)
{
    if (FLOW_ID_FAMILY(line->v4[0].id) == FAMILY_V6) {
        take_v6(&line->v6, b);
    } else {
        take_v4(&line->v4[0], b);
        if (line->v4[1].id)
            take_v4(&line->v4[1], b);
    }
    memset(line, 0, sizeof(*line));
}

static bool take_lines(struct line *lines, uint32_t n, struct interval_counts *out)
{
    struct batch b = {.flows = &out->flows, .sum = &out->accounted, .count = 0};
    bool ok = true;
    for (uint32_t i = 0; i < n; i++) {
        if (!lines[i].v4[0].id)
            continue;
        take_line(&lines[i], &b);
        if (b.count + 2 > FLOWS_AT_ONCE)
            ok = add_batch(&b) && ok;
    }
    return add_batch(&b) && ok;
}

// Empties a table that nobody counts into.
static int take_table(struct acct *a, unsigned index, struct interval_counts *out)
{
    struct counter *of = a->skel->bss->counters[index].of;
    for (unsigned c = 0; c < COUNT_TRAFFIC; c++) {
        add_counter(&out->counters[c], of[c].packets, of[c].bytes);
        of[c] = (struct counter){0};
    }
    struct line *lines = a->tables.lines + (size_t)index * a->tables.flow_lines;
    return take_lines(lines, a->tables.flow_lines, out) ? 0 : -ENOMEM;
}

static bool take_entries(const struct flow_key *keys, const struct flow_count *counts, uint32_t n,
                         struct flows *flows, struct counter *sum)
{
    struct batch b = {.flows = flows, .sum = sum, .count = 0};
    bool ok = true;
    for (uint32_t i = 0; i < n; i++) {
        b.of[b.count++] = (struct flow_entry){.key = keys[i], .count = counts[i]};
        if (b.count == FLOWS_AT_ONCE)
            ok = add_batch(&b) && ok;
    }
    return add_batch(&b) && ok;
}

// Empties a hash that nobody counts into. *taken gets the number of its entries.
static int take_hash(int fd, struct flows *flows, struct counter *sum, uint64_t *taken)
{
    struct flow_key *keys = calloc(SPILL_BATCH, sizeof(*keys));
    struct flow_count *counts = calloc(SPILL_BATCH, sizeof(*counts));
    int err = keys && counts ? 0 : -ENOMEM;
    uint64_t place;
    bool first = true, more = !err;
    while (more) {
        uint32_t n = SPILL_BATCH;
        int rc = bpf_map_lookup_and_delete_batch(fd, first ? NULL : &place, &place, keys, counts,
                                                 &n, NULL);
        more = rc == 0;
        if (rc != 0 && errno != ENOENT)
            err = -errno;
        if (rc == 0 || errno == ENOENT) {
            err = take_entries(keys, counts, n, flows, sum) ? err : -ENOMEM;
            *taken += n;
        }
        first = false;
    }
    free(keys);
    free(counts);
    return err;
}

// Empties a spill map and its hash of subscribers, which nobody counts into.
static int take_spill(const struct tables *t, unsigned spill, struct interval_counts *out)
{
    uint64_t subscribers = 0;
    int err = take_hash(t->spill_fds[spill], &out->flows, &out->accounted, &out->spilled);
    if (!err && out->counters[COUNT_OVERFLOW].packets)
        err = take_hash(t->spill_fds[SPILLS + spill], &out->overflowed, &out->overflow_known,
                        &subscribers);
    return err;
}

// An update of a map of maps returns only after an RCU grace period (maybe_wait_bpf_programs, since
// kernel commit 1ae80cf31938): programs that read the old table_of_cpu are done then. What the map
// holds does not change.
int drain_settle(struct acct *a)
{
    struct tables *t = &a->tables;
    uint32_t zero = 0;
    return bpf_map_update_elem(t->spills_fd, &zero, &t->spill_fds[0], BPF_ANY) == 0 ? 0 : -errno;
}

// Gives the CPUs [from, to) spare tables. Afterwards the tables that are listed as spare are ours.
static int exchange(struct acct *a, unsigned from, unsigned to)
{
    struct tables *t = &a->tables;
    for (unsigned i = from; i < to; i++) {
        unsigned old = t->table_of[i];
        t->table_of[i] = t->spares[i - from];
        t->spares[i - from] = old;
        a->skel->bss->counters[t->table_of[i]].spill = t->spill_in_use;
        __atomic_store_n((uint16_t *)&a->skel->bss->table_of_cpu[t->cpus[i]],
                         (uint16_t)t->table_of[i], __ATOMIC_SEQ_CST);
    }
    return drain_settle(a);
}

static int take_live(struct acct *a, struct interval_counts *out)
{
    struct tables *t = &a->tables;
    unsigned spill = t->spill_in_use;
    int err = 0;
    t->spill_in_use = !spill;
    for (unsigned from = 0; from < t->cpu_count && !err; from += t->spare_count) {
        unsigned to = from + t->spare_count < t->cpu_count ? from + t->spare_count : t->cpu_count;
        err = exchange(a, from, to);
        for (unsigned i = from; i < to && !err; i++)
            err = take_table(a, t->spares[i - from], out);
    }
    // no CPU has a table that spills there any more
    return err ? err : take_spill(t, spill, out);
}

static int take_idle(struct acct *a, struct interval_counts *out)
{
    struct tables *t = &a->tables;
    int err = 0;
    for (unsigned i = 0; i < t->cpu_count && !err; i++)
        err = take_table(a, t->table_of[i], out);
    size_t in_tables = out->flows.used;
    if (!err)
        err = take_spill(t, t->spill_in_use, out);
    // the kernel's order is another one each time, but a capture is to give the same lines again
    flows__sort(&out->flows, in_tables);
    flows__sort(&out->overflowed, 0);
    return err;
}

// Packets of CPUs that have no table: these counters alone are shared, so they are read and
// subtracted.
static void take_strays(struct acct *a, struct interval_counts *out)
{
    struct counter *strays = &a->skel->bss->strays;
    out->strays.packets = __atomic_exchange_n(&strays->packets, 0, __ATOMIC_SEQ_CST);
    out->strays.bytes = __atomic_exchange_n(&strays->bytes, 0, __ATOMIC_SEQ_CST);
    add_counter(&out->counters[COUNT_SEEN], out->strays.packets, out->strays.bytes);
    add_counter(&out->counters[COUNT_OVERFLOW], out->strays.packets, out->strays.bytes);
}

int drain_take(struct acct *a, bool live, struct interval_counts *out)
{
    flows__clear(&out->flows);
    flows__clear(&out->overflowed);
    *out = (struct interval_counts){.flows = out->flows, .overflowed = out->overflowed};
    if (!flows__reserve(&out->flows, 2 * (size_t)a->tables.flow_lines))
        return -ENOMEM;
    int err = live ? take_live(a, out) : take_idle(a, out);
    take_strays(a, out);
    return err;
}

void interval_counts__free(struct interval_counts *counts)
{
    flows__free(&counts->flows);
    flows__free(&counts->overflowed);
}

bool drain_conserved(const struct interval_counts *counts)
{
    struct counter sum = counts->accounted, known = counts->overflow_known,
                   overflow = counts->counters[COUNT_OVERFLOW];
    if (known.packets > overflow.packets || known.bytes > overflow.bytes)
        return false;
    for (unsigned c = COUNT_OVERFLOW; c <= COUNT_REJECTED_OUTER; c++)
        add_counter(&sum, counts->counters[c].packets, counts->counters[c].bytes);
    return sum.packets == counts->counters[COUNT_SEEN].packets &&
           sum.bytes == counts->counters[COUNT_SEEN].bytes;
}
